/**
 * Properties S2, S3 and S4 of docs/semantics.md over random histories of a source database: rows of a few clusters are made,
 * changed, moved, merged, deleted and made again, and read by snapshots. Real rekey and join tasks over an in-memory Kafka.
 *
 * A history is played several ways. Kafka keeps the order of one row's events (one key, one partition); everything else is
 * free: how topics and partitions interleave, how batches are cut, what the connector writes again after a crash, and when
 * tasks die in a transaction or are restarted.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { movesOf } from '../../src/core/emission.ts';
import type { Table } from '../../src/core/source-event.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { type ChangeEvent, type Columns, SourceDatabase } from '../support/change-events.ts';
import { sourceAppointment, sourceLead, sourceTestDrive } from '../support/source-rows.ts';
import { type Payload, type StageName, TopologyDriver } from '../support/topology-driver.ts';

/** One thing that happens in the source database. */
type Step = {
  readonly table: Table;
  readonly id: number;
  readonly cluster: number;
  readonly op: 'put' | 'remove' | 'touch' | 'snapshot';
  readonly what: number;
};

const step: fc.Arbitrary<Step> = fc.record({
  table: fc.constantFrom<Table>('lead', 'lead', 'appointment', 'test_drive'),
  id: fc.integer({ min: 1, max: 3 }),
  cluster: fc.integer({ min: 0, max: 2 }),
  op: fc.constantFrom<Step['op']>('put', 'put', 'put', 'put', 'remove', 'touch', 'snapshot'),
  what: fc.integer({ min: 0, max: 3 }),
});
const history = fc.array(step, { minLength: 1, maxLength: 40 });
const seed = fc.integer({ min: 0, max: 2 ** 31 });

function columns(step: Step): Columns & { id: number } {
  const lead_cluster_id = step.cluster === 0 ? null : step.cluster;
  const { id, what } = step;
  if (step.table === 'lead') return sourceLead({ id, lead_cluster_id, comments: `text ${what}` });
  if (step.table === 'test_drive')
    return sourceTestDrive({ id, lead_cluster_id, stock_car_display_name: what === 0 ? null : `car ${what}` });
  return sourceAppointment({
    id,
    lead_cluster_id,
    note: `note ${what}`,
    purpose: what === 3 ? 'Service' : 'Test Drive',
    schedulable_type: 'TestDrive',
    schedulable_id: 1 + (what % 3),
  });
}

/** What the source database writes for a history: transactions' events in commit order. */
function events(steps: readonly Step[]): ChangeEvent[] {
  const db = new SourceDatabase();
  const rows = new Map<string, Columns & { id: number }>();
  const written: ChangeEvent[] = [];
  for (const one of steps) {
    const key = `${one.table} ${one.id}`;
    const row = rows.get(key);
    if (one.op === 'put') {
      const next = columns(one);
      written.push(row === undefined ? db.insert(one.table, next) : db.update(one.table, next));
      rows.set(key, next);
    } else if (row !== undefined && one.op === 'remove') {
      written.push(...db.remove(one.table, one.id));
      rows.delete(key);
    } else if (row !== undefined && one.op === 'touch') {
      const next = { ...row, updated_at: db.now * 1000 };
      written.push(db.update(one.table, next));
      rows.set(key, next);
    } else if (row !== undefined) written.push(db.snapshot(one.table, row));
  }
  return written;
}

