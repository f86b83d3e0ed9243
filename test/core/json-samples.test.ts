/** The JSON records of a real Debezium, from text to Changes: what the tables held at the end must come out. */
import { expect, test } from 'vitest';
import { type Change, interpret, type Upsert } from '../../src/core/change.ts';
import { decodeJsonKey, decodeJsonRecord } from '../../src/core/json-record.ts';
import { isNewer } from '../../src/core/position.ts';
import { complete, type LeadRow, type Row } from '../../src/core/rows.ts';
import { isBad } from '../../src/core/source-event.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { READING_RULES } from '../support/cells.ts';
import { type SampleFolder, sampleFiles, sampleRecords, sampleTable, sampleTruth } from '../support/samples.ts';

function changeOf(file: string, record: KafkaRecord): Change {
  const event = record.value === null ? null : decodeJsonRecord(record.value.toString());
  if (event !== null && isBad(event)) return event;
  const table = sampleTable(file);
  if (table === null) throw new Error(`${file} is no table`);
  return interpret(event, {
    table,
    keyId: record.key === null ? null : decodeJsonKey(record.key.toString()),
    offset: record.offset,
    timestampMs: record.timestamp,
    rules: { ...READING_RULES, sourceEpoch: 0 },
  });
}

function changes(folder: SampleFolder, file: string): Change[] {
  return sampleRecords(folder, file).map((record) => changeOf(file, record));
}

/** Plays a topic's changes by the rules of docs/sources.md: positions guard, a tombstone after its delete is no event. */
function finalRows(all: readonly Change[]): Map<string, Row> {
  const rows = new Map<string, Row>();
  const last = new Map<string, Change & { id: string }>();
  for (const change of all) {
    if (change.kind === 'ignored' || change.kind === 'bad' || change.kind === 'tombstone') continue;
    const before = last.get(change.id);
    if (before !== undefined && 'position' in before && !isNewer(change.position, before.position)) continue;
    last.set(change.id, change);
    if (change.kind === 'delete') rows.delete(change.id);
    else rows.set(change.id, complete(change.row, rows.get(change.id) ?? null).row);
  }
  return rows;
}

const FILES = sampleFiles('json');

test.each(FILES.filter((file) => !file.startsWith('crmkey')))('every record of %s is a change', (file) => {
  const all = changes('json', file);
  expect(all.length).toBeGreaterThan(0);
  expect(all.filter((change) => change.kind === 'bad')).toEqual([]);
});

test('in a topic keyed by cluster (message.key.columns) all but the tombstones are changes: those name no row', () => {
  const [file = ''] = FILES.filter((name) => name.startsWith('crmkey'));
  const all = sampleRecords('json', file).map((record) => ({ record, change: changeOf(file, record) }));
  for (const { record, change } of all) {
    if (record.value === null) expect(change).toMatchObject({ kind: 'bad', code: 'missing-key' });
    else expect(['upsert', 'delete']).toContain(change.kind);
  }
});

test('the leads come out as the tables held them, unchanged TOAST values included', () => {
  const rows = finalRows(changes('json', 'crmj.public.leads.ndjson'));
  const truth = sampleTruth('public');
  expect([...rows.keys()].sort()).toEqual(truth.map((lead) => String(lead['id'])).sort());
  for (const lead of truth) {
    const row = rows.get(String(lead['id'])) as LeadRow;
    const shown = Object.fromEntries(
      (
        [
          'lead_cluster_id',
          'category',
          'comments',
          'created',
          'updated_at',
          'additional_details',
          'lead_events',
        ] as const
      ).map((field) => [field, JSON.parse(row[field] ?? 'null') as unknown]),
    );
    expect(shown).toEqual(Object.fromEntries(Object.keys(shown).map((field) => [field, lead[field] ?? shown[field]])));
    expect(row.time_zone).toBe((lead['dealership'] as Record<string, unknown>)['time_zone'] ?? null);
  }
});

test('schemas in the record give the same changes as the bare payload does', () => {
  const file = 'crmjs.public.test_drives.head.ndjson';
  const records = sampleRecords('json', file);
  expect(records.length).toBeGreaterThan(0);
  for (const record of records) {
    const { schema, payload } = JSON.parse(String(record.value)) as Record<string, unknown>;
    expect(schema).toMatchObject({ type: 'struct' });
    expect(changeOf(file, record)).toEqual(changeOf(file, { ...record, value: Buffer.from(JSON.stringify(payload)) }));
  }
});

test('infinity, NaN, JSON scalars and an int64 maximum are rows, not failures', () => {
  const all = changes('poison', 'crmjr.public.leads.ndjson');
  expect(all.map((change) => change.kind)).not.toContain('bad');
  const upserts = all.filter((change): change is Upsert => change.kind === 'upsert');
  expect(upserts.some((change) => change.row.scalarObjects === 4)).toBe(true);
  expect(upserts.some((change) => change.row.row.lead_cluster_id === '9223372036854775807')).toBe(true);
  expect(upserts.some((change) => change.row.unavailable.includes('comments'))).toBe(true);
});

test('a truncate is ignored by name', () => {
  expect(changes('poison', 'crmkey.ri_full.test_drives.truncate.ndjson')).toEqual([
    { kind: 'ignored', reason: 'truncate' },
  ]);
});
