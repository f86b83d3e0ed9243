import { describe, expect, test } from 'vitest';
import { interpret, type RecordContext } from '../../src/core/change.ts';
import type { SourceEvent, Table } from '../../src/core/source-event.ts';
import { columns, PLACEHOLDER, READING_RULES } from '../support/cells.ts';

const CONTEXT: RecordContext = {
  table: 'lead',
  keyId: '5',
  offset: 77,
  timestampMs: 1_000,
  rules: { ...READING_RULES, sourceEpoch: 3 },
};

function event(values: Partial<SourceEvent>): SourceEvent {
  return {
    form: 'envelope',
    op: 'u',
    deleted: false,
    before: null,
    after: columns({ id: 5 }),
    commitMs: 2_000,
    snapshot: 'false',
    sequence: '["10","11"]',
    ...values,
  };
}

test('an update is an upsert with the commit time and position of its source', () => {
  expect(interpret(event({ after: columns({ id: 5, comments: 'x' }) }), CONTEXT)).toMatchObject({
    kind: 'upsert',
    table: 'lead',
    id: '5',
    made: false,
    snapshot: false,
    commitMs: 2_000,
    position: { epoch: 3, high: 11, own: 11, streamed: true },
    row: { table: 'lead', row: { id: '5', comments: '"x"' }, unavailable: [] },
  });
});

test.each(['lead', 'appointment', 'test_drive'] satisfies Table[])(
  'a %s is built by the builder of its table',
  (table) => {
    expect(interpret(event({}), { ...CONTEXT, table })).toMatchObject({ kind: 'upsert', table, row: { table } });
  },
);

test.each([
  ['envelope', 'c', true],
  ['envelope', 'u', false],
  ['envelope', 'r', false],
  ['flat', 'c', true],
  ['flat', 'u', false],
  ['flat', null, true],
] as const)('a %s row with op %s made the row: %s', (form, op, made) => {
  expect(interpret(event({ form, op }), CONTEXT)).toMatchObject({ kind: 'upsert', made });
});

test.each([
  ['r', 'first', true],
  ['r', null, true],
  ['r', 'false', true],
  ['c', 'last', true],
  ['u', 'incremental', true],
  ['c', 'false', false],
  ['c', null, false],
])('op %s with source.snapshot %s is a snapshot read: %s', (op, snapshot, expected) => {
  expect(interpret(event({ op, snapshot }), CONTEXT)).toMatchObject({
    snapshot: expected,
    position: { streamed: !expected },
  });
});

test("without a commit time the record's own time stands, without a sequence its offset", () => {
  expect(interpret(event({ commitMs: null, sequence: null }), CONTEXT)).toMatchObject({
    commitMs: 1_000,
    position: { high: 77, own: 77 },
  });
});

describe('deletes (A7)', () => {
  const invented = columns({ id: 5, dealership: '', created_at: 0, lead_cluster_id: 'not even an integer' });

  test.each([
    ['op d', event({ op: 'd', before: invented, after: null })],
    ['op d of a flat row', event({ form: 'flat', op: 'd', after: invented })],
    ['__deleted', event({ form: 'flat', op: null, deleted: true, after: invented })],
    ['deleted_at as text', event({ after: columns({ id: 5, deleted_at: '2025-09-16T03:00:00Z', dealership: '' }) })],
    ['deleted_at as a number', event({ after: columns({ id: 5, deleted_at: 1_757_991_600_000_000 }) })],
    ['deleted_at on a new row', event({ op: 'c', after: columns({ id: 5, deleted_at: 'infinity' }) })],
  ])('%s deletes, and only the primary key is read', (_what, deleted) => {
    expect(interpret(deleted, { ...CONTEXT, keyId: null })).toEqual({
      kind: 'delete',
      table: 'lead',
      id: '5',
      commitMs: 2_000,
      snapshot: false,
      position: { epoch: 3, high: 11, own: 11, streamed: true },
    });
  });

  test('a delete without an image takes the id of its key', () => {
    expect(interpret(event({ op: 'd', after: null }), CONTEXT)).toMatchObject({ kind: 'delete', id: '5' });
  });

  test('a snapshot read of a soft-deleted row is a snapshot delete', () => {
    const after = columns({ id: 5, deleted_at: '2025-09-16T03:00:00Z' });
    expect(interpret(event({ op: 'r', snapshot: 'true', after }), CONTEXT)).toMatchObject({
      kind: 'delete',
      snapshot: true,
    });
  });

  test('a deleted_at of null leaves the row alive', () => {
    expect(interpret(event({ after: columns({ id: 5, deleted_at: null }) }), CONTEXT)).toMatchObject({
      kind: 'upsert',
    });
  });
});

