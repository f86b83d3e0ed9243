import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactLong } from '../../src/kafka/exact-long.ts';

describe('a long', () => {
  it('comes back to the digit, as a number where that is safe', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.nat({ max: 63 }), (wide, shift) => {
        const value = wide >> BigInt(shift);
        const read: unknown = exactLong.fromBuffer(exactLong.toBuffer(value));
        expect(read).toBe(Number.isSafeInteger(Number(value)) ? Number(value) : value);
      }),
    );
  });

  it('is written from a number as from a BigInt', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(exactLong.toBuffer(value)).toEqual(exactLong.toBuffer(BigInt(value)));
      }),
    );
  });

  it('keeps the edges of the safe integers, one of which avsc refuses', () => {
    for (const value of [2 ** 53 - 1, 1 - 2 ** 53, 0, -1])
      expect(exactLong.fromBuffer(exactLong.toBuffer(value))).toBe(value);
  });

  it('is no fraction and no unsafe number', () => {
    for (const value of [0.5, 2 ** 53, Number.NaN, '5', null]) expect(exactLong.isValid(value)).toBe(false);
  });
});
