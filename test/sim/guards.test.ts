/**
 * Each guard of the product, taken away: the simulation must find it out within a thousand seeds. What is wrong is put in from
 * outside, by variants of what the product stands on (variants.ts) or by patched functions of the core; the product has no
 * switch for it. Only the checkers count, which read the outbound topic and the source's truth: a process that fails by
 * itself is no proof.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Variant } from './deployment.ts';
import { simulate } from './simulation.ts';
import {
  ANSWERS_NOT_COMPARED,
  COMMIT_ON_MISMATCH,
  FENCE_AFTER_LOAD,
  LATER_ASSIGNMENTS_IGNORED,
  LONG_LOADS_TRUSTED,
  LOST_TASKS_GO_ON,
  POSITION_BESIDE_TRANSACTION,
  READ_BACK_IN_TRANSACTION,
  SUBSCRIPTION_OF_ANOTHER_LIFE,
} from './variants.ts';

type Patch = 'moves do not count' | 'loudness is of the change' | 'a tombstone deletes';
const wrong = vi.hoisted(() => ({ patch: null as Patch | null }));

vi.mock('../../src/core/join.ts', async (original) => {
  const real = await original<typeof import('../../src/core/join.ts')>();
  const tellLead: typeof real.tellLead = (cluster, lead, emission, context) => {
    const isPatched = wrong.patch === 'moves do not count' && emission !== null;
    return real.tellLead(cluster, lead, isPatched ? { ...emission, moves: lead.meta.moves } : emission, context);
  };
  return { ...real, tellLead };
});

vi.mock('../../src/core/rekey.ts', async (original) => {
  const real = await original<typeof import('../../src/core/rekey.ts')>();
  const rekeyUpsert: typeof real.rekeyUpsert = (...args) => {
    const decided = real.rekeyUpsert(...args);
    if (wrong.patch !== 'loudness is of the change' || decided.upsert === null) return decided;
    const { cluster, row } = decided.upsert;
    const meta = { ...row.meta, live: decided.outcome === 'loud' };
    return { ...decided, upsert: { cluster, row: { ...row, meta } as typeof row } };
  };
  const rekeyTombstone: typeof real.rekeyTombstone = (state, change, followsDelete, rules) =>
    real.rekeyTombstone(state, change, followsDelete && wrong.patch !== 'a tombstone deletes', rules);
  return { ...real, rekeyUpsert, rekeyTombstone };
});

afterEach(() => {
  wrong.patch = null;
});

const SEEDS = 1_000;
/** Most guards are missed within the first thirty seeds; the time is for a busy machine. */
const TIMEOUT_MS = 180_000;

/** The first seed that the checkers complain of while no process fails by itself; SEEDS if there is none. */
async function caughtAfter(variant: Variant): Promise<number> {
  for (let seed = 0; seed < SEEDS; seed++) {
    const { violations } = await simulate(seed, variant);
    if (violations.length > 0 && violations.every(({ promise }) => promise !== 'crash')) return seed;
  }
  return SEEDS;
}

describe('a guard that is taken away is missed', { timeout: TIMEOUT_MS }, () => {
  test.each<[string, Variant]>([
    ['fencing before loading', FENCE_AFTER_LOAD],
    ['the position in the transaction', POSITION_BESIDE_TRANSACTION],
    ['comparing the partitions of an answer with those sent', ANSWERS_NOT_COMPARED],
    ['aborting when they differ', COMMIT_ON_MISMATCH],
    ['a subscription that ends with its life', SUBSCRIPTION_OF_ANOTHER_LIFE],
    ['starting the tasks that an assignment brings', LATER_ASSIGNMENTS_IGNORED],
    ['repeating a load that took too long', LONG_LOADS_TRUSTED],
    ['reading rows back before the transaction', READ_BACK_IN_TRANSACTION],
  ])('%s', async (_guard, variant) => {
    expect(await caughtAfter(variant)).toBeLessThan(SEEDS);
  });

  test.each<[string, Patch]>([
    ['moves in the emission record', 'moves do not count'],
    ['loudness as a property of rows', 'loudness is of the change'],
    ['a tombstone that follows its delete means nothing', 'a tombstone deletes'],
  ])('%s', async (_guard, patch) => {
    wrong.patch = patch;
    expect(await caughtAfter({})).toBeLessThan(SEEDS);
  });
});

test('two owners that never hear what they lost are kept apart by the fence: they hinder each other, and tell nothing twice or wrong', {
  timeout: TIMEOUT_MS,
}, async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { violations } = await simulate(seed, LOST_TASKS_GO_ON);
    expect(violations.filter(({ promise }) => promise !== 'end')).toEqual([]);
  }
});
