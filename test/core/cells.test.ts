import { describe, expect, test } from 'vitest';
import {
  booleanFragment,
  dateFragment,
  instantFragment,
  instantMicros,
  integerId,
  isoDateDays,
  jsonFragment,
  numberFragment,
  passedFragment,
  plainText,
  Refusal,
  timeFragment,
} from '../../src/core/cells.ts';
import type { Cell } from '../../src/core/source-event.ts';

const text = (v: string): Cell => ({ t: 'text', v });
const number = (v: string): Cell => ({ t: 'number', v });
const bool = (v: boolean): Cell => ({ t: 'bool', v });
const json = (v: string): Cell => ({ t: 'json', v });
const micros = (v: number): Cell => ({ t: 'micros', v });
const date = (v: number): Cell => ({ t: 'date', v });
const time = (v: number): Cell => ({ t: 'time', v });

/** A conversion's outcome; of a refusal its code. */
function outcome<T>(value: T | Refusal): T | string {
  return value instanceof Refusal ? value.code : value;
}

test.each([
  [null, null],
  [text('Zoë "x"\n'), '"Zoë \\"x\\"\\n"'],
  [text('0412'), '"0412"'],
  [number('329.0'), '329'],
  [bool(false), 'false'],
  [json('{"a": 1.0}'), '{"a":1.0}'],
  [json('{'), 'wrong-type'],
  [micros(1_757_982_652_297_123), '"2025-09-16T00:30:52.297Z"'],
  [date(20_351), '"2025-09-20"'],
  [time(48_600_000_000), '"13:30:00"'],
])('%j passes into the payload as %s', (cell, expected) => {
  expect(outcome(passedFragment(cell))).toBe(expected);
});

test.each([
  [null, null],
  [text(' a '), ' a '],
  [number('3.0'), '3'],
  [bool(true), 'true'],
  [json('{}'), 'wrong-type'],
  [micros(0), 'wrong-type'],
])('%j as plain text is %s', (cell, expected) => {
  expect(outcome(plainText(cell))).toBe(expected);
});

test.each([
  [null, null],
  [number('138559'), '138559'],
  [number('5.0'), '5'],
  [number('9223372036854775807'), '9223372036854775807'],
  [number('-9223372036854775808'), '-9223372036854775808'],
  [number('9223372036854775808'), 'out-of-range'],
  [number('1e30'), 'out-of-range'],
  [number('1.5'), 'wrong-type'],
  [text('9007199254740993'), '9007199254740993'],
  [text('0042'), '42'],
  [text('0'), '0'],
  [text('9'.repeat(100_000)), 'out-of-range'],
  [text(''), 'wrong-type'],
  [text('5a'), 'wrong-type'],
  [text(' 5'), 'wrong-type'],
  [bool(true), 'wrong-type'],
  [json('{}'), 'wrong-type'],
])('%j as an id is %s, never rounded', (cell, expected) => {
  expect(outcome(integerId(cell))).toBe(expected);
});

test.each([
  [null, null],
  [number('30.50'), '30.5'],
  [text('23990.00'), '23990'],
  [text('NAN'), null],
  [text('-Infinity'), null],
  [text('abc'), 'wrong-type'],
  [bool(true), 'wrong-type'],
])('%j as a number is %s (A37)', (cell, expected) => {
  expect(outcome(numberFragment(cell))).toBe(expected);
});

test.each([
  [null, null],
  [bool(true), 'true'],
  [text('true'), 'wrong-type'],
  [number('1'), 'wrong-type'],
])('%j as a boolean is %s', (cell, expected) => {
  expect(outcome(booleanFragment(cell))).toBe(expected);
});

test.each([
  [null, null],
  [text('{"a": 329.0}'), '{"a":329.0}'],
  [json('[1 ,2]'), '[1,2]'],
  [number('329.0'), '329.0'],
  [bool(true), 'true'],
  [text(''), 'wrong-type'],
  [text('hello'), 'wrong-type'],
  [date(1), 'wrong-type'],
])('%j as JSON is %s (A27)', (cell, expected) => {
  expect(outcome(jsonFragment(cell))).toBe(expected);
});

describe('timestamps', () => {
  test.each([
    [null, 'micros', null],
    [micros(1_757_982_652_297_999), 'micros', '"2025-09-16T00:30:52.297Z"'],
    [micros(-1), 'micros', '"1969-12-31T23:59:59.999Z"'],
    [number('1757982652297123'), 'micros', '"2025-09-16T00:30:52.297Z"'],
    [number('1757982652297'), 'millis', '"2025-09-16T00:30:52.297Z"'],
    [number('9223372036854775807'), 'micros', null],
    [number('1.5'), 'micros', 'wrong-type'],
    [text('2025-09-16 00:30:52.297123'), 'micros', '"2025-09-16T00:30:52.297Z"'],
    [text('infinity'), 'micros', null],
    [text('+292278994-08-16T23:00:00Z'), 'micros', null],
    [text('9999-12-31T23:59:59.999999Z'), 'micros', '"9999-12-31T23:59:59.999Z"'],
    [text('soon'), 'micros', 'wrong-type'],
    [bool(true), 'micros', 'wrong-type'],
    [date(1), 'micros', 'wrong-type'],
  ] as const)('%j (%s) in created_at is %s (A23)', (cell, unit, expected) => {
    expect(outcome(instantFragment(cell, unit))).toBe(expected);
  });

  test.each([
    [null, null],
    [micros(5), 5],
    [text('1970-01-01T00:00:00.000005Z'), 5],
    [text('infinity'), null],
    [number('5'), 5],
    [text('2300-01-01T00:00:00Z'), 'out-of-range'],
    [text('x'), 'wrong-type'],
  ])('%j in starts_at is %s microseconds', (cell, expected) => {
    expect(outcome(instantMicros(cell, 'micros'))).toBe(expected);
  });
});

test.each([
  [null, null],
  [date(20_351), '"2025-09-20"'],
  [number('20351'), '"2025-09-20"'],
  [text('2025-09-20Z'), '"2025-09-20"'],
  [text('next week'), '"next week"'],
  [text('20/09/2025'), '"20/09/2025"'],
  [text('+5877611-06-21Z'), null],
  [date(2_147_483_647), null],
  [number('1.5'), 'wrong-type'],
  [micros(0), '"1970-01-01T00:00:00.000Z"'],
  [bool(true), 'wrong-type'],
])('%j in booking_date is %s', (cell, expected) => {
  expect(outcome(dateFragment(cell))).toBe(expected);
});

test.each([
  [null, null],
  [time(48_600_000_000), '"13:30:00"'],
  [number('48600000000'), '"13:30:00"'],
  [text('13:30:00Z'), '"13:30:00"'],
  [text('13:30:00.25Z'), '"13:30:00"'],
  [text('1:30 pm'), '"1:30 pm"'],
  [number('-1'), 'wrong-type'],
  [number('86400000001'), 'wrong-type'],
  [date(1), 'wrong-type'],
  [micros(0), '"1970-01-01T00:00:00.000Z"'],
])('%j in booking_time is %s', (cell, expected) => {
  expect(outcome(timeFragment(cell))).toBe(expected);
});

test.each([
  ['2025-09-20Z', 20_351],
  ['2025-09-20', null],
  ['2025-02-30Z', null],
  ['x', null],
])('the text %s names day %s', (written, expected) => {
  expect(isoDateDays(written)).toBe(expected);
});
