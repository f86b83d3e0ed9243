import { expect, test } from 'vitest';
import { readArguments } from '../../src/bin/arguments.ts';
import { FILTER_OPTIONS, filterOf, fits, type LetterFilter, nameOf, placeOf } from '../../src/bin/letters.ts';
import { testLetter } from '../support/letters.ts';

const NOW = 1_800_000_000_000;
const filter = (...args: string[]): LetterFilter =>
  filterOf(readArguments(args, { options: FILTER_OPTIONS }), undefined, NOW);

test.each([
  [['--endpoint', 'crm'], true],
  [['--endpoint', 'erp'], false],
  [['--lead', '1', '--code', 'refused'], true],
  [['--lead', '1', '--code', 'gone'], false],
  [['--stage', 'rekey'], false],
  [['--since', '24h'], true],
  [['--since', '1h'], false],
  [['--until', '1h'], true],
  [['--until', '24h'], false],
  [[], true],
])('the filter %j lets a delivery of lead 1 of two hours ago through: %s', (args, expected) => {
  expect(fits(testLetter({ writtenAt: NOW - 7_200_000 }), filter(...args))).toBe(expected);
});

test('a place is one dead letter', () => {
  const place = placeOf('3/1287');
  const only: LetterFilter = { ...filter(), place };
  expect(fits(testLetter({ partition: 3, offset: 1287 }), only)).toBe(true);
  expect(fits(testLetter({ partition: 3, offset: 1288 }), only)).toBe(false);
  expect(nameOf(place)).toBe('3/1287');
  expect(() => placeOf('1287')).toThrow('for example 3/1287');
});
