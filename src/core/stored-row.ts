/** A row as `cluster-changes` holds it: the domain row, and what rekey decided about it that the join needs. */
import type { Row, RowOf } from './rows.ts';
import type { Table } from './source-event.ts';

export interface RowMeta {
  /** How often the row changed its cluster or was made again; the upper half of every revision. */
  readonly moves: number;
  /** The row had a loud change; never turns back. */
  readonly live: boolean;
  /** Commit time (ms) of the loud change that made the row; null when it was born silent. */
  readonly birth: number | null;
  /** Commit time (ms) of the newest change in the row. */
  readonly changedAt: number;
  /** Fields whose value is not known: an unchanged TOAST value without a previous row. Empty nearly always. */
  readonly unknown: readonly string[];
}

export type StoredRow = { [T in Table]: { readonly table: T; readonly meta: RowMeta; readonly row: RowOf[T] } }[Table];

/** Joins the parts; keeps TypeScript from losing the pairing of table and row. */
export function storedRow(table: Table, meta: RowMeta, row: Row): StoredRow {
  return { table, meta, row } as StoredRow;
}
