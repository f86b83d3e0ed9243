/**
 * Deliver in the simulation (S5 and S6 of docs/semantics.md): the real stage, tasks, lease, lanes and deliverer over fake brokers and
 * receivers, on a virtual clock, in some seeds behind the real rekey and join. Judged by what the receivers got. More seeds:
 * `npm run sim -- --world deliver --seeds 10000`.
 */
import { expect, test } from 'vitest';
import { simulateDelivery } from './deliver-simulation.ts';
import type { Verdict } from './simulation.ts';

const SEEDS = 60;
const TIMEOUT_MS = 180_000;

/** What a batch of seeds must have met: else it proves less than it seems to. */
const SOMETIMES: readonly string[] = [
  ...['crash', 'evict', 'freeze', 'stop'].map((what) => `trouble: ${what}`),
  ...['beat', 'commit', 'send'].flatMap((what) => [`network: lost request, ${what}`, `network: lost answer, ${what}`]),
  ...['delivery-state', 'endpoint-health'].map((topic) => `cleaner: superseded records of ${topic}`),
  'deliver: an attempt is withheld',
  'deliver: the join fills the outbound topic',
  'fate: a process stopped cleanly',
  'group: an evicted member finds out',
  'group: session timeout',
  'operator: redrive',
  'product: dead_letter gave-up',
  'product: dead_letter refused',
  'product: task_fenced',
  'product: task_restart commit-unknown',
  'receiver: 401',
  'receiver: 429 with Retry-After',
  'receiver: 500',
  'receiver: not done in time',
  'receiver: resets after taking it',
  'receiver: resets before taking it',
];

/** Why a seed failed, and how to see it again. */
function complaint({ seed, violations }: Verdict): string {
  const first = violations.slice(0, 3).map(({ promise, message }) => `${promise}: ${message}`);
  return violations.length === 0 ? '' : [`npm run sim -- --world deliver --seed ${seed} --trace`, ...first].join('\n');
}

test('S5, S6: whatever crashes, stands still, gets lost or is given to another process, receivers get the newest, one at a time, in order', {
  timeout: TIMEOUT_MS,
}, async () => {
  const met = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const verdict = await simulateDelivery(seed);
    expect(complaint(verdict)).toBe('');
    for (const what of verdict.trace.counts.keys()) met.add(what);
  }
  expect(SOMETIMES.filter((what) => !met.has(what))).toEqual([]);
});

test('a seed of the deliver world that is run again takes the same way', async () => {
  for (const seed of [3, 57]) {
    expect((await simulateDelivery(seed)).hash).toBe((await simulateDelivery(seed)).hash);
  }
});
