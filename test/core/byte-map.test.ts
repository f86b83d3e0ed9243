/** A map without objects must hold what a Map would, through growth, rewriting and reuse of freed blocks. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteMap } from '../../src/core/byte-map.ts';

test('after any changes the map holds what a Map would hold', () => {
  const change = fc.record({
    key: fc.integer({ min: 0, max: 30 }).map((n) => `lead|${n}`),
    value: fc.option(fc.uint8Array({ maxLength: 80 }), { nil: null }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const map = new ByteMap();
      const model = new Map<string, Buffer>();
      for (const { key, value } of changes) {
        if (value === null) expect(map.delete(key)).toBe(model.delete(key));
        else {
          map.set(key, Buffer.from(value));
          model.set(key, Buffer.from(value));
        }
      }
      expect(map.size).toBe(model.size);
      for (let n = 0; n <= 30; n++) expect(map.get(`lead|${n}`)).toEqual(model.get(`lead|${n}`));
      expect(map.bytes).toBe([...model].reduce((sum, [key, value]) => sum + key.length + value.length, 0));
    }),
    { numRuns: 200 },
  );
});

test('100,000 entries that are rewritten many times take no more memory than at first', () => {
  const map = new ByteMap();
  const write = (round: number): void => {
    for (let n = 0; n < 100_000; n++) map.set(`lead|${n}`, Buffer.from(`${n} ${round}`.padEnd(20)));
  };
  write(0);
  const reserved = map.reservedBytes;
  for (let round = 1; round <= 3; round++) write(round);
  expect([map.size, map.reservedBytes]).toEqual([100_000, reserved]);
  expect(map.get('lead|99999')?.toString().trim()).toBe('99999 3');
});

test('a value is copied in and out', () => {
  const map = new ByteMap();
  const value = Buffer.from('abc');
  map.set('key', value);
  value.fill('x');
  const got = map.get('key');
  got?.fill('y');
  expect(map.get('key')?.toString()).toBe('abc');
});
