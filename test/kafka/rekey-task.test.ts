/** Rekey over an in-memory Kafka: what one transaction holds, what is read back before it, and what a restart finds. */
import { describe, expect, test } from 'vitest';
import { POSITION_KEY } from '../../src/core/keys.ts';
import { partitionOf } from '../../src/core/partition.ts';
import { TABLES } from '../../src/core/source-event.ts';
import type { TaskInput } from '../../src/kafka/batch-loop.ts';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import { decodeRekeyPosition, decodeRow } from '../../src/kafka/internal-codec.ts';
import type { PartitionLog } from '../../src/kafka/partition-log.ts';
import type { KafkaRecord, OutgoingRecord } from '../../src/kafka/record.ts';
import { RekeyTask, type RekeyTaskOptions } from '../../src/kafka/rekey-task.ts';
import { SourceCodec } from '../../src/kafka/source-codec.ts';
import type { TaskProducer } from '../../src/kafka/task.ts';
import { type LogFields, silentLog } from '../../src/lib/log.ts';
import { type ChangeEvent, SourceDatabase } from '../support/change-events.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';
import { traceparent } from '../support/recorded-spans.ts';
import { sourceAppointment, sourceLead } from '../support/source-rows.ts';

const PARTITIONS = 12;
const MISSING = '__debezium_unavailable_value';
const signal = new AbortController().signal;

const OPTIONS: RekeyTaskOptions = {
  partition: 0,
  sources: TABLES.map((table) => ({ topic: table, table })),
  stateTopic: 'rekey-state',
  clusterChanges: { topic: 'cluster-changes', partitions: PARTITIONS },
  deadLetters: { topic: 'dead-letters', partitions: 3 },
  rules: { announceSince: 0 },
  rowCacheBytes: 0,
  rowBytesMax: 900_000,
};

class World {
  readonly kafka = new MemoryKafka();
  readonly db = new SourceDatabase();
  readonly meter = new CountingMeter();
  /** `read cluster-changes/3` and `send rekey-state …`, in order. */
  readonly events: string[] = [];
  readonly logged: LogFields[] = [];
  readonly readBacks: Parameters<PartitionLog['read']>[0][] = [];
  options: Partial<RekeyTaskOptions> = {};
  onSend: (records: readonly OutgoingRecord[]) => void = () => {};
  #task: RekeyTask | null = null;
  #producer: TaskProducer | null = null;
  #inputs: readonly TaskInput[] = [];

  pipe(...events: readonly ChangeEvent[]): void {
    for (const { table, id, value } of events) {
      this.kafka.append({ topic: table, partition: 0, key: `{"id":${id}}`, value });
    }
  }

  async live(): Promise<readonly TaskInput[]> {
    const clock = { now: () => this.kafka.now, monotonic: () => this.kafka.now, after: () => () => {} };
    const rules = { sourceEpoch: 0, unavailablePlaceholder: MISSING, jsonTimeUnit: 'micros' } as const;
    const logger = {
      ...silentLog,
      warn: (fields: LogFields) => void this.logged.push(fields),
      error: (fields: LogFields) => void this.logged.push(fields),
    };
    const decoder = new SourceCodec({ registry: null, clock, log: silentLog, meter: this.meter }, rules);
    this.#producer = this.kafka.producer('rekey.0');
    await this.#producer.fence(signal);
    const deps = { log: this.#log(), decoder, clock, logger, meter: this.meter };
    this.#task = new RekeyTask(deps, { ...OPTIONS, ...this.options });
    this.#inputs = await this.#task.load(signal);
    return this.#inputs;
  }

  end(): void {
    this.#task?.ended();
  }

  /** One transaction with all that is there. */
  async step(): Promise<void> {
    const records: KafkaRecord[] = [];
    const next = new Map<string, number>();
    this.#inputs = this.#inputs.map(({ topic, partition, offset }) => {
      const there = this.kafka.readOn(topic, partition, offset);
      records.push(...there.records);
      if (there.next > offset) next.set(topic, there.next);
      return { topic, partition, offset: there.next };
    });
    const producer = this.#producer;
    if (producer === null) throw new Error('no life');
    const send = (out: readonly OutgoingRecord[]) => {
      this.events.push(`send ${[...new Set(out.map(({ topic }) => topic))].toSorted()}`);
      this.onSend(out);
      return producer.send(out);
    };
    try {
      await this.#task?.step({ records, next }, { send }, signal);
      await producer.commit();
    } catch (error) {
      await producer.abort();
      throw error;
    }
  }

  /** Rows of `cluster-changes` in order: key, and a lead's comments or null. */
  rows(): (readonly [string, unknown])[] {
    return this.kafka.committed('cluster-changes').map(({ key, value }) => {
      const stored = value === null ? null : decodeRow('lead', value);
      return [String(key), stored?.table === 'lead' ? stored.row.comments : null] as const;
    });
  }

  position() {
    const last = this.kafka.committed('rekey-state').findLast(({ key }) => String(key) === POSITION_KEY);
    return decodeRekeyPosition(last?.value ?? Buffer.alloc(0));
  }

  #log(): PartitionLog {
    return {
      ends: (topic, partition) => this.kafka.ends(topic, partition),
      read: async (at, onRecords) => {
        if (at.topic === 'cluster-changes') {
          this.events.push('reads back');
          this.readBacks.push(at);
        }
        await this.kafka.read(at, onRecords);
      },
    };
  }
}

