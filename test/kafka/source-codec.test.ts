import { describe, expect, it } from 'vitest';
import type { Change, Position, SourceRules } from '../../src/core/change.ts';
import { isNewer } from '../../src/core/position.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { SchemaSource, WriterSchema } from '../../src/kafka/registry.ts';
import { RegistryRefused, RegistryUnavailable } from '../../src/kafka/registry-http.ts';
import { SourceCodec } from '../../src/kafka/source-codec.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { type Labels, silentMeter } from '../../src/lib/meter.ts';
import {
  type SampleFolder,
  sampleFiles,
  sampleRecords,
  sampleRegistry,
  sampleSchemas,
  sampleTable,
  sampleTruth,
} from '../support/samples.ts';

const RULES: SourceRules = {
  sourceEpoch: 0,
  unavailablePlaceholder: '__debezium_unavailable_value',
  jsonTimeUnit: 'micros',
};
/** A clock on which every wait is over at once. */
const hastyClock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after(_delayMs, callback) {
    queueMicrotask(callback);
    return () => {};
  },
};
const never = new AbortController().signal;

function codec(registry: SchemaSource | null = sampleRegistry()): SourceCodec {
  return new SourceCodec({ registry, clock: hastyClock, log: silentLog, meter: silentMeter }, RULES);
}

async function changesOf(folder: SampleFolder, file: string): Promise<{ record: KafkaRecord; change: Change }[]> {
  const records = sampleRecords(folder, file);
  const table = sampleTable(file);
  const reader = codec();
  await reader.prepare(records, never);
  return records.map((record) => ({ record, change: reader.decode(record, table ?? 'lead') }));
}

function counts(changes: readonly { change: Change }[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { change } of changes) found[change.kind] = (found[change.kind] ?? 0) + 1;
  return found;
}

async function firstSample(): Promise<{ reader: SourceCodec; record: KafkaRecord; value: Buffer }> {
  const [record] = sampleRecords('avro', 'crm.public.leads.ndjson');
  if (record?.value == null) throw new Error('the sample has no first record');
  const reader = codec();
  await reader.prepare([record], never);
  return { reader, record, value: record.value };
}