/** Plays the events with chance: cut batches, tasks in any order, crashes in transactions, restarts, replays in order. */
async function playRandomly(written: readonly ChangeEvent[], chance: number): Promise<TopologyDriver> {
  const random = seededRandom(chance);
  const below = (n: number): number => Math.floor(random() * n);
  const driver = new TopologyDriver({ partitions: 2, rowCacheBytes: below(2) * 10_000 });
  const stages: StageName[] = ['rekey', 'join'];
  for (let at = 0; at < written.length; ) {
    const event = written[at];
    if (event !== undefined) driver.pipe(event);
    at++;
    if (below(12) === 0) at = Math.max(0, at - below(6)); // the connector crashed and reads its slot again, in order
    for (let steps = below(3); steps > 0; steps--) {
      const stage = stages[below(2)] ?? 'rekey';
      const index = below(2);
      if (below(10) === 0) driver.restart(stage, index);
      await driver.step(stage, index, 1 + below(4), { crash: below(8) === 0 });
    }
  }
  await driver.drain(() => 1 + below(5));
  return driver;
}

async function playPlainly(written: readonly ChangeEvent[]): Promise<TopologyDriver> {
  const driver = new TopologyDriver({ partitions: 2 });
  for (const event of written) {
    driver.pipe(event);
    await driver.drain();
  }
  return driver;
}

function withoutUpdatedAt(payload: Payload | undefined): unknown {
  return payload === undefined ? undefined : { ...payload.json, updated_at: null };
}

/** Leads that the source still has, with the events' own last word on each. */
function livingLeads(steps: readonly Step[]): Set<number> {
  const living = new Set<number>();
  for (const { table, id, op } of steps) {
    if (table !== 'lead') continue;
    if (op === 'put') living.add(id);
    if (op === 'remove') living.delete(id);
  }
  return living;
}

test('S2: any interleaving, batching, replay and crash ends in the same highest payload of every living lead', async () => {
  await fc.assert(
    fc.asyncProperty(history, seed, async (steps, chance) => {
      const written = events(steps);
      const [plain, random] = [await playPlainly(written), await playRandomly(written, chance)];
      for (const id of livingLeads(steps)) {
        for (const version of ['v1', 'v2', 'v3'] as const) {
          expect(withoutUpdatedAt(random.lead(id, version))).toEqual(withoutUpdatedAt(plain.lead(id, version)));
        }
      }
    }),
    { numRuns: 150 },
  );
});

test('S1, S3: each (lead, version, revision) comes once, and revisions grow record by record while a lead stays in its cluster', async () => {
  await fc.assert(
    fc.asyncProperty(history, seed, async (steps, chance) => {
      const driver = await playRandomly(events(steps), chance);
      const last = new Map<string, number>();
      for (const { leadId, version, revision } of driver.outbound()) {
        const key = `${leadId} ${version} ${movesOf(revision)}`;
        expect(revision).toBeGreaterThan(last.get(key) ?? 0);
        last.set(key, revision);
      }
    }),
    { numRuns: 150 },
  );
});

test('S4: no payload repeats the one before it at the same moves, updated_at aside', async () => {
  await fc.assert(
    fc.asyncProperty(history, seed, async (steps, chance) => {
      const driver = await playRandomly(events(steps), chance);
      const last = new Map<string, unknown>();
      for (const payload of driver.outbound()) {
        const key = `${payload.leadId} ${payload.version} ${movesOf(payload.revision)}`;
        expect(withoutUpdatedAt(payload)).not.toEqual(last.get(key));
        last.set(key, withoutUpdatedAt(payload));
      }
    }),
    { numRuns: 150 },
  );
});

test('a restart of every task from nothing but Kafka announces nothing', async () => {
  await fc.assert(
    fc.asyncProperty(history, seed, async (steps, chance) => {
      const driver = await playRandomly(events(steps), chance);
      const before = driver.outbound().length;
      driver.restartAll();
      await driver.drain();
      expect(driver.outbound()).toHaveLength(before);
    }),
    { numRuns: 100 },
  );
});

test('a history of snapshot rows alone announces nothing, however it is played (S4)', async () => {
  await fc.assert(
    fc.asyncProperty(history, seed, async (steps, chance) => {
      const db = new SourceDatabase();
      const written = steps.map((one) => db.snapshot(one.table, columns(one)));
      expect((await playRandomly(written, chance)).outbound()).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
