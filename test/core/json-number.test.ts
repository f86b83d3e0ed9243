import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimalText, integerText, isNumberText, shortestNumber } from '../../src/core/json-number.ts';
import { AssertionFailed } from '../../src/lib/assert.ts';

test.each([
  ['329.0', '329'],
  ['46.90', '46.9'],
  ['1.50e1', '15'],
  ['9007199254740993', '9007199254740993'],
  ['0.1', '0.1'],
  ['-0', '0'],
  ['-0.000', '0'],
  ['0e5', '0'],
  ['-1.0', '-1'],
  ['1e400', '1e+400'],
  ['-12.5E-400', '-1.25e-399'],
  ['100000000000000000000', '100000000000000000000'],
  ['1000000000000000000000', '1e+21'],
  ['1234567890123456789012345', '1.234567890123456789012345e+24'],
  ['0.1000000000000000055511151231257827', '0.1000000000000000055511151231257827'],
  ['0.000001', '0.000001'],
  ['0.0000001', '1e-7'],
  ['1.7976931348623157E308', '1.7976931348623157e+308'],
  ['1e99999999999999999999', '1e99999999999999999999'],
])('the shortest spelling of %s that loses no digit is %s (A37)', (text, expected) => {
  expect(shortestNumber(text)).toBe(expected);
});

test('every double reads as JSON.stringify writes it, however it was spelled (A37)', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const shortest = JSON.stringify(value);
      expect(shortestNumber(shortest)).toBe(shortest);
      expect(shortestNumber(value.toExponential())).toBe(shortest);
    }),
  );
});

test('a decimal keeps its value: trailing zeros and a moved point change nothing', () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.nat(30), fc.nat(5), (unscaled, scale, zeros) => {
      const plain = shortestNumber(decimalText(unscaled, scale));
      expect(shortestNumber(decimalText(unscaled * 10n ** BigInt(zeros), scale + zeros))).toBe(plain);
      expect(shortestNumber(plain)).toBe(plain);
    }),
  );
});

test('what is no number is a bug of the caller', () => {
  expect(() => shortestNumber('abc')).toThrow(AssertionFailed);
});

test.each([
  ['5', '5'],
  ['5.0', '5'],
  ['50e-1', '5'],
  ['-7', '-7'],
  ['5.5', null],
  ['1e30', null],
])('the integer of %s is %s', (text, expected) => {
  expect(integerText(text)).toBe(expected);
});

test.each([
  ['23990.00', true],
  ['-0.01', true],
  ['1e5', true],
  ['007', false],
  ['', false],
  ['NAN', false],
  ['1 ', false],
])('%j is a number: %s', (text, expected) => {
  expect(isNumberText(text)).toBe(expected);
});

test.each([
  [2399000n, 2, '23990'],
  [-1n, 2, '-0.01'],
  [0n, 2, '0'],
  [5n, -3, '5000'],
  [7n, 0, '7'],
])('a decimal of %s with scale %s is %s', (unscaled, scale, expected) => {
  expect(shortestNumber(decimalText(unscaled, scale))).toBe(expected);
});
