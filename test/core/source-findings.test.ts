/** What the counts of a survey mean: each finding, and its absence. */
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/core/change.ts';
import { SOURCE_COLUMNS } from '../../src/core/source-columns.ts';
import type { Cells, SourceEvent, Table } from '../../src/core/source-event.ts';
import { type SurveyRules, sourceFindings } from '../../src/core/source-findings.ts';
import { DEBEZIUM_PLACEHOLDER, type Observation, SourceSurvey } from '../../src/core/source-survey.ts';

const RULES: SurveyRules = { jsonTimeUnit: 'micros', purposesNamed: false, optional: new Set() };
const IGNORED: Change = { kind: 'ignored', reason: 'message' };

function fullRow(table: Table, overrides: Cells = {}): Cells {
  return { ...Object.fromEntries(SOURCE_COLUMNS[table].map((name) => [name, null])), ...overrides };
}

function event(after: Cells | null, overrides: Partial<SourceEvent> = {}): SourceEvent {
  const meta = { op: 'u', deleted: false, before: null, commitMs: 5, snapshot: 'false', sequence: '["1","2"]' };
  return { form: 'envelope', ...meta, after, ...overrides };
}

function observation(overrides: Partial<Observation> = {}): Observation {
  return {
    encoding: 'avro',
    valueSchema: 7,
    keySchema: 3,
    hasKey: true,
    keyColumns: ['id'],
    keyId: '1',
    event: event(fullRow('test_drive')),
    change: IGNORED,
    decimalColumns: [],
    writtenAt: 9,
    ...overrides,
  };
}

function codes(table: Table, seen: readonly Observation[], rules: Partial<SurveyRules> = {}): string[] {
  const survey = new SourceSurvey(table, '__unavailable');
  for (const one of seen) survey.take(one);
  return sourceFindings(survey, { ...RULES, ...rules }).map(({ severity, code }) => `${severity} ${code}`);
}

describe('nothing is found', () => {
  test('in whole rows with a key, an order and a time', () => {
    expect(codes('test_drive', [observation()])).toEqual([]);
  });

  test('in an empty topic, and that is said', () => {
    expect(codes('lead', [])).toEqual(['note empty']);
  });

  test('of columns in a topic of tombstones and deletes alone', () => {
    const gone = observation({ event: event(null, { op: 'd' }) });
    expect(codes('lead', [observation({ event: null }), gone])).toEqual(['note no-rows']);
  });
});

describe('found is', () => {
  test.each([
    ['a record without a key', { hasKey: false, keyId: null }, 'problem no-key'],
    ['a key of other columns', { keyId: null, keyColumns: ['lead_cluster_id'] }, 'problem other-key'],
    ['a key of more columns', { keyColumns: ['id', 'lead_cluster_id'] }, 'problem other-key'],
    ['no sequence', { event: event(fullRow('test_drive'), { sequence: null }) }, 'warning no-sequence'],
    ['no commit time', { event: event(fullRow('test_drive'), { commitMs: null }) }, 'warning no-commit-time'],
    ['a truncate', { event: event(null, { op: 't' }) }, 'warning truncate'],
    ['decimals in bytes', { decimalColumns: ['price'] }, 'note decimals-as-bytes'],
    [
      'a placeholder',
      { event: event(fullRow('test_drive', { car_lead_cluster_name: { t: 'text', v: '__unavailable' } })) },
      'note placeholder',
    ],
    [
      "Debezium's placeholder, when another one is configured",
      { event: event(fullRow('test_drive', { car_lead_cluster_name: { t: 'text', v: DEBEZIUM_PLACEHOLDER } })) },
      'problem foreign-placeholder',
    ],
    [
      'a bad record',
      { change: { kind: 'bad', code: 'wrong-type', message: 'column id' } as const },
      'problem bad-records',
    ],
  ])('%s', (_, overrides: Partial<Observation>, expected) => {
    expect(codes('test_drive', [observation(), observation(overrides)])).toEqual([expected]);
  });

  test('a second key schema', () => {
    expect(codes('test_drive', [observation(), observation({ keySchema: 4 })])).toEqual(['warning key-schemas']);
  });

  test('columns that no record has, unless they are known to be missing', () => {
    const { stock_car_id: _, car_lead_cluster_id: __, ...cells } = fullRow('test_drive');
    const seen = [observation({ event: event(cells) })];
    expect(codes('test_drive', seen)).toEqual(['problem missing-columns']);
    expect(codes('test_drive', seen, { optional: new Set(['test_drive.stock_car_id']) })).toEqual([]);
    expect(codes('test_drive', seen, { optional: new Set(['lead.stock_car_id']) })).toEqual([
      'problem missing-columns',
    ]);
  });

  test('a missing cluster and a missing deleted_at, each for what it is', () => {
    const { lead_cluster_id: _, deleted_at: __, ...cells } = fullRow('test_drive');
    expect(codes('test_drive', [observation({ event: event(cells) })])).toEqual([
      'problem no-cluster',
      'note missing-columns',
    ]);
  });

  test('integers in a timestamp column, as a risk in the right unit and as a problem in the wrong one', () => {
    const seen = (v: string) => [
      observation({ event: event(fullRow('appointment', { starts_at: { t: 'number', v } })) }),
    ];
    expect(codes('appointment', seen('1758160800000000'))).toEqual(['warning time-precision']);
    expect(codes('appointment', seen('1758160800000'))).toEqual(['problem time-precision']);
    expect(codes('appointment', seen('1758160800000'), { jsonTimeUnit: 'millis' })).toEqual(['warning time-precision']);
    expect(codes('appointment', seen('1758160800000000'), { jsonTimeUnit: 'millis' })).toEqual([
      'problem time-precision',
    ]);
  });

  test('integer purposes without a meaning', () => {
    const seen = [observation({ event: event(fullRow('appointment', { purpose: { t: 'number', v: '2' } })) })];
    expect(codes('appointment', seen)).toEqual(['problem purposes']);
    expect(codes('appointment', seen, { purposesNamed: true })).toEqual([]);
  });

  test('objects that are none', () => {
    const change = { kind: 'upsert', row: { scalarObjects: 2 } } as Change;
    expect(codes('test_drive', [observation({ change })])).toEqual(['problem no-object']);
  });

  test('problems first', () => {
    const seen = [
      observation({ decimalColumns: ['x'], keyId: null, event: event(fullRow('test_drive'), { sequence: null }) }),
    ];
    expect(codes('test_drive', seen)).toEqual(['problem other-key', 'warning no-sequence', 'note decimals-as-bytes']);
  });
});
