/** Redrives between everything else that happens to a deliver task; what must never happen is checked at each POST (DeliverWorld). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeadLetter } from '../../src/core/delivery.ts';
import { DeliverWorld, OK, settled, status, testEndpoint } from '../support/deliver-world.ts';

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('change' as const), lead: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'feed' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      which: fc.nat(3),
      result: fc.constantFrom(OK, status(422), status(422), status(503)),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('commit' as const), succeeds: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('redrive' as const), which: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), committed: fc.boolean() }) },
);

/** The newest dead letter of each pair: what the command asks for. */
function newestLetters(world: DeliverWorld): DeadLetter[] {
  const newest = new Map<string, DeadLetter>();
  for (const letter of world.deadLetters) {
    const pair = `${letter.endpointId}|${letter.record.leadId}`;
    if ((newest.get(pair)?.record.revision ?? -1) <= letter.record.revision) newest.set(pair, letter);
  }
  return [...newest.values()];
}

function ask(world: DeliverWorld, { endpointId, record }: DeadLetter): void {
  const now = world.clock.now();
  world.requests.push({ endpointId, record, letter: { partition: 0, offset: 0 }, deadAt: now, requestedAt: now });
}

test('a redrive never sends an older revision after a newer one, nor beside another request, and what is redriven arrives', async () => {
  const run = fc.asyncProperty(
    fc.array(step, { maxLength: 80, size: 'max' }),
    fc.constantFrom(1, 4, 30),
    async (steps, windowRecords) => {
      const endpoints = [testEndpoint({ id: 'newest' }), testEndpoint({ id: 'each', supersede: false })];
      const world = new DeliverWorld(endpoints, { windowRecords });
      const revisions = new Map<number, number>();
      for (const step of steps) {
        if (step.do === 'change') {
          const revision = (revisions.get(step.lead) ?? 0) + 1;
          revisions.set(step.lead, revision);
          world.append({ leadId: String(step.lead), revision });
        } else if (step.do === 'feed') world.feed();
        else if (step.do === 'answer') await world.answer(step.which % Math.max(world.open.length, 1), step.result);
        else if (step.do === 'commit') world.commit(step.succeeds);
        else if (step.do === 'wait') world.clock.advance(step.ms);
        else if (step.do === 'crash') world.crash(undefined, step.committed);
        else {
          const letters = newestLetters(world);
          const letter = letters[step.which % Math.max(letters.length, 1)];
          if (letter !== undefined) ask(world, letter);
          world.feedRedrives();
        }
        await settled();
      }
      await world.finish();
      const letters = newestLetters(world);
      for (const letter of letters) ask(world, letter);
      await world.finish();
      // A successor that still waits has only put the redrives aside.
      for (let round = 0; round < 20 && world.position.redrives < world.requests.length; round += 1) {
        world.clock.advance(60_000);
        await settled();
        await world.finish();
      }
      await world.finish();
      expect(world.position.redrives).toBe(world.requests.length);
      for (const { endpointId, record } of letters) {
        const acked = world.acked.get(`${endpointId}|${record.leadId}`) ?? new Set();
        expect(Math.max(...acked), `${endpointId}, lead ${record.leadId}`).toBeGreaterThanOrEqual(record.revision);
      }
    },
  );
  await fc.assert(run, { numRuns: 200 });
}, 180_000);
