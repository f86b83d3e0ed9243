/** The cache of recent rows: what it forgets, in which order, and that its count of bytes is true. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RowCache } from '../../src/core/row-cache.ts';

const bytes = (length: number): Buffer => Buffer.alloc(length);

test('beyond its limit it forgets the row that was used least lately, and reading counts as use', () => {
  const cache = new RowCache(30);
  for (const key of ['a', 'b', 'c']) cache.set(key, bytes(10));
  cache.get('a');
  cache.set('d', bytes(10));
  expect(['a', 'b', 'c', 'd'].filter((key) => cache.has(key))).toEqual(['a', 'c', 'd']);
});

test('asking whether a row is there is no use of it', () => {
  const cache = new RowCache(20);
  cache.set('a', bytes(10));
  cache.set('b', bytes(10));
  cache.has('a');
  cache.set('c', bytes(10));
  expect(cache.has('a')).toBe(false);
});

test('a row that is set again is held once, as it is now', () => {
  const cache = new RowCache(100);
  cache.set('a', bytes(10));
  cache.set('a', bytes(30));
  expect(cache.get('a')).toHaveLength(30);
  expect(cache.bytes).toBe(30);
});

test('a limit of 0 keeps nothing', () => {
  const cache = new RowCache(0);
  cache.set('a', bytes(1));
  expect([cache.get('a'), cache.bytes]).toEqual([undefined, 0]);
});

test('after any use the bytes are those of the rows held, and within the limit', () => {
  const use = fc.record({
    op: fc.constantFrom('set', 'set', 'get', 'delete'),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    size: fc.nat({ max: 60 }),
  });
  fc.assert(
    fc.property(fc.array(use), (uses) => {
      const cache = new RowCache(100);
      for (const { op, key, size } of uses) {
        if (op === 'set') cache.set(key, bytes(size));
        else if (op === 'get') cache.get(key);
        else cache.delete(key);
      }
      const held = ['a', 'b', 'c', 'd', 'e'].reduce((sum, key) => sum + (cache.get(key)?.length ?? 0), 0);
      expect(cache.bytes).toBe(held);
      expect(held).toBeLessThanOrEqual(100);
    }),
  );
});