const HOME = 'cluster:289|lead|138559';

describe('a transaction', () => {
  test('holds the rows first, then their states with the position, all or nothing', async () => {
    const world = new World();
    await world.live();
    world.pipe(world.db.insert('lead', sourceLead()));
    await world.step();
    expect(world.events).toEqual(['send cluster-changes', 'send rekey-state']);
    expect(world.rows()).toEqual([[HOME, '"comments here"']]);
    expect(world.kafka.committed('rekey-state').map(({ key }) => String(key))).toEqual(['lead|138559', POSITION_KEY]);
  });

  test('that fails at its second half leaves nothing, and the next life writes all of it', async () => {
    const world = new World();
    await world.live();
    world.pipe(world.db.insert('lead', sourceLead()));
    world.onSend = ([first]) => {
      if (first?.topic === 'rekey-state') throw new KafkaFailure('producer-lost', 'x');
    };
    await expect(world.step()).rejects.toThrow('x');
    expect(world.rows()).toEqual([]);
    world.onSend = () => {};
    await world.live();
    await world.step();
    expect(world.rows()).toEqual([[HOME, '"comments here"']]);
  });

  test('of changes that nothing comes of still moves the position', async () => {
    const world = new World();
    await world.live();
    world.pipe(world.db.tombstone('lead', 1));
    await world.step();
    expect(world.events).toEqual(['send rekey-state']);
    expect(world.position().sources).toEqual([{ topic: 'lead', next: 1, lastDelete: null, keySchema: null }]);
  });

  test('puts the time of the change beside a row that left, and the traceparent beside every row', async () => {
    const world = new World();
    await world.live();
    world.db.now = 5_000;
    for (const cluster of [289, 500]) {
      const { value } = world.db.update('lead', sourceLead({ lead_cluster_id: cluster }));
      const headers = { traceparent: traceparent(cluster) };
      world.kafka.append({ topic: 'lead', partition: 0, key: '{"id":138559}', value, headers });
      await world.step();
    }
    const headers = world.kafka.committed('cluster-changes').map((record) => ({
      partition: record.partition,
      ...Object.fromEntries(Object.entries(record.headers).map(([name, text]) => [name, text.toString()])),
    }));
    const [home, away] = ['cluster:289', 'cluster:500'].map((cluster) => partitionOf(cluster, PARTITIONS));
    expect(headers.toSorted((a, b) => a.partition - b.partition)).toEqual(
      [
        { partition: home, traceparent: traceparent(289) },
        { partition: home, 'changed-at': '5001', traceparent: traceparent(500) },
        { partition: away, traceparent: traceparent(500) },
      ].toSorted((a, b) => (a.partition ?? 0) - (b.partition ?? 0)),
    );
  });
});

