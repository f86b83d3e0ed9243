/**
 * What one source record says about one row. `interpret` (below) is the only place that knows Debezium's operations and
 * deletes; rekey sees Changes only. It does not look at the row's history: whether a change is old, loud or a re-creation
 * is rekey's decision.
 */
import { appointmentFrom } from './appointment.ts';
import { integerId, Refusal } from './cells.ts';
import { leadFrom } from './lead.ts';
import { positionOf } from './position.ts';
import type { ReadingRules } from './row-reader.ts';
import type { PartialRow } from './rows.ts';
import { type BadRecord, type Cells, isBad, type SourceEvent, type Table } from './source-event.ts';
import { testDriveFrom } from './test-drive.ts';

/**
 * Where a change stands in its row's history, compared in this order; strictly greater wins, equal is a duplicate.
 * From `source.sequence` = `[commit, own]`: (epoch, max(commit, own), own, streamed after snapshot). Without a sequence
 * `high` and `own` are the Kafka offset. `epoch` is LEAD_WEBHOOKS_SOURCE_EPOCH.
 */
export interface Position {
  readonly epoch: number;
  readonly high: number;
  readonly own: number;
  /** True for a streamed change, false for a snapshot read: at equal log positions the streamed one is newer. */
  readonly streamed: boolean;
}

export interface Upsert {
  readonly kind: 'upsert';
  readonly table: Table;
  /** Primary key as decimal text; never rounded. */
  readonly id: string;
  readonly row: PartialRow;
  /** The change made the row (op `c`, or the first sight of a flat row that does not say its op). */
  readonly made: boolean;
  /** A snapshot read: announces nothing by itself. */
  readonly snapshot: boolean;
  readonly commitMs: number;
  readonly position: Position;
}

export interface Delete {
  readonly kind: 'delete';
  readonly table: Table;
  readonly id: string;
  readonly commitMs: number;
  readonly position: Position;
  /** A snapshot read of a row whose `deleted_at` is set announces nothing by itself. */
  readonly snapshot: boolean;
}

/** A null value. Means a delete only if the key's previous record was not a `d` (rekey decides). */
export interface Tombstone {
  readonly kind: 'tombstone';
  readonly table: Table;
  readonly id: string;
  readonly commitMs: number;
}

/** A record that is no change of a row: `t` (truncate) and `m` (message). Counted; `t` is logged loudly. */
export interface Ignored {
  readonly kind: 'ignored';
  readonly reason: 'truncate' | 'message';
}

export type Change = Upsert | Delete | Tombstone | Ignored | BadRecord;

export interface SourceRules extends ReadingRules {
  /** LEAD_WEBHOOKS_SOURCE_EPOCH. */
  readonly sourceEpoch: number;
}

/** What is known of a record beside its value. */
export interface RecordContext {
  readonly table: Table;
  /** The id that the record's key gives, as decimal text; null when the key has none. */
  readonly keyId: string | null;
  /** The record's offset in its partition. */
  readonly offset: number;
  /** Kafka's time of the record, ms: the commit time of a record that does not say its own. */
  readonly timestampMs: number;
  readonly rules: SourceRules;
}

/**
 * The change that a decoded record makes; null is a record without a value. A delete is op `d`,
 * `__deleted`, or a `deleted_at` that is set (A7), and only its primary key is read, because Debezium invents the rest. What
 * cannot be used is a bad record with a code for the dead letter and a message that quotes no value.
 */
export function interpret(event: SourceEvent | null, context: RecordContext): Change {
  const { table, keyId, timestampMs } = context;
  if (event === null) {
    return keyId === null ? missingKey() : { kind: 'tombstone', table, id: keyId, commitMs: timestampMs };
  }
  if (event.op === 't') return { kind: 'ignored', reason: 'truncate' };
  if (event.op === 'm') return { kind: 'ignored', reason: 'message' };
  if (event.op !== null && !ROW_OPS.has(event.op)) return wrong('op: expected one of c, u, d, r, t, m');

  const snapshot = event.op === 'r' || (event.snapshot !== null && event.snapshot !== 'false');
  const position = positionOf(event, { epoch: context.rules.sourceEpoch, offset: context.offset, snapshot });
  if (isBad(position)) return position;
  const about = { table, snapshot, commitMs: event.commitMs ?? timestampMs, position };

  const cells = event.after;
  if (event.op === 'd' || event.deleted || isSet(cells, 'deleted_at')) {
    const id = idOf([event.op === 'd' ? event.before : null, cells], keyId);
    return typeof id === 'string' ? { kind: 'delete', id, ...about } : id;
  }
  if (cells === null) return wrong('after: expected the row');
  const id = idOf([cells], keyId);
  if (typeof id !== 'string') return id;
  const row = BUILDERS[table](id, cells, context.rules);
  if (isBad(row)) return row;
  const made = event.op === 'c' || event.op === null;
  return { kind: 'upsert', id, row, made, ...about };
}

const ROW_OPS: ReadonlySet<string> = new Set(['c', 'u', 'd', 'r']);

const BUILDERS: Record<Table, (id: string, cells: Cells, rules: ReadingRules) => PartialRow | BadRecord> = {
  lead: leadFrom,
  appointment: appointmentFrom,
  test_drive: testDriveFrom,
};

/** The primary key: column `id` of the first image that has one, else the key's. */
function idOf(images: readonly (Cells | null)[], keyId: string | null): string | BadRecord {
  for (const image of images) {
    const id = integerId(image?.['id'] ?? null);
    if (id instanceof Refusal) return { kind: 'bad', code: id.code, message: `column id: expected ${id.expected}` };
    if (id !== null) return id;
  }
  return keyId ?? missingKey();
}

function isSet(cells: Cells | null, column: string): boolean {
  return (cells?.[column] ?? null) !== null;
}

function missingKey(): BadRecord {
  return { kind: 'bad', code: 'missing-key', message: 'neither the key nor the value has an integer id' };
}

function wrong(message: string): BadRecord {
  return { kind: 'bad', code: 'wrong-type', message };
}