test('a null value is a tombstone of the row that its key names', () => {
  expect(interpret(null, CONTEXT)).toEqual({ kind: 'tombstone', table: 'lead', id: '5', commitMs: 1_000 });
  expect(interpret(null, { ...CONTEXT, keyId: null })).toMatchObject({ kind: 'bad', code: 'missing-key' });
});

test.each([
  ['t', 'truncate'],
  ['m', 'message'],
])('op %s is ignored as a %s, whatever its key', (op, reason) => {
  const ignored = event({ op, after: null, sequence: 'broken' });
  expect(interpret(ignored, { ...CONTEXT, keyId: null })).toEqual({ kind: 'ignored', reason });
});

describe('ids', () => {
  test.each([
    [{ id: { t: 'number', v: '9007199254740993' } }, '9007199254740993'],
    [{ id: '138559' }, '138559'],
    [{ comments: 'x' }, '5'],
  ] as const)('of %j the id is %s, exact', (after, id) => {
    expect(interpret(event({ after: columns(after) }), CONTEXT)).toMatchObject({
      kind: 'upsert',
      id,
      row: { row: { id } },
    });
  });

  test('the row decides over a key that is made of other columns', () => {
    expect(interpret(event({ after: columns({ id: 6 }) }), CONTEXT)).toMatchObject({ id: '6' });
  });

  test.each([
    [{ comments: 'x' }, null, 'missing-key'],
    [{ id: null }, null, 'missing-key'],
    [{ id: 'abc' }, '5', 'wrong-type'],
    [{ id: true }, '5', 'wrong-type'],
    [{ id: { t: 'number', v: '9223372036854775808' } }, '5', 'out-of-range'],
  ])('%j with the key %s is a bad record: %s', (after, keyId, code) => {
    const bad = interpret(event({ after: columns(after as Parameters<typeof columns>[0]) }), { ...CONTEXT, keyId });
    expect(bad).toMatchObject({ kind: 'bad', code });
  });
});

test.each([
  [{ op: 'x' }, 'wrong-type'],
  [{ op: 'u', after: null }, 'wrong-type'],
  [{ sequence: 'broken' }, 'wrong-type'],
  [{ sequence: '[null,"9007199254740993"]' }, 'out-of-range'],
  [{ after: columns({ id: 5, prospect: 'private' }) }, 'wrong-type'],
])('an event with %j is a bad record, and its message quotes no value', (values, code) => {
  const bad = interpret(event(values), CONTEXT);
  expect(bad).toMatchObject({ kind: 'bad', code });
  expect(JSON.stringify(bad)).not.toMatch(/private|broken/);
});

test('the unit of untyped integers and the placeholder are taken from the rules', () => {
  const after = columns({ id: 5, created_at: 1_757_982_652_297, comments: '(same)', source: PLACEHOLDER });
  const rules = { sourceEpoch: 0, unavailablePlaceholder: '(same)', jsonTimeUnit: 'millis' } as const;
  expect(interpret(event({ after }), { ...CONTEXT, rules })).toMatchObject({
    row: { row: { created: '"2025-09-16T00:30:52.297Z"', source: `"${PLACEHOLDER}"` }, unavailable: ['comments'] },
  });
});