describe('a restart', () => {
  test('reads every source on behind what was committed, and one that was never read from its start', async () => {
    const world = new World();
    world.pipe(world.db.insert('lead', sourceLead()), world.db.insert('lead', sourceLead({ id: 7 })));
    await world.live();
    await world.step();
    expect(await world.live()).toEqual([
      { topic: 'lead', partition: 0, offset: 2 },
      { topic: 'appointment', partition: 0, offset: 0 },
      { topic: 'test_drive', partition: 0, offset: 0 },
    ]);
  });

  test('knows the rows, so that a replay is no news', async () => {
    const world = new World();
    const first = world.db.insert('lead', sourceLead());
    world.pipe(first);
    await world.live();
    await world.step();
    await world.live();
    world.pipe(first);
    await world.step();
    expect([world.rows().length, world.meter.counts.get('source_records_total lead stale')]).toEqual([1, 1]);
  });

  test('with a position outside of its source needs the operator', async () => {
    const world = new World();
    world.pipe(world.db.insert('lead', sourceLead()));
    await world.live();
    await world.step();
    const anew = new World();
    for (const { key, value } of world.kafka.committed('rekey-state')) {
      anew.kafka.append({ topic: 'rekey-state', partition: 0, key, value });
    }
    await expect(anew.live()).rejects.toMatchObject({ code: 'offset-out-of-range' });
  });

  test('keeps the newest record time and the last delete of each table', async () => {
    const world = new World();
    world.pipe(world.db.insert('lead', sourceLead()), world.db.remove('lead', 138559)[0]);
    await world.live();
    await world.step();
    const newest = world.kafka.now;
    await world.live();
    world.kafka.now = newest - 1_000; // a source whose clock is behind
    world.pipe(world.db.insert('appointment', sourceAppointment()));
    await world.step();
    expect(world.position()).toEqual({
      sources: [
        { topic: 'lead', next: 2, lastDelete: '138559', keySchema: null },
        { topic: 'appointment', next: 1, lastDelete: null, keySchema: null },
      ],
      lastTimestamp: newest,
    });
  });
});

describe('reading back', () => {
  const partly = (world: World, columns = {}) => world.db.update('lead', sourceLead({ comments: MISSING, ...columns }));

  test('happens before the transaction begins, at the row’s last record and uncommitted', async () => {
    const world = new World();
    world.pipe(world.db.insert('lead', sourceLead()));
    await world.live();
    await world.step();
    await world.live();
    world.pipe(partly(world, { lead_cluster_id: 500 }));
    world.events.length = 0;
    await world.step();
    expect(world.events).toEqual(['reads back', 'send cluster-changes', 'send rekey-state']);
    const partition = partitionOf('cluster:289', PARTITIONS);
    expect(world.readBacks).toMatchObject([{ topic: 'cluster-changes', partition, from: 0, to: 1, committed: false }]);
    expect(world.rows()).toContainEqual(['cluster:500|lead|138559', '"comments here"']);
  });

  test('of many rows asks for sixteen at a time', async () => {
    const world = new World();
    const ids = Array.from({ length: 40 }, (_, index) => index + 1);
    world.pipe(...ids.map((id) => world.db.insert('lead', sourceLead({ id }))));
    await world.live();
    await world.step();
    let [now, most] = [0, 0];
    const { read } = world.kafka;
    world.kafka.read = async (at, onRecords) => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      await read.call(world.kafka, at, onRecords);
      now--;
    };
    world.pipe(...ids.map((id) => world.db.update('lead', sourceLead({ id, comments: MISSING, source: 'x' }))));
    await world.step();
    expect([world.readBacks.length, most]).toEqual([40, 16]);
    expect(
      world
        .rows()
        .slice(-40)
        .every(([, comments]) => comments === '"comments here"'),
    ).toBe(true);
  });

  test('is not needed for a row in the cache', async () => {
    const world = new World();
    world.options = { rowCacheBytes: 100_000 };
    world.pipe(world.db.insert('lead', sourceLead()));
    await world.live();
    await world.step();
    world.pipe(partly(world));
    await world.step();
    expect(world.readBacks).toEqual([]);
  });

  test('of a record that is not the row’s gives nothing, and the row is written with its mark', async () => {
    const world = new World();
    world.pipe(world.db.insert('lead', sourceLead()));
    await world.live();
    await world.step();
    const { read } = world.kafka;
    world.kafka.read = (at, onRecords) =>
      read.call(world.kafka, at, (records) =>
        onRecords(records.map((record) => ({ ...record, key: Buffer.from('cluster:1|lead|1') }))),
      );
    world.pipe(partly(world));
    await world.step();
    expect(world.meter.counts.get('unknown_rows_total lead')).toBe(1);
  });
});

