/**
 * Judges a survey of a source topic: what will be lost, what will be null though it should not, what deserves a look. Sentences for the
 * upstream team, with the setting that mends it (docs/sources.md). No value of a record is named, as none is known here.
 */
import type { JsonTimeUnit } from './cells.ts';
import { DEBEZIUM_PLACEHOLDER, type SourceSurvey, TIMESTAMP_COLUMNS } from './source-survey.ts';

export interface SourceFinding {
  /** `problem`: something is lost, null or wrong. `warning`: works, with a risk. `note`: understood, and worth knowing. */
  readonly severity: 'problem' | 'warning' | 'note';
  /** A stable name of the kind of finding. */
  readonly code: string;
  readonly message: string;
}

export interface SurveyRules {
  readonly jsonTimeUnit: JsonTimeUnit;
  /** Whether integers of `purpose` are given a meaning (LEAD_WEBHOOKS_TEST_DRIVE_PURPOSES). */
  readonly purposesNamed: boolean;
  /** Columns that are known to be missing. */
  readonly optional: ReadonlySet<string>;
}

/** Years between which a plausible timestamp lies, as ms since the epoch. */
const PLAUSIBLE_MS = { from: Date.UTC(1990, 0, 1), to: Date.UTC(2100, 0, 1) } as const;
/** Columns that are judged apart, or without which nothing in a payload becomes null. */
const SILENT_WHEN_MISSING: ReadonlySet<string> = new Set([
  'id',
  'lead_cluster_id',
  'deleted_at',
  'car_lead_cluster_id',
]);

/** All findings of a survey, problems first. */
export function sourceFindings(survey: SourceSurvey, rules: SurveyRules): SourceFinding[] {
  if (survey.records === 0) return [finding('note', 'empty', 'no record was found: nothing can be said')];
  const found = [
    ...badRecords(survey),
    ...keys(survey),
    ...missingColumns(survey, rules),
    ...times(survey, rules),
    ...placeholders(survey),
    ...decimals(survey),
    ...objects(survey),
    ...purposes(survey, rules),
    ...order(survey),
    ...operations(survey),
  ];
  const rank = { problem: 0, warning: 1, note: 2 };
  return found.sort((a, b) => rank[a.severity] - rank[b.severity]);
}

function finding(severity: SourceFinding['severity'], code: string, message: string): SourceFinding {
  return { severity, code, message };
}

function badRecords({ bad }: SourceSurvey): SourceFinding[] {
  return Array.from(bad).flatMap(([code, messages]) =>
    Array.from(messages, ([message, count]) =>
      finding('problem', 'bad-records', `${records(count)} would go to the dead letters with code ${code}: ${message}`),
    ),
  );
}

function keys({ withoutKey, keysWithoutId, otherKeyColumns, keySchemas }: SourceSurvey): SourceFinding[] {
  const found: SourceFinding[] = [];
  if (withoutKey > 0) {
    const message = `${records(withoutKey)} without a key: the changes of a row may lie in different partitions, out of order`;
    found.push(finding('problem', 'no-key', message));
  }
  if (keysWithoutId > 0) {
    const message =
      `${records(keysWithoutId)} with a key that does not say the row's id: the key must be the primary key alone ` +
      '(message.key.columns makes another one), or the changes of a row come out of order and tombstones become dead letters';
    found.push(finding('problem', 'other-key', message));
  } else if (otherKeyColumns.size > 0) {
    const message =
      `keys hold more than the primary key: ${[...otherKeyColumns].join(', ')} (message.key.columns). When one of these changes, the row ` +
      'comes in another partition, where nothing is known of it';
    found.push(finding('problem', 'other-key', message));
  }
  if (keySchemas.size > 1) {
    const ids = [...keySchemas.keys()].join(', ');
    const message = `keys with ${keySchemas.size} schema ids (${ids}): with another id a row moves to another partition, where nothing is known of it`;
    found.push(finding('warning', 'key-schemas', message));
  }
  return found;
}

function missingColumns({ table, rows, columns }: SourceSurvey, { optional }: SurveyRules): SourceFinding[] {
  if (rows === 0) return [finding('note', 'no-rows', 'no record holds a row: nothing can be said of its columns')];
  const missing = Array.from(columns).flatMap(([name, { present }]) => (present === 0 ? [name] : []));
  const found: SourceFinding[] = [];
  if (missing.includes('lead_cluster_id')) {
    const message = 'lead_cluster_id is in no record: every row stands alone and nothing is joined';
    found.push(finding('problem', 'no-cluster', message));
  }
  if (missing.includes('deleted_at')) {
    found.push(finding('note', 'missing-columns', 'deleted_at is in no record: rows end by deletes alone'));
  }
  const unexpected = missing.filter((name) => !SILENT_WHEN_MISSING.has(name) && !optional.has(`${table}.${name}`));
  if (unexpected.length > 0) {
    const message = `in no record, and so null or empty in every payload: ${unexpected.join(', ')}`;
    found.push(finding('problem', 'missing-columns', message));
  }
  return found;
}

