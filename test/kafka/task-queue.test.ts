/** What waits for a task: its bounds, its order, and where the input is read on. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { type Chunk, TaskQueue } from '../../src/kafka/task-queue.ts';

/** A record counts with 64 bytes beside its key and value. */
const OVERHEAD = 64;

function record(offset: number, bytes = 0, topic = 'in'): KafkaRecord {
  const value = Buffer.alloc(bytes);
  return { topic, partition: 0, offset, timestamp: 0, key: null, value, headers: {} };
}

function chunk(records: readonly KafkaRecord[], next: number, lastStableOffset = next): Chunk {
  return { records, next, lastStableOffset, highWatermark: lastStableOffset };
}

/** A queue and what it told its inputs: true = pause, false = go on. */
function queueOf(bytesHigh: number): { queue: TaskQueue; told: boolean[] } {
  const told: boolean[] = [];
  return { queue: new TaskQueue(bytesHigh, (full) => told.push(full)), told };
}

const offsets = (records: readonly KafkaRecord[]): number[] => records.map(({ offset }) => offset);

describe('the bound', () => {
  test('inputs are paused once when more than the bound waits, and go on once when less than half of it does', () => {
    const { queue, told } = queueOf(1_000);
    const size = 100 - OVERHEAD;
    queue.push(
      'in',
      chunk(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((offset) => record(offset, size)),
        10,
      ),
    );
    expect(told).toEqual([]); // just at the bound
    queue.push('in', chunk([record(10, size), record(11, size)], 12));
    expect(told).toEqual([true]);
    queue.take(7);
    expect(told).toEqual([true]); // just at half
    queue.take(1);
    expect(told).toEqual([true, false]);
    queue.take(100);
    expect(told).toEqual([true, false]);
  });

  test('a record counts though it has neither key nor value', () => {
    const { queue, told } = queueOf(2 * OVERHEAD);
    queue.push('in', chunk([record(0), record(1), record(2)], 3));
    expect(told).toEqual([true]);
  });
});

describe('a batch', () => {
  test('ends in the middle of a chunk when it is full, and the next one goes on there', () => {
    const { queue } = queueOf(1_000_000);
    queue.push('in', chunk([record(0), record(1), record(5)], 9));
    const first = queue.take(2);
    expect([offsets(first.records), first.next]).toEqual([[0, 1], new Map([['in', 5]])]);
    const second = queue.take(2);
    expect([offsets(second.records), second.next]).toEqual([[5], new Map([['in', 9]])]);
    expect(queue.take(2)).toEqual({ records: [], next: new Map() });
  });

  test('says where to read on after markers and holes that hold no record', () => {
    const { queue } = queueOf(1_000_000);
    queue.push('in', chunk([], 7));
    queue.push('other', chunk([record(3, 0, 'other')], 4));
    const { records, next } = queue.take(10);
    expect([offsets(records), next]).toEqual([
      [3],
      new Map([
        ['in', 7],
        ['other', 4],
      ]),
    ]);
  });

  test('whatever is pushed and taken, every record comes once, in order per input, and the last position is the last pushed', () => {
    const pushes = fc.array(
      fc.record({ topic: fc.constantFrom('a', 'b'), count: fc.nat({ max: 5 }), holes: fc.nat({ max: 3 }) }),
    );
    fc.assert(
      fc.property(pushes, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (chunks, sizes) => {
        const { queue } = queueOf(300);
        const ends = new Map<string, number>();
        const taken: KafkaRecord[] = [];
        const positions = new Map<string, number>();
        const take = (size: number): void => {
          const { records, next } = queue.take(size);
          expect(records.length).toBeLessThanOrEqual(size);
          taken.push(...records);
          for (const [topic, offset] of next) positions.set(topic, offset);
        };
        let pushed = 0;
        for (const [index, { topic, count, holes }] of chunks.entries()) {
          const from = ends.get(topic) ?? 0;
          queue.push(
            topic,
            chunk(
              Array.from({ length: count }, (_, i) => record(from + i, 0, topic)),
              from + count + holes,
            ),
          );
          ends.set(topic, from + count + holes);
          pushed += count;
          take(sizes[index % sizes.length] ?? 1);
        }
        while (queue.records > 0) take(3);
        take(1); // the tail of chunks without records
        expect(taken).toHaveLength(pushed);
        for (const topic of ['a', 'b']) {
          const mine = offsets(taken.filter((one) => one.topic === topic));
          expect(mine).toEqual(mine.toSorted((x, y) => x - y));
        }
        expect(positions).toEqual(ends);
        expect(queue.lag).toBe(0);
      }),
    );
  });
});

describe('waiting', () => {
  test('ends when a record comes, not when only a position moves', async () => {
    const { queue } = queueOf(1_000);
    let ended = false;
    const waiting = queue.readable().then(() => {
      ended = true;
    });
    queue.push('in', chunk([], 5));
    await Promise.resolve();
    expect(ended).toBe(false);
    queue.push('in', chunk([record(5)], 6));
    await waiting;
  });

  test('is not needed while records are left', async () => {
    const { queue } = queueOf(1_000);
    queue.push('in', chunk([record(0), record(1)], 2));
    queue.take(1);
    await queue.readable();
    expect(queue.records).toBe(1);
  });

  test('ends when it is told to, with nothing there', async () => {
    const { queue } = queueOf(1_000);
    const waiting = queue.readable();
    queue.wake();
    await waiting;
    expect(queue.records).toBe(0);
  });

  test('ends with the first failure of an input, which is told again to whoever asks, though records are left', async () => {
    const { queue } = queueOf(1_000);
    const waiting = queue.readable();
    const failure = new KafkaFailure('offset-out-of-range', 'gone');
    queue.fail(failure);
    await expect(waiting).rejects.toBe(failure);
    queue.push('in', chunk([record(0)], 1));
    queue.fail(new KafkaFailure('topic-missing', 'later'));
    await expect(queue.readable()).rejects.toBe(failure);
  });
});

test('the oldest that waits is looked for in the first records of every input, taken ones left aside', () => {
  const { queue } = queueOf(1_000_000);
  const at = (offset: number, timestamp: number, topic = 'in'): KafkaRecord => ({
    ...record(offset, 0, topic),
    timestamp,
  });
  expect(queue.oldest).toBeNull();
  queue.push('in', chunk([at(10, 50), at(11, 60)], 12));
  queue.push('in', chunk([at(12, 40)], 13));
  queue.push('other', chunk([], 5));
  queue.push('other', chunk([at(5, 55, 'other')], 6));
  expect(queue.oldest).toBe(50);
  queue.take(1);
  expect(queue.oldest).toBe(55);
  queue.take(9);
  expect(queue.oldest).toBeNull();
});

test('the lag counts what was not taken up to the last stable offset of every input, as of its last fetch', () => {
  const { queue } = queueOf(1_000_000);
  queue.push('in', chunk([record(10), record(11)], 12, 100));
  expect(queue.lag).toBe(90);
  queue.push('other', chunk([record(0, 0, 'other')], 1, 5));
  expect(queue.lag).toBe(95);
  queue.take(3);
  expect(queue.lag).toBe(92);
  queue.push('in', chunk([], 100));
  expect(queue.lag).toBe(4);
  queue.push('other', chunk([record(3, 0, 'other')], 9));
  expect(queue.lag).toBe(8);
});
