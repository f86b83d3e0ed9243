/**
 * What one source record says about one row. `interpret` (below) is the only place that knows Debezium's operations,
 * positions and deletes; rekey sees Changes only.
 */
import type { BadRecord, Table } from './source-event.ts';
import type { PartialRow } from './rows.ts';

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
