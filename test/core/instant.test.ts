import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dateText,
  dayMonthYear,
  dayOf,
  instantCell,
  instantFrom,
  instantFromMicros,
  instantText,
  microsOf,
  parseInstant,
  timeText,
} from '../../src/core/instant.ts';

/** The payload's text of a timestamp's text; null = no timestamp, or one that JSON cannot say. */
function readable(text: string): string | null {
  const instant = parseInstant(text);
  return instant === null || instant === 'unsayable' ? instant : instantText(instant);
}

describe('parseInstant', () => {
  test.each([
    ['2025-09-16T00:30:52.297123Z', '2025-09-16T00:30:52.297Z'],
    ['2025-09-18T02:00:00Z', '2025-09-18T02:00:00.000Z'],
    ['2025-09-18T02:00:00.5Z', '2025-09-18T02:00:00.500Z'],
    ['2025-09-18T02:00:00.999999999Z', '2025-09-18T02:00:00.999Z'],
    ['2025-09-18T02:00Z', '2025-09-18T02:00:00.000Z'],
    ['2025-09-18T12:00:00+10:00', '2025-09-18T02:00:00.000Z'],
    ['2025-09-18T11:30:00+0930', '2025-09-18T02:00:00.000Z'],
    ['2025-09-17 21:00:00-05', '2025-09-18T02:00:00.000Z'],
    ['1890-01-01 10:00:00+10:12:08', '1889-12-31T23:47:52.000Z'],
    ['2025-09-18 02:00:00 UTC', '2025-09-18T02:00:00.000Z'],
    ['2025-09-20Z', '2025-09-20T00:00:00.000Z'],
    ['2025-09-20', '2025-09-20T00:00:00.000Z'],
    ['1969-12-31T23:59:59.9999Z', '1969-12-31T23:59:59.999Z'],
    ['0001-02-28T00:00:00Z', '0001-02-28T00:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s, truncated to the millisecond (A23)', (text, expected) => {
    expect(readable(text)).toBe(expected);
  });

  test.each(['2025-09-18T02:00:00.25', '2025-09-18 02:00:00.25'])('%s has no zone, so it is UTC (A26)', (text) => {
    expect(readable(text)).toBe('2025-09-18T02:00:00.250Z');
  });

  test.each([
    'infinity',
    '-infinity',
    '+292278994-08-16T23:00:00Z',
    '-0043-03-15T00:00:00Z',
    '12025-01-01T00:00:00Z',
    '0044-03-15 00:00:00 BC',
    '9999-12-31T23:59:59-01:00',
  ])('%s is an instant that JSON cannot say', (text) => {
    expect(parseInstant(text)).toBe('unsayable');
  });

  test.each([
    '',
    'yesterday',
    '2025-02-29T00:00:00Z',
    '2025-13-01T00:00:00Z',
    '2025-00-10',
    '2025-09-18T24:00:00Z',
    '2025-09-18T23:60:00Z',
    '2025-09-18T02:00:00+16:00',
    '18/09/2025',
    '2025-09-18T02:00:00.Z',
    '1758067200000',
    '2025-09-18T02:00:00 Brisbane',
  ])('%j is no timestamp', (text) => {
    expect(parseInstant(text)).toBeNull();
  });

  test('reads back what Date writes, for every year of four digits', () => {
    const ms = fc.integer({ min: Date.UTC(2000, 0) - 63_000_000_000_000, max: Date.UTC(9999, 11, 31) });
    fc.assert(
      fc.property(ms, fc.nat(999), (at, us) => {
        const text = new Date(at).toISOString().replace('Z', `${String(us).padStart(3, '0')}Z`);
        expect(parseInstant(text)).toEqual({ ms: at, us });
      }),
    );
  });
});

test('integers of each unit name the same instant, and those before 1970 round down (A23)', () => {
  expect(instantFrom(1_757_982_652_297_123n, 'micros')).toEqual({ ms: 1_757_982_652_297, us: 123 });
  expect(instantFrom(1_757_982_652_297_123_999n, 'nanos')).toEqual({ ms: 1_757_982_652_297, us: 123 });
  expect(instantFrom(1_757_982_652_297n, 'millis')).toEqual({ ms: 1_757_982_652_297, us: 0 });
  expect(instantFrom(-1n, 'micros')).toEqual({ ms: -1, us: 999 });
  expect(instantFrom(-1n, 'nanos')).toEqual({ ms: -1, us: 999 });
  expect(instantFromMicros(-1)).toEqual({ ms: -1, us: 999 });
  expect(microsOf({ ms: -1, us: 999 })).toBe(-1);
});

test.each([9_223_372_036_854_775_807n, -9_223_372_036_832_400_000n])('infinity (%s) is no instant', (value) => {
  expect(instantFrom(value, 'micros')).toBe('unsayable');
  expect(instantCell(value, 'micros')).toBeNull();
});

test('a typed timestamp is a micros cell, and beyond the safe integers an exact text', () => {
  expect(instantCell(1_758_067_200_000n, 'millis')).toEqual({ t: 'micros', v: 1_758_067_200_000_000 });
  expect(instantCell(9_007_199_254_740_993n, 'micros')).toEqual({ t: 'text', v: '2255-06-05T23:47:34.740993Z' });
  expect(parseInstant('2255-06-05T23:47:34.740993Z')).toEqual({ ms: 9_007_199_254_740, us: 993 });
  expect(microsOf({ ms: 9_007_199_254_740, us: 993 })).toBeNull();
});

test.each([
  [20_351, '2025-09-20', '20/09/2025'],
  [0, '1970-01-01', '01/01/1970'],
  [-1, '1969-12-31', '31/12/1969'],
  [2_932_896, '9999-12-31', '31/12/9999'],
  [2_932_897, null, null],
  [-719_529, null, null],
  [2_147_483_647, null, null],
  [Number.NaN, null, null],
])('day %s is %s, and as a date of birth %s', (days, date, birth) => {
  expect(dateText(days)).toBe(date);
  expect(dayMonthYear(days)).toBe(birth);
});

test.each([
  [2025, 9, 20, 20_351],
  [0, 1, 1, -719_528],
  [99, 12, 31, -683_004],
  [2025, 2, 29, null],
  [2025, 0, 1, null],
  [2025, 1, 32, null],
])('%s-%s-%s is day %s', (year, month, day, expected) => {
  expect(dayOf(year, month, day)).toBe(expected);
});

test.each([
  [48_600_000_000, '13:30:00'],
  [0, '00:00:00'],
  [86_399_999_999, '23:59:59'],
  [86_400_000_000, '24:00:00'],
  [-1, null],
  [86_400_000_001, null],
])('%s microseconds of a day are %s', (micros, expected) => {
  expect(timeText(micros)).toBe(expected);
});
