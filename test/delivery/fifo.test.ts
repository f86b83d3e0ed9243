import { expect, test } from 'vitest';
import { Fifo } from '../../src/delivery/fifo.ts';

test('items come out in the order in which they went in, also after many', () => {
  const fifo = new Fifo<number>();
  let next = 0;
  for (let round = 0; round < 100; round += 1) {
    for (let i = 0; i < 100; i += 1) fifo.push(round * 100 + i);
    for (let i = 0; i < 90; i += 1) expect(fifo.shift()).toBe(next++);
  }
  expect(fifo.size).toBe(1000);
  expect(fifo.peek()).toBe(next);
  expect([...fifo]).toEqual(Array.from({ length: 1000 }, (_, i) => next + i));
});

test('an empty queue gives nothing', () => {
  const fifo = new Fifo<number>();
  expect([fifo.shift(), fifo.peek(), fifo.size]).toEqual([undefined, undefined, 0]);
});
