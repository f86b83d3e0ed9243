import { describe, expect, test } from 'vitest';
import { leaf, pick, RowReader } from '../../src/core/row-reader.ts';
import { columns, PLACEHOLDER, READING_RULES } from '../support/cells.ts';

function reader(values: Parameters<typeof columns>[0]): RowReader {
  return new RowReader(columns(values), READING_RULES);
}

test('a column that is missing reads like one that is null', () => {
  const read = reader({ there: null });
  for (const column of ['there', 'missing', 'constructor', '__proto__']) {
    expect(read.passed(column)).toBeNull();
    expect(read.text(column)).toBeNull();
    expect(read.integer(column)).toBeNull();
    expect([...read.members(column)]).toEqual([]);
    expect(read.freeForm(column, '[]')).toBe('[]');
  }
  expect(read.bad).toBeNull();
});

test('the first column of the wrong type makes the row bad, by its name and without its value', () => {
  const read = reader({ a: 'secret', b: 'private' });
  expect(read.integer('a')).toBeNull();
  expect(read.boolean('b')).toBeNull();
  expect(read.bad).toEqual({ kind: 'bad', code: 'wrong-type', message: 'column a: expected an integer' });
});

test('the placeholder of an unchanged value names the fields of its column, reads as null and is no error anywhere', () => {
  const read = reader({ a: PLACEHOLDER, b: PLACEHOLDER, c: PLACEHOLDER, d: PLACEHOLDER, e: `${PLACEHOLDER} ` });
  expect([...read.members('a', ['a', 'a2'])]).toEqual([]);
  expect(read.freeForm('b', '{}')).toBe('{}');
  expect(read.passed('c')).toBeNull();
  expect(read.instant('d', 'created')).toBeNull();
  expect(read.passed('e')).toBe(`"${PLACEHOLDER} "`);
  expect(read.unavailable).toEqual(['a', 'a2', 'b', 'c', 'created']);
  expect(read.bad).toBeNull();
});

describe('objects', () => {
  test.each([
    ['{"a": 1}', 0, [['a', '1']]],
    [{ t: 'json', v: '{"a":1}' } as const, 0, [['a', '1']]],
    [null, 0, []],
    ['null', 0, []],
    ['1', 1, []],
    ['"text"', 1, []],
    ['[{"a": 1}]', 1, []],
    ['true', 1, []],
    [true, 1, []],
    [7, 1, []],
  ])(
    '%j has the members of an object, and counts %i when it holds something else (A17, A18)',
    (value, counted, expected) => {
      const read = reader({ it: value });
      expect([...read.members('it')]).toEqual(expected);
      expect(read.scalarObjects).toBe(counted);
      expect(read.bad).toBeNull();
    },
  );

  test.each(['', 'hello', '{"a":1', '{"a":01}'])('the text %j in an object column is a bad record', (value) => {
    const read = reader({ it: value });
    expect([...read.members('it')]).toEqual([]);
    expect(read.bad).toEqual({ kind: 'bad', code: 'wrong-type', message: 'column it: expected JSON' });
  });

  test('picking takes exactly the documented keys, in their order (A35)', () => {
    const picked = pick(
      ['b', 'a', 'c'],
      new Map([
        ['a', '1.0'],
        ['x', '2'],
        ['b', 'null'],
      ]),
    );
    expect(Object.entries(picked)).toEqual([
      ['b', null],
      ['a', '1'],
      ['c', null],
    ]);
  });
});

test.each([
  [undefined, null],
  ['null', null],
  ['329.0', '329'],
  ['"0800"', '"0800"'],
  ['800', '800'],
  ['false', 'false'],
  ['[1.0]', '[1.0]'],
])('inside an object, %s stands as %s: strings stay strings (A19, A22)', (fragment, expected) => {
  expect(leaf(fragment)).toBe(expected);
});

test.each(['', '  ', '\t'])('a name of blanks (%j) counts as missing (A14)', (value) => {
  expect(reader({ name: value }).name('name')).toBeNull();
  expect(reader({ name: ' a ' }).name('name')).toBe(' a ');
});
