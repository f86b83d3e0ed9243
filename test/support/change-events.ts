/**
 * Change events as a real Debezium writes them (JSON, recommended settings), for tests that speak in rows. Log positions come
 * from a counter, as the write-ahead log gives them: each event is newer than the one before, whatever its table.
 */
import type { Table } from '../../src/core/source-event.ts';

export interface ChangeEvent {
  readonly table: Table;
  readonly id: number;
  /** Null = tombstone. */
  readonly value: string | null;
}

/** Columns of a source row. */
export type Columns = Readonly<Record<string, unknown>>;

export class SourceDatabase {
  #lsn = 1_000;
  /** Commit time (ms) of the next event. */
  now = 1_758_000_000_000;

  /** op c: a row is made. */
  insert(table: Table, row: Columns & { id: number }): ChangeEvent {
    return this.#event(table, row.id, 'c', row);
  }

  /** op u: `row` is the whole row as it is now. */
  update(table: Table, row: Columns & { id: number }): ChangeEvent {
    return this.#event(table, row.id, 'u', row);
  }

  /** op r: a snapshot reads the row. */
  snapshot(table: Table, row: Columns & { id: number }): ChangeEvent {
    return this.#event(table, row.id, 'r', row);
  }

  /** op d and the tombstone that follows it. */
  remove(table: Table, id: number): [ChangeEvent, ChangeEvent] {
    return [this.#event(table, id, 'd', null), { table, id, value: null }];
  }

  /** A tombstone by itself, as compaction may leave it. */
  tombstone(table: Table, id: number): ChangeEvent {
    return { table, id, value: null };
  }

  #event(table: Table, id: number, op: 'c' | 'u' | 'd' | 'r', after: Columns | null): ChangeEvent {
    const commit = this.#lsn;
    this.#lsn += 8;
    const source = {
      ts_ms: this.now++,
      snapshot: op === 'r' ? 'true' : 'false',
      sequence: JSON.stringify([String(commit), String(this.#lsn)]),
      lsn: this.#lsn,
    };
    // What Debezium puts in the `before` of a delete beside the key is invented, so the tests invent too.
    const before = op === 'd' ? { id, lead_cluster_id: 0, comments: '', dealership: '' } : null;
    return { table, id, value: JSON.stringify({ before, after, source, op, ts_ms: this.now, transaction: null }) };
  }
}
