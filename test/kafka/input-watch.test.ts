/** What counts as standing still, and what does not. Times are given; nothing waits. */
import { expect, test } from 'vitest';
import { InputWatch } from '../../src/kafka/input-watch.ts';
import type { Chunk } from '../../src/kafka/task-queue.ts';

const TOPIC = 'changes';
const watchOf = (): InputWatch => new InputWatch({ stage: 'join', partition: 3, limitMs: 60_000 });
const chunk = (next: number, lastStableOffset: number, highWatermark = lastStableOffset): Chunk => {
  return { records: [], next, lastStableOffset, highWatermark };
};

test('a task that commits nothing with input before it has stalled, and the message names it', () => {
  const watch = watchOf();
  watch.fetched(TOPIC, chunk(0, 10), 0);
  expect(watch.check(60_000)).toBeNull();
  expect(watch.check(60_001)).toMatchObject({ code: 'stalled', message: expect.stringContaining('join/3') });
});

test('a commit that leaves input behind starts the time again, one that leaves none ends it', () => {
  const watch = watchOf();
  watch.fetched(TOPIC, chunk(0, 10), 0);
  watch.committed(new Map([[TOPIC, 5]]), 50_000);
  expect(watch.check(110_000)).toBeNull();
  watch.committed(new Map([[TOPIC, 10]]), 110_000);
  expect(watch.check(999_000)).toBeNull();
  watch.fetched(TOPIC, chunk(10, 11), 999_000);
  expect(watch.check(1_050_000)).toBeNull();
  expect(watch.check(1_060_000)?.code).toBe('stalled');
});

test('waiting for the registry is no standing still', () => {
  const watch = watchOf();
  watch.fetched(TOPIC, chunk(0, 10), 0);
  watch.excused(59_000);
  expect(watch.check(110_000)).toBeNull();
});

test('a last stable offset that stands while records are written behind it names the partition and the offset', () => {
  const watch = watchOf();
  watch.fetched(TOPIC, chunk(7, 7, 7), 0);
  watch.fetched(TOPIC, chunk(7, 7, 9), 1_000);
  expect(watch.check(60_000)).toBeNull();
  const failure = watch.check(60_001);
  expect(failure?.message).toMatch(/changes\/3.*stood at 7/);
});

test('a last stable offset that moves, or that nothing is written behind, is good', () => {
  const watch = watchOf();
  watch.fetched(TOPIC, chunk(7, 7, 9), 0);
  watch.fetched(TOPIC, chunk(8, 8, 12), 50_000);
  watch.committed(new Map([[TOPIC, 8]]), 50_000);
  expect(watch.check(100_000)).toBeNull();
  watch.fetched(TOPIC, chunk(12, 12, 12), 100_000);
  watch.committed(new Map([[TOPIC, 12]]), 100_000);
  expect(watch.check(1_000_000)).toBeNull();
});
