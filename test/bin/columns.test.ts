import { expect, test } from 'vitest';
import { columns, instant, until } from '../../src/bin/columns.ts';

test('columns are as wide as their longest cell, and nothing is a dash', () => {
  expect(
    columns(
      ['A', 'LONG', 'END'],
      [
        ['wide', 1, 'x y'],
        [null, 22, null],
      ],
    ),
  ).toEqual(['A     LONG  END', 'wide  1     x y', '-     22    -']);
});

test('times are told to the second, and how far away in the unit that fits', () => {
  expect([instant(1_800_000_000_123), instant(null)]).toEqual(['2027-01-15T08:00:00Z', null]);
  expect([0, 500, 119_000, 120_000, 7_199_000, 90_000_000].map((ms) => until(1_000 + ms, 1_000))).toEqual([
    'due',
    'in 1 s',
    'in 119 s',
    'in 2 m',
    'in 120 m',
    'in 25 h',
  ]);
});