function times(survey: SourceSurvey, { jsonTimeUnit }: SurveyRules): SourceFinding[] {
  const perMs = jsonTimeUnit === 'micros' ? 1000 : 1;
  const columns = TIMESTAMP_COLUMNS[survey.table].filter(
    (name) => (survey.columns.get(name)?.kinds.get('number') ?? 0) > 0,
  );
  return columns.map((name) => {
    const { leastInteger = 0, greatestInteger = 0 } = survey.columns.get(name) ?? {};
    const { from, to } = PLAUSIBLE_MS;
    const unit = jsonTimeUnit === 'micros' ? 'microseconds' : 'milliseconds';
    if (leastInteger / perMs < from || greatestInteger / perMs > to) {
      const message =
        `${name} holds integers without a type that are no times of our days as ${unit}: set LEAD_WEBHOOKS_JSON_TIME_UNIT, ` +
        'or better time.precision.mode=isostring at the connector';
      return finding('problem', 'time-precision', message);
    }
    const message =
      `${name} holds integers without a type, read as ${unit}. JSON does not say it, and one connector writes both, by the column's ` +
      'precision: time.precision.mode=isostring is safe';
    return finding('warning', 'time-precision', message);
  });
}

function placeholders({ columns, foreignPlaceholders }: SourceSurvey): SourceFinding[] {
  const held = Array.from(columns).filter(([, column]) => column.placeholders > 0);
  const found = Array.from(foreignPlaceholders, ([name, count]) => {
    const message =
      `${name}: ${count} times ${DEBEZIUM_PLACEHOLDER}, which is not what LEAD_WEBHOOKS_UNAVAILABLE_VALUE says: it would be ` +
      'taken for the value and sent to receivers';
    return finding('problem', 'foreign-placeholder', message);
  });
  if (held.length === 0) return found;
  const names = held.map(([name, { placeholders: count }]) => `${name} (${count})`).join(', ');
  const message =
    `unchanged large values (TOAST) are left out by the source: ${names}. The previous value is kept; a row whose previous value ` +
    'was never read is not announced until it comes whole';
  return [...found, finding('note', 'placeholder', message)];
}

function decimals({ decimalColumns, columns }: SourceSurvey): SourceFinding[] {
  if (decimalColumns.size === 0) return [];
  const names = [...decimalColumns].sort();
  const read = names.filter((name) => columns.has(name));
  const effect =
    read.length === 0 ? 'none of them is read here' : `${read.join(', ')} can be read by the schema's scale`;
  const message = `decimals as bytes: ${names.join(', ')}; ${effect}. decimal.handling.mode=string is exact in every encoding`;
  return [finding('note', 'decimals-as-bytes', message)];
}

function objects({ scalarObjects }: SourceSurvey): SourceFinding[] {
  if (scalarObjects === 0) return [];
  return [
    finding(
      'problem',
      'no-object',
      `${scalarObjects} objects held a scalar or an array: each becomes an object of nulls`,
    ),
  ];
}

function purposes({ table, columns }: SourceSurvey, { purposesNamed }: SurveyRules): SourceFinding[] {
  const integers = table === 'appointment' ? (columns.get('purpose')?.kinds.get('number') ?? 0) : 0;
  if (integers === 0 || purposesNamed) return [];
  const message =
    'purpose holds integers: name those that mean a test drive in LEAD_WEBHOOKS_TEST_DRIVE_PURPOSES, or no appointment is listed';
  return [finding('problem', 'purposes', message)];
}

function order({ withoutSequence, withoutCommitTime }: SourceSurvey): SourceFinding[] {
  const found: SourceFinding[] = [];
  if (withoutSequence > 0) {
    const message =
      `${records(withoutSequence)} without source.sequence: changes are ordered by offset, and what a connector repeats after a crash ` +
      'is taken for new (flattened rows: add source.sequence to add.fields)';
    found.push(finding('warning', 'no-sequence', message));
  }
  if (withoutCommitTime > 0) {
    const message = `${records(withoutCommitTime)} without a commit time: the record's own time is used (flattened rows: add source.ts_ms)`;
    found.push(finding('warning', 'no-commit-time', message));
  }
  return found;
}

function operations({ operations: ops }: SourceSurvey): SourceFinding[] {
  const truncates = ops.get('t') ?? 0;
  if (truncates === 0) return [];
  const message = `${records(truncates)} say that the table was truncated: that is not carried out, its rows live on here`;
  return [finding('warning', 'truncate', message)];
}

function records(count: number): string {
  return count === 1 ? '1 record' : `${count} records`;
}