describe('what cannot be used', () => {
  test('goes to the dead letters in the transaction that passes it, with its place, and the stream goes on', async () => {
    const world = new World();
    await world.live();
    world.pipe({ table: 'lead', id: 1, value: 'no json' }, world.db.insert('lead', sourceLead()));
    await world.step();
    const [letter] = world.kafka.committed('dead-letters');
    expect([letter?.key?.toString(), letter?.value?.toString()]).toEqual(['{"id":1}', 'no json']);
    expect(letter?.headers['lead-webhooks.errors.offset']?.toString()).toBe('0');
    expect([world.rows().length, world.position().sources[0]?.next]).toEqual([1, 2]);
    expect(world.logged).toEqual([
      { event: 'bad_record', code: 'undecodable', topic: 'lead', partition: 0, offset: 0 },
    ]);
  });

  test('a row that no record of cluster-changes may hold is told by its own place and left as it was', async () => {
    const world = new World();
    world.options = { rowBytesMax: 3_000 };
    await world.live();
    world.pipe({ table: 'lead', id: 1, value: 'no json' }, world.db.insert('lead', sourceLead()));
    world.pipe(world.db.update('lead', sourceLead({ comments: 'x'.repeat(4_000) })));
    await world.step();
    const letters = world.kafka.committed('dead-letters').map(({ value, headers }) => {
      const of = (name: string) => headers[`lead-webhooks.errors.${name}`]?.toString();
      return [of('code'), of('offset'), value === null];
    });
    expect(letters.toSorted()).toEqual([
      ['too-large', '2', true],
      ['undecodable', '0', false],
    ]);
    expect(world.rows()).toEqual([[HOME, '"comments here"']]);
    expect(world.meter.counts.get('bad_records_total rekey too-large')).toBe(1);
  });

  test('a record that the operator named is not looked at: it becomes a dead letter with all that it holds, and the others go on', async () => {
    const world = new World();
    world.options = { skip: new Set(['lead/0/0', 'lead/1/1']) };
    await world.live();
    world.pipe(
      world.db.insert('lead', sourceLead({ comments: 'poison' })),
      world.db.insert('lead', sourceLead({ id: 7 })),
    );
    await world.step();
    const [letter, ...others] = world.kafka.committed('dead-letters');
    expect(others).toEqual([]);
    expect(letter?.headers['lead-webhooks.errors.code']?.toString()).toBe('skipped');
    expect(letter?.value?.toString()).toContain('poison');
    expect([world.rows(), world.position().sources[0]?.next]).toEqual([[['cluster:289|lead|7', '"comments here"']], 2]);
  });

  test('a truncated table is told loudly and changes no row', async () => {
    const world = new World();
    await world.live();
    world.pipe(world.db.insert('lead', sourceLead()));
    world.pipe({ table: 'lead', id: 1, value: '{"op":"t","before":null,"after":null,"source":{},"ts_ms":1}' });
    await world.step();
    expect([world.rows().length, world.logged]).toEqual([
      1,
      [{ event: 'source_truncated', topic: 'lead', partition: 0, offset: 1 }],
    ]);
    expect(world.meter.counts.get('source_records_total lead truncate')).toBe(1);
  });
});

test('keys that come with another schema id end the task with both ids, since their rows lie in other partitions', async () => {
  const world = new World();
  const keyed = (id: number): void => {
    const key = Buffer.alloc(6);
    key.writeInt32BE(id, 1);
    world.kafka.append({ topic: 'lead', partition: 0, key, value: null });
  };
  await world.live();
  keyed(7);
  await world.step();
  await world.live();
  keyed(8);
  const failure = await world.step().catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 'input-changed',
    message: expect.stringContaining('has schema 8, those before it had 7'),
  });
});

test('the gauges of the rows are gone with the life', async () => {
  const world = new World();
  world.pipe(world.db.insert('lead', sourceLead()));
  await world.live();
  await world.step();
  const gauges = ['rekey_rows 0', 'row_cache_bytes 0'];
  expect(gauges.map((name) => world.meter.counts.has(name))).toEqual([true, true]);
  world.end();
  expect(gauges.map((name) => world.meter.counts.has(name))).toEqual([false, false]);
});
