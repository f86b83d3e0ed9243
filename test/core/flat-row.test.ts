import { expect, test } from 'vitest';
import { flatEvent } from '../../src/core/flat-row.ts';
import { columns } from '../support/cells.ts';

test('the meta columns become the facts of the event, and no column of a row begins with two underscores', () => {
  const event = flatEvent(
    columns({
      id: 5,
      op: 'x',
      __op: 'u',
      __deleted: 'false',
      __lsn: 7,
      __table: 'leads',
      __source_ts_ms: 1_795_444_990_100,
      __source_sequence: '[null,"26652304"]',
      __source_snapshot: 'last',
    }),
  );
  expect(event).toEqual({
    form: 'flat',
    op: 'u',
    deleted: false,
    before: null,
    after: { id: { t: 'number', v: '5' }, op: { t: 'text', v: 'x' } },
    commitMs: 1_795_444_990_100,
    snapshot: 'last',
    sequence: '[null,"26652304"]',
  });
});

test('a row without meta columns says nothing of itself', () => {
  expect(flatEvent(columns({ id: 5 }))).toMatchObject({
    op: null,
    deleted: false,
    commitMs: null,
    snapshot: null,
    sequence: null,
  });
});

test.each(['true', true])('__deleted may be %j', (value) => {
  expect(flatEvent(columns({ id: 5, __deleted: value }))).toMatchObject({ deleted: true });
});

test('the short names of add.fields are understood too', () => {
  expect(flatEvent(columns({ __sequence: '[null,"1"]', __snapshot: true }))).toMatchObject({
    sequence: '[null,"1"]',
    snapshot: 'true',
  });
});

test.each([
  [{ __op: 1 }, '__op', 'wrong-type'],
  [{ __deleted: 1 }, '__deleted', 'wrong-type'],
  [{ __source_snapshot: 1 }, '__source_snapshot', 'wrong-type'],
  [{ __source_sequence: 1 }, '__source_sequence', 'wrong-type'],
  [{ __source_ts_ms: 'noon' }, '__source_ts_ms', 'wrong-type'],
  [{ __source_ts_ms: { t: 'number', v: '9007199254740993' } }, '__source_ts_ms', 'out-of-range'],
])('%j is a bad record that names %s', (values, column, code) => {
  const event = flatEvent(columns(values as Parameters<typeof columns>[0]));
  expect(event).toMatchObject({ kind: 'bad', code, message: expect.stringContaining(`column ${column}:`) });
});
