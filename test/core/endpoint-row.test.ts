import { expect, test } from 'vitest';
import { endpointRow } from '../../src/core/endpoint-row.ts';

const UNAVAILABLE = '__debezium_unavailable_value';
const row = (key: unknown, value: unknown) => endpointRow(key, value, UNAVAILABLE);

const FIELDS = { id: 'crm', dealership: 3, url: 'https://h.example/', version: 'v3' };
const DEFINED = { kind: 'row', id: 'crm', fields: FIELDS };
const GONE = { kind: 'row', id: 'crm', fields: null };

test.each([
  ['a plain object', 'crm', FIELDS],
  ['the id in the key alone', 'crm', { ...FIELDS, id: undefined }],
  ['the key as an object', { id: 'crm' }, FIELDS],
  ['no key', null, FIELDS],
  ['an envelope of a new row', { id: 'crm' }, { op: 'c', before: null, after: FIELDS, source: {} }],
  ['an envelope of a changed row', { id: 'crm' }, { op: 'u', before: { id: 'crm' }, after: FIELDS }],
  ['a snapshot', { id: 'crm' }, { op: 'r', after: FIELDS }],
  ['a schema beside it', { schema: {}, payload: { id: 'crm' } }, { schema: {}, payload: { op: 'c', after: FIELDS } }],
  ['a flat row', { id: 'crm' }, { ...FIELDS, __op: 'u', __deleted: 'false', __source_ts_ms: 5 }],
  ['columns that tables have', 'crm', { ...FIELDS, created_at: 1, updated_at: 2, deleted_at: null }],
])('a definition is read: %s', (_what, key, value) => {
  expect(row(key, value)).toEqual(DEFINED);
});

test.each([
  ['a tombstone', 'crm', null],
  ['a tombstone with a key object', { id: 'crm' }, null],
  ['a delete', { id: 'crm' }, { op: 'd', before: FIELDS, after: null }],
  ['a delete without its row', { id: 'crm' }, { op: 'd', before: null }],
  ['a flat delete', 'crm', { id: 'crm', __deleted: 'true' }],
  ['a flat delete by boolean', 'crm', { id: 'crm', __deleted: true }],
  ['a flat delete by its op', 'crm', { id: 'crm', __op: 'd' }],
  ['a row that is marked as deleted', 'crm', { ...FIELDS, deleted_at: '2026-01-01T00:00:00Z' }],
])('a removal is read: %s', (_what, key, value) => {
  expect(row(key, value)).toEqual(GONE);
});

test.each(['t', 'm'])('an envelope of kind %s says nothing about an endpoint', (op) => {
  expect(row(null, { op, before: null, after: null })).toEqual({ kind: 'ignored' });
});

test('ids that are numbers become text', () => {
  expect(row({ id: 17 }, null)).toMatchObject({ id: '17' });
  expect(row(17, { dealership: 3 })).toMatchObject({ id: '17', fields: { id: '17' } });
  expect(row(null, { id: 9_007_199_254_740_993n })).toMatchObject({ id: '9007199254740993' });
});

test('what a table keeps as JSON is taken apart, other text is left alone', () => {
  const value = { ...FIELDS, auth: '{"type":"bearer","token":{"env":"X"}}', filters: '{broken', version: '{"v":3}' };
  expect(row('crm', value)).toMatchObject({
    fields: { auth: { type: 'bearer', token: { env: 'X' } }, filters: '{broken', version: '{"v":3}' },
  });
});

test.each([
  ['a list', 'crm', [FIELDS], 'crm'],
  ['a text', 'crm', 'hello', 'crm'],
  ['an envelope without its row', 'crm', { op: 'u', after: null }, 'crm'],
  ['a value that the source left out', 'crm', { ...FIELDS, auth: UNAVAILABLE }, 'crm'],
  [
    'a definition that is nested too deeply',
    'crm',
    { ...FIELDS, auth: JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) },
    'crm',
  ],
  ['neither key nor id', null, { dealership: 3 }, null],
  ['a tombstone without a key', null, null, null],
  ['an empty id', '', { id: '' }, null],
])('a bad record names the endpoint, if it can, and no value: %s', (_what, key, value, id) => {
  const read = row(key, value);
  expect(read).toMatchObject({ kind: 'bad', id });
  expect(JSON.stringify(read)).not.toContain('hello');
});
