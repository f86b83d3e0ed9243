/** The generator of changes: repeatable, believable, and with everything in it that a reader has to bear. */
import { beforeAll, describe, expect, test } from 'vitest';
import { TABLES, type Table } from '../../src/core/source-event.ts';
import { ChangeGenerator } from '../../src/dev/change-generator.ts';
import { HARBOUR, ORANGE } from '../../src/dev/demo/cast.ts';
import type { SourceChange, SourceRow } from '../../src/dev/source-database.ts';
import { SourceEncoder } from '../../src/dev/source-encoder.ts';
import { SourceCodec } from '../../src/kafka/source-codec.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { RecordedRegistry } from '../support/recorded-registry.ts';

const EVENTS = 1_500;

function generator(seed: number): ChangeGenerator {
  let now = 1_758_000_000_000;
  return new ChangeGenerator(seededRandom(seed), {
    dealerships: [ORANGE, HARBOUR],
    firstId: 1000,
    customersMax: 30,
    now: () => now++,
  });
}

function generated(seed: number, events = EVENTS): SourceChange[] {
  const source = generator(seed);
  const changes = Array.from({ length: events }, () => source.next()).flat();
  return [...changes, ...source.rest()];
}

/** Applies changes as a reader that keeps the newest position of each row. */
function applied(changes: readonly SourceChange[]): Record<Table, Map<number, SourceRow>> {
  const rows = { lead: new Map(), appointment: new Map(), test_drive: new Map() } as Record<
    Table,
    Map<number, SourceRow>
  >;
  const newest = new Map<string, number>();
  for (const { table, id, row, op, sequence } of changes) {
    const key = `${table} ${id}`;
    if (op === 'tombstone' || sequence[1] <= (newest.get(key) ?? -1)) continue;
    newest.set(key, sequence[1]);
    if (row === null) rows[table].delete(id);
    else rows[table].set(id, row);
  }
  return rows;
}

test('the same seed gives the same changes, another one others', () => {
  expect(generated(7, 200)).toEqual(generated(7, 200));
  expect(generated(8, 200)).not.toEqual(generated(7, 200));
});

describe('a long run', () => {
  let changes: SourceChange[] = [];
  beforeAll(() => {
    changes = generated(1);
  });

  test('has inserts, updates and deletes of every kind that the product must bear', () => {
    const kinds = new Set(changes.map(({ table, op }) => `${table} ${op}`));
    expect([...kinds].sort()).toEqual([
      'appointment c',
      'appointment d',
      'appointment tombstone',
      'appointment u',
      'lead c',
      'lead d',
      'lead tombstone',
      'lead u',
      'test_drive c',
      'test_drive u',
    ]);
  });

  test('keeps each table in its own order, but for what comes a second time', () => {
    for (const table of TABLES) {
      let newest = -1;
      let last: SourceChange | null = null;
      for (const change of changes.filter((one) => one.table === table && one.op !== 'tombstone')) {
        const again: boolean = change === last;
        expect(change.sequence[1] > newest || again).toBe(true);
        newest = change.sequence[1];
        last = change;
      }
    }
  });

  test('lets tables overtake each other, and some changes come twice', () => {
    const positions = changes.map(({ sequence }) => sequence[1]);
    const overtaken = positions.filter((position, index) => position < (positions[index - 1] ?? 0));
    expect(overtaken.length).toBeGreaterThan(20);
    const unique = new Set(changes.filter(({ op }) => op !== 'tombstone'));
    expect(unique.size).toBeLessThan(changes.filter(({ op }) => op !== 'tombstone').length);
  });

  test('moves rows between clusters, touches rows without a change, and makes leads without a cluster', () => {
    const before = new Map<number, SourceRow>();
    const seen = { moved: 0, touched: 0, alone: 0 };
    for (const { table, id, row } of changes) {
      if (table !== 'lead' || row === null) continue;
      const old = before.get(id);
      before.set(id, row);
      if (row['lead_cluster_id'] === null) seen.alone += 1;
      if (old === undefined || old === row) continue;
      if (old['lead_cluster_id'] !== null && old['lead_cluster_id'] !== row['lead_cluster_id']) seen.moved += 1;
      const names = Object.keys(row).filter((name) => old[name] !== row[name]);
      if (names.join() === 'updated_at') seen.touched += 1;
    }
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(10);
  });

  test('rows that belong together are in one cluster, with one dealership and one car, at the end', () => {
    const rows = applied(changes);
    const leads = Map.groupBy(rows.lead.values(), (row) => row['lead_cluster_id']);
    for (const [cluster, members] of leads) {
      expect(cluster).not.toBeNull();
      expect(new Set(members.map((row) => JSON.stringify(row['dealership']))).size).toBe(1);
    }
    let linked = 0;
    for (const appointment of rows.appointment.values()) {
      expect(leads.has(appointment['lead_cluster_id'])).toBe(true);
      const testDrive = rows.test_drive.get(Number(appointment['schedulable_id']));
      if (testDrive === undefined) continue;
      linked += 1;
      expect(testDrive['lead_cluster_id']).toBe(appointment['lead_cluster_id']);
    }
    expect(linked).toBeGreaterThan(5);
  });

  test('nothing of it is a bad record for the product', async () => {
    const registry = new RecordedRegistry();
    const topics = Object.fromEntries(TABLES.map((table) => [table, { topic: `x.${table}`, partitions: 2 }]));
    const encoder = await SourceEncoder.register(registry, topics as never);
    const rules = { sourceEpoch: 0, unavailablePlaceholder: 'unavailable', jsonTimeUnit: 'micros' } as const;
    const codec = new SourceCodec({ registry, clock: systemClock, log: silentLog, meter: silentMeter }, rules);
    const records = changes.map((change) => {
      const { key, value, topic, partition } = encoder.record(change, 1_758_000_000_000);
      const bytes = { key: Buffer.from(key ?? ''), value: value === null ? null : Buffer.from(value) };
      return { topic, partition, offset: 0, timestamp: 0, headers: {}, ...bytes };
    });
    await codec.prepare(records, new AbortController().signal);
    const kinds = records.map((record, index) => codec.decode(record, changes[index]?.table ?? 'lead').kind);
    const expected = { c: 'upsert', u: 'upsert', d: 'delete', tombstone: 'tombstone' } as const;
    expect(kinds).toEqual(changes.map(({ op }) => expected[op]));
  });
});

test('what is held back at the end is not lost', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const source = generator(seed);
    const changes = Array.from({ length: 30 }, () => source.next()).flat();
    const all = [...changes, ...source.rest()];
    // Log positions have no hole: every change that was made has arrived.
    const positions = [...new Set(all.map(({ sequence }) => sequence[1]))].sort((a, b) => a - b);
    expect(positions.every((position, index) => index === 0 || position - (positions[index - 1] ?? 0) === 8)).toBe(
      true,
    );
    expect(source.rest()).toEqual([]);
  }
});
