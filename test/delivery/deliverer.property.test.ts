/** Random interleavings of everything that can happen to a deliver task; what must never happen is checked at each POST. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FIRST_MOVED_REVISION, type OutboundRecord } from '../../src/core/delivery.ts';
import { DeliverWorld, OK, settled, status, TIMEOUT, testEndpoint } from '../support/deliver-world.ts';

const RESULTS = [OK, OK, OK, status(500), status(429, '30'), TIMEOUT, status(404), status(410), status(403)];

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('feed' as const), n: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      which: fc.nat(5),
      result: fc.constantFrom(...RESULTS),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('commit' as const), succeeds: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), committed: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const), committed: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('evict' as const), killed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fence' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('hand over' as const, 'rejoin' as const), ms: fc.nat(9000) }),
  },
);

/** A log of a few leads: each one's revisions grow, except that after a move a lower one may still follow. */
const log = fc
  .array(
    fc.record({
      lead: fc.constantFrom(1, 1, 1, 2, 3),
      kind: fc.constantFrom('change' as const, 'change' as const, 'move' as const, 'late' as const),
      created: fc.boolean(),
    }),
    { minLength: 1, maxLength: 30, size: 'max' },
  )
  .map((changes) => {
    const leads = new Map<number, { moves: number; n: number; lateN: number }>();
    return changes.map(({ lead, kind, created }): Partial<OutboundRecord> => {
      const at = leads.get(lead) ?? { moves: 0, n: 0, lateN: 0 };
      leads.set(lead, at);
      const late = kind === 'late' && at.moves > 0;
      if (late) at.lateN += 1;
      else at.n += 1;
      if (kind === 'move') {
        at.lateN = at.n;
        at.moves += 1;
        at.n = 1;
      }
      const revision = (late ? at.moves - 1 : at.moves) * FIRST_MOVED_REVISION + (late ? at.lateN : at.n);
      return { leadId: String(lead), revision, cause: created ? 'created' : 'changed' };
    });
  });

test('whatever happens, no older revision follows a newer one, one is in flight per pair, and every last one arrives', async () => {
  const run = fc.asyncProperty(
    log,
    fc.array(step, { maxLength: 100, size: 'max' }),
    fc.constantFrom(1, 2, 4, 8, 30),
    async (...run) => {
      const [records, steps, windowRecords] = run;
      const world = new DeliverWorld(
        [
          testEndpoint({ id: 'wide', limits: { concurrency: 3, ratePerSecond: null, timeoutMs: 15_000 } }),
          testEndpoint({ id: 'narrow', limits: { concurrency: 1, ratePerSecond: null, timeoutMs: 15_000 } }),
          testEndpoint({ id: 'once', on: 'create' }),
          testEndpoint({ id: 'each', supersede: false, breaker: { failures: 3, baseMs: 5000, capMs: 20_000 } }),
        ],
        { windowRecords },
      );
      world.append(...records);
      for (const step of steps) {
        if (step.do === 'feed') world.feed(step.n);
        else if (step.do === 'answer') await world.answer(step.which % Math.max(world.open.length, 1), step.result);
        else if (step.do === 'commit') world.commit(step.succeeds);
        else if (step.do === 'wait') world.clock.advance(step.ms);
        else if (step.do === 'crash') world.crash(undefined, step.committed);
        else if (step.do === 'restart') world.restart(step.committed);
        else if (step.do === 'evict') world.evict(step.killed);
        else if (step.do === 'fence') world.fenceGhosts();
        else if (step.do === 'rejoin') await world.rejoin(step.ms);
        else await world.handOver(step.ms);
        await settled();
      }
      await world.finish();
      expectAllDone(world, records);
    },
  );
  await fc.assert(run, { numRuns: 250 });
}, 180_000);

function expectAllDone(world: DeliverWorld, records: readonly Partial<OutboundRecord>[]): void {
  for (const lead of new Set(records.map(({ leadId }) => leadId))) {
    const ofLead = records.filter(({ leadId }) => leadId === lead);
    const last = Math.max(...ofLead.map(({ revision }) => revision ?? 0));
    for (const endpoint of ['wide', 'narrow']) {
      expect(outcomes(world, endpoint, lead), `${endpoint}, lead ${lead}`).toContain(last);
    }
    const inOrder = ofLead.filter(({ revision = 0 }, at) => {
      return ofLead.slice(0, at).every((before) => (before.revision ?? 0) < revision);
    });
    for (const { revision } of inOrder) expect(outcomes(world, 'each', lead), `each, lead ${lead}`).toContain(revision);
    const wasCreated = ofLead.some(({ cause }) => cause === 'created');
    expect(outcomes(world, 'once', lead).length > 0).toBe(wasCreated);
  }
  expect(world.pending.size).toBe(0);
  expect(world.position.nextOffset).toBe(world.log.length);
}

/** Revisions of a pair that were acknowledged or became dead letters. */
function outcomes(world: DeliverWorld, endpointId: string, leadId: string | undefined): number[] {
  const letters = world.deadLetters.filter(
    (letter) => letter.endpointId === endpointId && letter.record.leadId === leadId,
  );
  return [...(world.acked.get(`${endpointId}|${leadId}`) ?? []), ...letters.map(({ record }) => record.revision)];
}
