import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RateLimit } from '../../src/delivery/rate-limit.ts';

/** Times at which requests start when there is always one waiting, from 0 to `endMs`. */
function starts(limit: RateLimit, endMs: number): number[] {
  const times: number[] = [];
  for (let now = 0; now < endMs; ) {
    const at = limit.nextAt(now);
    if (at > now) {
      now = at;
      continue;
    }
    limit.take(now);
    times.push(now);
  }
  return times;
}

test('over any stretch a process stays within its share of the rate, but for what 50 ms bring', () => {
  const run = fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 4 }), (rate, processes) => {
    const limit = new RateLimit(rate);
    limit.share(1 / processes);
    const times = starts(limit, 4000);
    const perSecond = rate / processes;
    const burst = Math.max(1, perSecond / 20);
    for (const [first, from] of times.entries()) {
      const within = times.slice(first).filter((at) => at < from + 1000).length;
      expect(within).toBeLessThanOrEqual(perSecond + burst + 1);
    }
    expect(times.length).toBeGreaterThanOrEqual(Math.floor(perSecond * 4 * 0.8));
  });
  fc.assert(run, { numRuns: 30 });
});

test('without a limit everything may start at once; without a share nothing after the first', () => {
  const free = new RateLimit(null);
  free.take(5);
  expect(free.nextAt(5)).toBe(5);
  const none = new RateLimit(100);
  none.share(0);
  none.take(5);
  expect(none.nextAt(6)).toBe(Number.POSITIVE_INFINITY);
  none.limit(null);
  expect(none.nextAt(7)).toBe(7);
});
