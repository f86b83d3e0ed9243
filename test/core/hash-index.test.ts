/** The index finds every address again through growth, removal and collisions. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HashIndex, hashText, spell, spells } from '../../src/core/hash-index.ts';

test('addresses are found after growth, moves and removals, though their hashes collide', () => {
  const hashOf = (address: number): number => address % 7;
  const index = new HashIndex();
  for (let address = 1; address <= 5_000; address++) index.insert(hashOf(address), address);
  for (let address = 1; address <= 5_000; address += 2) index.remove(hashOf(address), address);
  index.move(hashOf(2), 2, 9_001 - (9_001 % 7) + 2);
  expect(index.size).toBe(2_500);
  expect(index.find(hashOf(3), (address) => address === 3)).toBe(0);
  expect(index.find(hashOf(4), (address) => address === 4)).toBe(4);
  expect(new Set(index.addresses()).size).toBe(2_500);
});

test('a text is spelt by its own bytes and by no others', () => {
  const ascii = fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(ascii, ascii, (text, other) => {
      const bytes = Buffer.from(`ab${'-'.repeat(text.length)}c`);
      spell(bytes, 2, text);
      expect(bytes.toString()).toBe(`ab${text}c`);
      expect(spells(bytes, 2, text)).toBe(true);
      if (other.length === text.length) expect(spells(bytes, 2, other)).toBe(other === text);
    }),
  );
});

test('100,000 cluster keys spread evenly over the low bits', () => {
  const buckets = new Array<number>(256).fill(0);
  for (let n = 0; n < 100_000; n++) {
    const bucket = hashText(`cluster:${n}`) & 255;
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  expect(Math.max(...buckets)).toBeLessThan(500);
});
