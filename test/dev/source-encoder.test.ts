/** Made-up changes as records: what the product's own reader understands of them, and how a connector would name things. */
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/core/change.ts';
import { murmur2 } from '../../src/core/partition.ts';
import { type SourceChange, SourceDatabase } from '../../src/dev/source-database.ts';
import { SourceEncoder } from '../../src/dev/source-encoder.ts';
import { appointmentRow, testDriveRow } from '../../src/dev/source-rows.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { SourceCodec } from '../../src/kafka/source-codec.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { RecordedRegistry } from '../support/recorded-registry.ts';

const TOPICS = {
  lead: { topic: 'my-app.public.leads', partitions: 3 },
  appointment: { topic: 'my-app.public.appointments', partitions: 3 },
  test_drive: { topic: 'my-app.public.test_drives', partitions: 3 },
} as const;
const RULES = { sourceEpoch: 0, unavailablePlaceholder: 'unavailable', jsonTimeUnit: 'micros' } as const;

async function made() {
  const registry = new RecordedRegistry();
  const encoder = await SourceEncoder.register(registry, TOPICS);
  const codec = new SourceCodec({ registry, clock: systemClock, log: silentLog, meter: silentMeter }, RULES);
  const read = async (change: SourceChange, commitMs = 1_758_000_000_000): Promise<Change> => {
    const { key, value, topic, partition } = encoder.record(change, commitMs);
    const bytes = { key: Buffer.from(key ?? ''), value: value === null ? null : Buffer.from(value) };
    const record: KafkaRecord = { topic, partition, offset: 0, timestamp: 5, headers: {}, ...bytes };
    await codec.prepare([record], new AbortController().signal);
    return codec.decode(record, change.table);
  };
  return { registry, encoder, read, database: new SourceDatabase(1000) };
}

describe('a record of a made-up change', () => {
  test('an insert reads as an upsert that made the row, with its position and commit time', async () => {
    const { read, database } = await made();
    const row = appointmentRow({ id: 9, cluster: 2, testDrive: 5, startsAtMs: 1_758_160_800_000, note: 'n' });
    expect(await read(database.insert('appointment', row), 77)).toMatchObject({
      kind: 'upsert',
      id: '9',
      made: true,
      snapshot: false,
      commitMs: 77,
      position: { high: 1008, own: 1008, streamed: true },
      row: { row: { lead_cluster_id: '2', starts_at: 1_758_160_800_000_000, note: '"n"', schedulable_id: '5' } },
    });
  });

  test('an update is not one that made the row; a delete and its tombstone name the row alone', async () => {
    const { read, database } = await made();
    const car = { make: 'Kia', model: 'Rio', badge: 'S', year: 2020 };
    database.insert('test_drive', testDriveRow({ id: 5, cluster: 2, car }));
    expect(await read(database.update('test_drive', 5, { lead_cluster_id: 3 }))).toMatchObject({
      kind: 'upsert',
      made: false,
      row: { row: { lead_cluster_id: '3', stock_car_display_name: '2020 Kia Rio S' } },
    });
    const [gone, tombstone] = database.remove('test_drive', 5);
    expect(await read(gone)).toMatchObject({ kind: 'delete', id: '5' });
    expect(await read(tombstone)).toMatchObject({ kind: 'tombstone', id: '5' });
  });

  test('lies in the partition that the standard partitioner gives its key', async () => {
    const { encoder, database } = await made();
    const { key, partition, topic } = encoder.record(database.insert('lead', { id: 8 }), 1);
    expect([topic, partition]).toEqual([TOPICS.lead.topic, (murmur2(Buffer.from(key ?? '')) & 0x7fffffff) % 3]);
  });

  test('a column that the table does not have is a mistake of the caller', async () => {
    const { encoder, database } = await made();
    const change = database.insert('lead', { id: 8, colour: 'red' });
    expect(() => encoder.record(change, 1)).toThrow('the table has no column colour');
  });
});

test('schemas are registered once, under the subjects and names of a connector', async () => {
  const { registry } = await made();
  expect(registry.registered.map(({ subject }) => subject).sort()).toEqual(
    Object.values(TOPICS)
      .flatMap(({ topic }) => [`${topic}-key`, `${topic}-value`])
      .sort(),
  );
  const value = registry.registered.find(({ subject }) => subject === 'my-app.public.leads-value');
  expect(value?.schema).toMatchObject({
    name: 'Envelope',
    namespace: 'my_app.public.leads',
    'connect.name': 'my_app.public.leads.Envelope',
  });
});
