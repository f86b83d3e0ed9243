/**
 * Each guard of the deliver stage, taken away: the simulation must find it out. What is wrong is put in from outside, by variants of
 * what tasks read, write and hear (deliver-variants.ts) or by a patched method; the product has no switch for it. Only the judges
 * count, which read the receivers' ledger: a process that fails by itself is no proof.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SendWindow } from '../../src/delivery/send-window.ts';
import type { DeliverVariant } from './deliver-deployment.ts';
import { simulateDelivery } from './deliver-simulation.ts';
import {
  BOUND_NOT_WRITTEN,
  DEAD_NOT_GROWN,
  DEAF,
  DONE_NOT_WRITTEN,
  HANDED_OVER,
  LEASE_OF_PREDECESSOR_NOT_AWAITED,
  NO_LEASE,
  NO_SUSPENSION,
  OWN_LIVES_FORGOTTEN,
  PENDING_NOT_WRITTEN,
  PREDECESSOR_NOT_AWAITED,
  SEEN_NOT_WRITTEN,
  WINDOW_NOT_READ,
} from './deliver-variants.ts';

const SEEDS = 500;
/** Each is missed within the first ten seeds or so; the time is for a busy machine. */
const TIMEOUT_MS = 180_000;

/** The first seed that the judges complain of while no process fails by itself; SEEDS if there is none. */
async function caughtAfter(variant: DeliverVariant): Promise<number> {
  for (let seed = 0; seed < SEEDS; seed++) {
    const { violations } = await simulateDelivery(seed, variant);
    if (violations.length > 0 && violations.every(({ promise }) => promise !== 'crash')) return seed;
  }
  return SEEDS;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a guard of deliver that is taken away is missed', { timeout: TIMEOUT_MS }, () => {
  test.each<[string, DeliverVariant]>([
    ['a fresh heartbeat before each attempt', NO_LEASE],
    ['ending attempts before the group is joined again', NO_SUSPENSION],
    ['waiting for a predecessor that released nothing', PREDECESSOR_NOT_AWAITED],
    ['waiting until the lease of a predecessor has ended', LEASE_OF_PREDECESSOR_NOT_AWAITED],
    ['waiting for what an earlier life in the same process has on the way', OWN_LIVES_FORGOTTEN],
    ['reading the window before anything is sent', WINDOW_NOT_READ],
    ['the bound of what is sent, written before it is', BOUND_NOT_WRITTEN],
    ['what failed, written before the position passes it', PENDING_NOT_WRITTEN],
    ['seen marks of leads that moved', SEEN_NOT_WRITTEN],
    ['done marks of what an endpoint gets once', DONE_NOT_WRITTEN],
    ['dead marks that know what was delivered since', DEAD_NOT_GROWN],
    ['obeying what other processes tell of endpoints', DEAF],
  ])('%s', async (_guard, variant) => {
    expect(await caughtAfter(variant)).toBeLessThan(SEEDS);
  });

  test('passing all that was sent when a task is handed over in peace', async () => {
    vi.spyOn(SendWindow.prototype, 'beforeSettled').mockReturnValue([]);
    expect(await caughtAfter(HANDED_OVER)).toBeLessThan(SEEDS);
  });
});

test('tasks that are handed over in peace again and again cost no repetition and no wait', {
  timeout: TIMEOUT_MS,
}, async () => {
  for (let seed = 0; seed < 10; seed++) expect((await simulateDelivery(seed, HANDED_OVER)).violations).toEqual([]);
});
