/** Durations by two clocks of which neither can be trusted alone, and the platform's clock. */
import { expect, test } from 'vitest';
import { deadlineIn, elapsedMs, leftMs, momentOf, systemClock } from '../../src/lib/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('the time between two moments is what the clock says that shows more', () => {
  const clock = new VirtualClock();
  const from = momentOf(clock);
  clock.advance(1_000);
  expect(elapsedMs(from, momentOf(clock))).toBe(1_000);
  clock.step(-5_000);
  expect(elapsedMs(from, momentOf(clock))).toBe(1_000);
  clock.step(25_000);
  expect(elapsedMs(from, momentOf(clock))).toBe(21_000);
});

test('a deadline is not put off by a clock that is set back, and passes with one that is set forward', () => {
  const clock = new VirtualClock();
  const deadline = deadlineIn(clock, 10_000);
  clock.advance(4_000);
  clock.step(-60_000);
  expect(leftMs(deadline, momentOf(clock))).toBe(6_000);
  clock.advance(6_000);
  expect(leftMs(deadline, momentOf(clock))).toBe(0);
  const next = deadlineIn(clock, 10_000);
  clock.step(60_000);
  expect(leftMs(next, momentOf(clock))).toBe(0);
});

test('the monotonic clock of the platform moves on', () => {
  const before = systemClock.monotonic();
  let after = before;
  while (after === before) after = systemClock.monotonic();
  expect(after).toBeGreaterThan(before);
});
