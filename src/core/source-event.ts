/**
 * A source record after decoding and before interpretation: the columns that we read, each as a Cell. Avro and JSON
 * decoders both end here, so that one piece of code (`change.ts`, `rows.ts`) holds every rule about Debezium.
 */

/** The three source tables. The word is also the middle part of every internal key: `cluster:289|lead|138559`. */
export type Table = 'lead' | 'appointment' | 'test_drive';
export const TABLES: readonly Table[] = ['lead', 'appointment', 'test_drive'];

/**
 * One column's value.
 *  - `null`: SQL null, or a value that PostgreSQL allows and JSON cannot say (NaN, infinity).
 *  - `text`: a string as the source has it. A jsonb column of Debezium is a text cell that holds JSON.
 *  - `number`: the number's text, in JSON's grammar, no digit lost (an int64 stays exact).
 *  - `micros`: an instant in microseconds since the epoch, from a column whose type says so (safe integers only).
 *  - `date`: days since the epoch; `time`: microseconds of the day. Only where the writer's schema gives the type.
 *  - `json`: a nested Avro record or JSON object or array, as JSON text.
 */
export type Cell =
  | null
  | { readonly t: 'text'; readonly v: string }
  | { readonly t: 'number'; readonly v: string }
  | { readonly t: 'bool'; readonly v: boolean }
  | { readonly t: 'micros'; readonly v: number }
  | { readonly t: 'date'; readonly v: number }
  | { readonly t: 'time'; readonly v: number }
  | { readonly t: 'json'; readonly v: string };

/** Column name → cell. A column that the record does not have is absent. Has no prototype: columns may be called anything. */
export type Cells = { readonly [column: string]: Cell };

export interface SourceEvent {
  /** `flat` = ExtractNewRecordState; its meta columns (`__op` …) have been taken out of `after` into the fields below. */
  readonly form: 'envelope' | 'flat';
  /** c r u d t m as written; null where a flat row does not carry `__op`. */
  readonly op: string | null;
  /** Flat rows: `__deleted` is "true". */
  readonly deleted: boolean;
  /** Only the key column may be read from the `before` of a delete: Debezium invents the rest. */
  readonly before: Cells | null;
  readonly after: Cells | null;
  /** `source.ts_ms` or `__source_ts_ms`: commit time, ms. */
  readonly commitMs: number | null;
  /** `source.snapshot` as written, e.g. `true`, `last`, `incremental`, `false`. */
  readonly snapshot: string | null;
  /** `source.sequence` or `__source_sequence` as written: `["26947120","26947120"]` or `[null,"26947120"]`. */
  readonly sequence: string | null;
}

/** Why a source record cannot be used. `code` is one of docs/operating.md's dead-letter codes. */
export interface BadRecord {
  readonly kind: 'bad';
  readonly code: BadRecordCode;
  /** Which part is wrong and what was expected. Never contains a value of the record: values may be personal data. */
  readonly message: string;
}

export type BadRecordCode =
  | 'undecodable' // bytes that are neither Confluent-framed Avro nor JSON, truncated or with trailing bytes
  | 'unknown-schema' // the registry has no schema of this id
  | 'missing-key' // no primary key in key and value
  | 'wrong-type' // a column holds a value that its rule does not allow
  | 'out-of-range' // an integer or instant that cannot be carried exactly
  | 'too-large' // the row is larger than a record of cluster-changes may be
  | 'skipped'; // the operator named it in LEAD_WEBHOOKS_SKIP_RECORDS

/** Whether a reading ended as a bad record. */
export function isBad<T extends object | string>(reading: T | BadRecord): reading is BadRecord {
  return typeof reading === 'object' && 'kind' in reading && reading.kind === 'bad';
}
