/**
 * Rekey and join in the simulation (S1 to S4 of docs/semantics.md): the real stages, tasks and core over fake brokers, on a
 * virtual clock, through crashes, pauses, lost answers and rebalances. More seeds: `npm run sim -- --world join --seeds 10000`.
 */
import { expect, test } from 'vitest';
import { POINTS } from './sim-process.ts';
import { simulate, type Verdict } from './simulation.ts';

const SEEDS = 200;
const TIMEOUT_MS = 180_000;

/** What a batch of seeds must have met: else it proves less than it seems to. */
const SOMETIMES: readonly string[] = [
  ...POINTS.flatMap((point) => [`crash: ${point}`, `freeze: ${point}`]),
  ...['crash', 'evict', 'freeze', 'stop'].map((what) => `trouble: ${what}`),
  ...['init', 'send', 'commit'].flatMap((what) => [
    `network: lost request, ${what}`,
    `network: lost answer, ${what}`,
    `network: late, ${what}`,
  ]),
  ...['cluster-changes', 'join-state', 'rekey-state'].map((topic) => `cleaner: superseded records of ${topic}`),
  'cleaner: tombstones of cluster-changes',
  'cleaner: tombstones of join-state',
  'fate: a process stopped cleanly',
  'fence: an open transaction of the predecessor',
  'group: an evicted member finds out',
  'group: session timeout',
  'product: load_restarted',
  'product: task_fenced',
  'product: task_restart commit-unknown',
  'product: task_restart incomplete-send',
  'product: task_restart unavailable',
  'send: a partition is missing in the answer',
  'send: fails after a part of it was written',
  'source: a big column is left out',
  'source: a row is made again',
  'source: a row moves',
  'source: the connector replays',
  'source: two clusters are merged',
  'transaction timeout',
];

/** Why a seed failed, and how to see it again. */
function complaint({ seed, violations }: Verdict): string {
  const first = violations.slice(0, 3).map(({ promise, message }) => `${promise}: ${message}`);
  return violations.length === 0 ? '' : [`npm run sim -- --world join --seed ${seed} --trace`, ...first].join('\n');
}

test('S1, S2, S3, S4: whatever crashes, pauses, gets lost or is given to another process, nothing is told twice, wrong or not at all', {
  timeout: TIMEOUT_MS,
}, async () => {
  const met = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const verdict = await simulate(seed);
    expect(complaint(verdict)).toBe('');
    for (const what of verdict.trace.counts.keys()) met.add(what);
  }
  expect(SOMETIMES.filter((what) => !met.has(what))).toEqual([]);
});

test('a seed that is run again takes the same way', async () => {
  for (const seed of [3, 57, 211]) {
    expect((await simulate(seed)).hash).toBe((await simulate(seed)).hash);
  }
});

test('different seeds take different ways', async () => {
  expect((await simulate(1)).hash).not.toBe((await simulate(2)).hash);
});