function framed(id: number, text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt32BE(id, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

function record(parts: Partial<KafkaRecord>): KafkaRecord {
  return { topic: 't', partition: 0, offset: 7, timestamp: 1000, key: null, value: null, headers: {}, ...parts };
}

describe('the samples of a real Debezium', () => {
  it('decode without a single bad record, and no kind is unexpected', async () => {
    const kinds: Record<string, Record<string, number>> = {};
    for (const folder of ['avro', 'json'] as const) {
      for (const file of sampleFiles(folder)) {
        if (sampleTable(file) !== null) kinds[file] = counts(await changesOf(folder, file));
      }
    }
    expect(kinds).toMatchInlineSnapshot(`
      {
        "crm.public.appointments.ndjson": {
          "delete": 2,
          "tombstone": 1,
          "upsert": 17,
        },
        "crm.public.leads.ndjson": {
          "delete": 1,
          "tombstone": 1,
          "upsert": 38,
        },
        "crm.public.test_drives.ndjson": {
          "delete": 8,
          "tombstone": 6,
          "upsert": 16,
        },
        "crm.ri_full.appointments.ndjson": {
          "delete": 2,
          "tombstone": 1,
          "upsert": 17,
        },
        "crm.ri_full.leads.ndjson": {
          "delete": 1,
          "tombstone": 1,
          "upsert": 31,
        },
        "crm.ri_full.test_drives.ndjson": {
          "delete": 7,
          "tombstone": 6,
          "upsert": 12,
        },
        "crmdef.public.appointments.ndjson": {
          "delete": 2,
          "tombstone": 1,
          "upsert": 17,
        },
        "crmdef.public.leads.ndjson": {
          "delete": 1,
          "tombstone": 1,
          "upsert": 32,
        },
        "crmdef.public.test_drives.ndjson": {
          "delete": 7,
          "tombstone": 6,
          "upsert": 13,
        },
        "crmflat.public.appointments.ndjson": {
          "delete": 2,
          "tombstone": 1,
          "upsert": 17,
        },
        "crmflat.public.leads.ndjson": {
          "delete": 1,
          "tombstone": 1,
          "upsert": 32,
        },
        "crmflat.public.test_drives.ndjson": {
          "delete": 7,
          "tombstone": 6,
          "upsert": 13,
        },
        "crmj.public.appointments.ndjson": {
          "delete": 2,
          "tombstone": 1,
          "upsert": 17,
        },
        "crmj.public.leads.ndjson": {
          "delete": 1,
          "tombstone": 1,
          "upsert": 32,
        },
        "crmj.public.test_drives.ndjson": {
          "delete": 7,
          "tombstone": 6,
          "upsert": 13,
        },
        "crmjr.public.appointments.ndjson": {
          "delete": 2,
          "tombstone": 1,
          "upsert": 17,
        },
        "crmjr.public.test_drives.ndjson": {
          "delete": 7,
          "tombstone": 6,
          "upsert": 13,
        },
        "crmjs.public.test_drives.head.ndjson": {
          "upsert": 3,
        },
        "crmkey.ri_full.test_drives.ndjson": {
          "bad": 6,
          "delete": 7,
          "upsert": 12,
        },
      }
    `);
  });

  it('say t and m for truncates and logical messages, which are no changes of a row', async () => {
    expect(counts(await changesOf('avro', 'crm.message.ndjson'))).toEqual({ ignored: 12 });
    const [truncate] = await changesOf('poison', 'crmkey.ri_full.test_drives.truncate.ndjson');
    expect(truncate?.change).toEqual({ kind: 'ignored', reason: 'truncate' });
  });

  it('give ids, positions and commit times to the digit', async () => {
    const changes = await changesOf('avro', 'crm.public.leads.ndjson');
    const [snapshot] = changes;
    expect(snapshot?.change).toMatchObject({
      kind: 'upsert',
      table: 'lead',
      id: '138560',
      made: false,
      snapshot: true,
      commitMs: 1795444984783,
      position: { epoch: 0, high: 26633232, own: 26633232, streamed: false },
    });
  });

  it.each(['public', 'ri_full'] as const)(
    'replayed by position end in what the tables of schema %s held',
    async (schema) => {
      const rows = new Map<string, Change & { kind: 'upsert' }>();
      const newest = new Map<string, Position>();
      for (const { change } of await changesOf('avro', `crm.${schema}.leads.ndjson`)) {
        if (change.kind !== 'upsert' && change.kind !== 'delete') continue;
        const known = newest.get(change.id);
        if (known !== undefined && !isNewer(change.position, known)) continue;
        newest.set(change.id, change.position);
        if (change.kind === 'upsert') rows.set(change.id, change);
        else rows.delete(change.id);
      }
      const held = Array.from(rows.values(), ({ row }) => (row.table === 'lead' ? row.row : null));
      const facts = held
        .map((row) => ({
          id: row?.id,
          lead_cluster_id: row?.lead_cluster_id,
          category: row?.category,
          created: row?.created,
          updated_at: row?.updated_at,
        }))
        .sort((a, b) => Number(a.id) - Number(b.id));
      const truth = sampleTruth(schema).map((fact) => ({
        id: String(fact['id']),
        lead_cluster_id: fact['lead_cluster_id'] === null ? null : String(fact['lead_cluster_id']),
        category: JSON.stringify(fact['category']),
        created: JSON.stringify(fact['created']),
        updated_at: JSON.stringify(fact['updated_at']),
      }));
      expect(facts).toEqual(truth.sort((a, b) => Number(a.id) - Number(b.id)));
    },
  );

  it('decode under every schema version of a table: a column added, an int that became a long', async () => {
    const changes = await changesOf('avro', 'crm.public.appointments.ndjson');
    const byId = new Map<number, Set<string>>();
    for (const {
      record: { value },
      change,
    } of changes) {
      if (value === null) continue;
      const kinds = byId.get(value.readInt32BE(1)) ?? new Set();
      byId.set(value.readInt32BE(1), kinds.add(change.kind));
    }
    expect([...byId.keys()].sort((a, b) => a - b)).toEqual([12, 45, 50]);
    for (const kinds of byId.values()) expect(kinds).not.toContain('bad');
  });
});

describe('values that PostgreSQL allows and nobody expects', () => {
  it('are appointments without a start where it is infinite, and a bad record where the start cannot be exact', async () => {
    const changes = await changesOf('poison', 'crm.public.appointments.ndjson');
    const outcomes = changes.map(({ change }) => {
      const starts = change.kind === 'upsert' && change.row.table === 'appointment' ? change.row.row.starts_at : '-';
      return change.kind === 'bad' ? change.code : `${change.kind} ${'id' in change ? change.id : ''} ${starts}`;
    });
    expect(outcomes).toMatchInlineSnapshot(`
      [
        "out-of-range",
        "delete 9904 -",
        "tombstone 9904 -",
        "upsert 9901 null",
        "upsert 9902 null",
        "delete 9901 -",
        "tombstone 9901 -",
        "delete 9902 -",
        "tombstone 9902 -",
        "upsert 9903 null",
        "upsert 9905 1767312000000000",
        "delete 9903 -",
        "tombstone 9903 -",
      ]
    `);
  });

  it.each(['crm.public.leads.ndjson', 'crmjr.public.leads.ndjson'])(
    'are leads that keep what they say, in %s',
    async (file) => {
      const leads = (await changesOf('poison', file)).map(({ change }) => {
        if (change.kind !== 'upsert' || change.row.table !== 'lead') return change;
        const { row, unavailable, scalarObjects } = change.row;
        const { id, lead_cluster_id, booking_date, time_zone, lead_events } = row;
        return {
          id,
          lead_cluster_id,
          booking_date,
          time_zone,
          lead_events,
          kms: row.trade_in_data.kms?.length,
          unavailable,
          scalarObjects,
        };
      });
      expect(leads).toHaveLength(4);
      expect(leads).toContainEqual({
        id: '138562',
        lead_cluster_id: '9223372036854775807',
        booking_date: null,
        time_zone: 'Mars/Base',
        lead_events: '[]',
        kms: undefined,
        unavailable: ['comments'],
        scalarObjects: 0,
      });
      expect(leads).toContainEqual(expect.objectContaining({ id: '138559', booking_date: null }));
      expect(leads).toContainEqual(expect.objectContaining({ id: '138565', scalarObjects: 4 }));
    },
  );
});

describe('records that cannot be read', () => {
  it('are undecodable when the bytes end early, go on too long or are no JSON', async () => {
    const { reader, record: sample, value } = await firstSample();
    for (const bytes of [
      value.subarray(0, value.length - 3),
      Buffer.concat([value, Buffer.from([0])]),
      Buffer.from('{"id":'),
    ]) {
      expect(reader.decode({ ...sample, value: bytes }, 'lead')).toMatchObject({ kind: 'bad', code: 'undecodable' });
    }
  });

  it('never decode to another row when cut short anywhere', async () => {
    const { reader, record: sample, value } = await firstSample();
    for (let length = 5; length < value.length; length++) {
      expect(reader.decode({ ...sample, value: value.subarray(0, length) }, 'lead').kind).toBe('bad');
    }
  });

  it('are of an unknown schema when the registry has none of their id', async () => {
    const reader = codec();
    const unknown = record({ value: framed(4711, 'xxxx'), key: Buffer.from('{"id":1}') });
    await reader.prepare([unknown], never);
    expect(reader.decode(unknown, 'lead')).toEqual({
      kind: 'bad',
      code: 'unknown-schema',
      message: 'value: framed with schema id 4711, but the registry has no such schema',
    });
  });

  it('are of an unknown schema when they are framed and no registry is configured', async () => {
    const reader = codec(null);
    const unknown = record({ value: framed(1, 'xxxx') });
    await reader.prepare([unknown], never);
    expect(reader.decode(unknown, 'lead')).toMatchObject({ kind: 'bad', code: 'unknown-schema' });
  });

  it('are bad for the key only if the value does not say which row it is', async () => {
    const { reader, record: sample } = await firstSample();
    const broken = framed(4711, 'x');
    expect(reader.decode({ ...sample, key: broken }, 'lead')).toMatchObject({ kind: 'upsert', id: '138560' });
    expect(reader.decode({ ...sample, key: broken, value: null }, 'lead')).toMatchObject({ code: 'unknown-schema' });
    expect(reader.decode({ ...sample, key: null, value: null }, 'lead')).toMatchObject({ code: 'missing-key' });
  });

  it('are Protobuf', async () => {
    const schema: WriterSchema = { type: 'PROTOBUF', schema: 'syntax = "proto3";', references: [] };
    const reader = codec({ schemaById: () => Promise.resolve(schema) });
    const proto = record({ value: framed(3, 'x'), key: framed(3, 'x') });
    await reader.prepare([proto], never);
    expect(reader.decode(proto, 'lead')).toMatchObject({ kind: 'bad', code: 'undecodable' });
  });

  it('name no value of the record in their message', async () => {
    const schema: WriterSchema = {
      type: 'AVRO',
      schema: {
        type: 'record',
        name: 'V',
        fields: [
          { name: 'id', type: 'string' },
          { name: 'comments', type: 'bytes' },
        ],
      },
      references: [],
    };
    const reader = codec({ schemaById: () => Promise.resolve(schema) });
    const secret = record({ value: framed(3, '\x0csecret\x0csecret') });
    await reader.prepare([secret], never);
    const change = reader.decode(secret, 'lead');
    expect(change).toEqual({ kind: 'bad', code: 'wrong-type', message: 'column comments: expected no raw bytes' });
  });
});

describe('JSON', () => {
  it('is read without a registry, framed by a JSON Schema serializer too', async () => {
    const text = '{"op":"c","before":null,"after":{"id":5,"lead_cluster_id":9007199254740993},"source":{"ts_ms":12}}';
    const schema: WriterSchema = { type: 'JSON', schema: {}, references: [] };
    const reader = codec({ schemaById: () => Promise.resolve(schema) });
    const plain = record({ value: Buffer.from(text), key: Buffer.from('{"id":5}') });
    const inFrame = record({ value: framed(9, text), key: framed(9, '{"id":5}') });
    await reader.prepare([plain, inFrame], never);
    const change = reader.decode(plain, 'test_drive');
    expect(change).toMatchObject({
      kind: 'upsert',
      id: '5',
      commitMs: 12,
      row: { row: { lead_cluster_id: '9007199254740993' } },
    });
    expect(reader.decode(inFrame, 'test_drive')).toEqual(change);
  });
});

describe('prepare', () => {
  it('waits while the registry is away, says so, and goes on when it is back', async () => {
    const schemas = sampleSchemas();
    const metered: Labels[] = [];
    let failures = 3;
    const seen: (string | undefined)[] = [];
    const gauges: number[] = [];
    const registry: SchemaSource = {
      schemaById: (id) => {
        seen.push(reader.away?.reason);
        if (failures-- > 0) return Promise.reject(new RegistryUnavailable('network', 'down'));
        return Promise.resolve(schemas.get(id) ?? 'unknown');
      },
    };
    const meter = {
      ...silentMeter,
      count: (_name: string, labels: Labels = {}) => void metered.push(labels),
      gauge: (name: string, labels: Labels, value: number) => {
        if (name === 'registry_away' && labels['stage'] === 'rekey') gauges.push(value);
      },
    };
    const reader = new SourceCodec({ registry, clock: hastyClock, log: silentLog, meter }, RULES);
    const [sample] = sampleRecords('avro', 'crm.public.leads.ndjson');
    if (sample === undefined) throw new Error('no sample');
    await reader.prepare([{ ...sample, key: null }], never);
    expect(seen).toEqual([undefined, 'network', 'network', 'network']);
    expect(metered).toEqual(Array.from({ length: 3 }, () => ({ reason: 'network' })));
    expect(gauges).toEqual([0, 1, 1, 1, 0]);
    expect(reader.away).toBeNull();
    expect(reader.decode(sample, 'lead').kind).toBe('upsert');
  });

  it('says so for as long as any task waits, whatever other tasks find out meanwhile', async () => {
    const schemas = sampleSchemas();
    const [known = 0] = schemas.keys();
    const stop = new AbortController();
    const failed = Promise.withResolvers<void>();
    const registry: SchemaSource = {
      schemaById: (id) => {
        if (id === known) return Promise.resolve(schemas.get(id) ?? 'unknown');
        failed.resolve();
        return Promise.reject(new RegistryUnavailable('server', 'down'));
      },
    };
    const frozen = { now: () => 0, monotonic: () => 0, after: () => () => undefined };
    const reader = new SourceCodec({ registry, clock: frozen, log: silentLog, meter: silentMeter }, RULES);
    const waiting = reader.prepare([record({ value: framed(known + 1_000_000, 'x') })], stop.signal);
    await failed.promise;
    await reader.prepare([record({ value: framed(known, 'x') })], never);
    expect(reader.away?.reason).toBe('server');
    stop.abort(new Error('stopping'));
    await expect(waiting).rejects.toThrow('stopping');
    expect(reader.away).toBeNull();
  });

  it('ends with the reason of the signal when that aborts, also while the registry hangs', async () => {
    const abort = new AbortController();
    const reader = codec({ schemaById: () => new Promise(() => {}) });
    const waiting = reader.prepare([record({ value: framed(1, 'x') })], abort.signal);
    abort.abort(new Error('stopping'));
    await expect(waiting).rejects.toThrow('stopping');
  });

  it('takes a schema that the registry cannot give as unknown', async () => {
    const reader = codec({ schemaById: () => Promise.reject(new RegistryRefused(404, 'a reference is missing')) });
    const sample = record({ value: framed(1, 'x') });
    await reader.prepare([sample], never);
    expect(reader.decode(sample, 'lead')).toMatchObject({ code: 'unknown-schema' });
  });

  it('asks for each schema once', async () => {
    const asked: number[] = [];
    const schemas = sampleSchemas();
    const reader = codec({
      schemaById: (id) => {
        asked.push(id);
        return Promise.resolve(schemas.get(id) ?? 'unknown');
      },
    });
    const records = sampleRecords('avro', 'crm.public.appointments.ndjson');
    await reader.prepare(records, never);
    await reader.prepare(records, never);
    expect(asked.sort((a, b) => a - b)).toEqual([10, 12, 45, 50]);
  });
});
