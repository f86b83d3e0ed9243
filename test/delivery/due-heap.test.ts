import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueHeap } from '../../src/delivery/due-heap.ts';

test('items come out in the order of their time, and none before it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(50), (times, now) => {
      const heap = new DueHeap<number>();
      for (const time of times) heap.push(time, time);
      const out: number[] = [];
      for (let item = heap.takeDue(now); item !== undefined; item = heap.takeDue(now)) out.push(item);
      expect(out).toEqual(times.filter((time) => time <= now).sort((a, b) => a - b));
      const left = times.filter((time) => time > now);
      expect(heap.nextDueAt).toBe(left.length === 0 ? null : Math.min(...left));
    }),
  );
});
