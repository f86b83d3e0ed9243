import { expect, test } from 'vitest';
import { type Arguments, readArguments } from '../../src/bin/arguments.ts';
import { moment, wholeNumber } from '../../src/bin/option-values.ts';

const NOW = Date.UTC(2026, 1, 3);
const given = (value: string): Arguments => readArguments(['--it', value], { options: { it: 'value' } });
const none = readArguments([], {});

test('a moment is an instant with its zone, or so long ago', () => {
  expect(moment(given('2026-02-01T00:00:00Z'), 'it', NOW)).toBe(Date.UTC(2026, 1, 1));
  expect(moment(given('2026-02-01T10:00+10:00'), 'it', NOW)).toBe(Date.UTC(2026, 1, 1));
  expect(['90s', '30m', '24h', '7d'].map((text) => NOW - (moment(given(text), 'it', NOW) ?? 0))).toEqual([
    90_000, 1_800_000, 86_400_000, 604_800_000,
  ]);
  expect(moment(none, 'it', NOW)).toBeNull();
});

test.each(['yesterday', '2026-02-01', '2026-02-01T00:00:00', '5w', '2026-13-01T00:00:00Z'])(
  '%s is no moment',
  (text) => {
    expect(() => moment(given(text), 'it', NOW)).toThrow('--it needs an instant');
  },
);

test('a whole number has a least value', () => {
  expect([wholeNumber(given('0'), 'it', 0), wholeNumber(none, 'it', 0)]).toEqual([0, null]);
  for (const text of ['0', '-1', '1.5', 'x', '9999999999999999']) {
    expect(() => wholeNumber(given(text), 'it', 1)).toThrow('--it needs a whole number, at least 1');
  }
});
