/** Blocks never overlap, freed ones are used again, and the addresses stay good over many chunks. */
import { expect, test } from 'vitest';
import { BLOCK_BYTES_MAX, ByteHeap, sameBlock } from '../../src/core/byte-heap.ts';
import { AssertionFailed } from '../../src/lib/assert.ts';

test('blocks of all sizes over many chunks keep what was written into them', () => {
  const heap = new ByteHeap();
  const blocks = Array.from({ length: 3_000 }, (_, i) => ({ bytes: 1 + ((i * 7919) % 9_000), mark: i % 251 }));
  const placed = blocks.map(({ bytes, mark }) => {
    const address = heap.alloc(bytes);
    heap.chunk(address).fill(mark, heap.at(address), heap.at(address) + bytes);
    return address;
  });
  placed.forEach((address, i) => {
    const { bytes, mark } = blocks[i] ?? { bytes: 0, mark: -1 };
    const at = heap.at(address);
    expect(
      heap
        .chunk(address)
        .subarray(at, at + bytes)
        .every((byte) => byte === mark),
    ).toBe(true);
  });
  expect(new Set(placed).size).toBe(placed.length);
});

test('a freed block is given out again for its size and for no other', () => {
  const heap = new ByteHeap();
  const [first, second] = [heap.alloc(40), heap.alloc(40)];
  heap.free(first, 40);
  heap.free(second, 40);
  expect(heap.alloc(100)).not.toBe(second);
  expect([heap.alloc(33), heap.alloc(40)]).toEqual([second, first]);
});

test('sizes that share a block are told apart from those that do not', () => {
  expect([sameBlock(1, 8), sameBlock(8, 9), sameBlock(9, 16)]).toEqual([true, false, true]);
});

test('a block larger than a chunk, or of no size, is a bug of the caller', () => {
  const heap = new ByteHeap();
  expect(() => heap.alloc(BLOCK_BYTES_MAX + 1)).toThrow(AssertionFailed);
  expect(() => heap.alloc(0)).toThrow(AssertionFailed);
});
