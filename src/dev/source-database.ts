/**
 * The dealers' database as a connector sees it: tables of rows, and for each change of a row what the log says about it. It
 * stands in for PostgreSQL and Debezium where changes are made up (the demo, benches, tests). It holds the rows, so that an
 * update may name only the columns that change; it knows no Kafka and no encoding, and has no clock.
 */
import type { Table } from '../core/source-event.ts';
import { assert } from '../lib/assert.ts';

/** A column's value: jsonb columns hold objects and arrays, timestamps microseconds since the epoch. */
export type ColumnValue = string | number | boolean | null | object;

/** The columns of a row by name; one that is absent is null. */
export type SourceRow = Readonly<Record<string, ColumnValue>> & { readonly id: number };

/** One change of one row, as the connector tells it. */
export interface SourceChange {
  readonly table: Table;
  readonly id: number;
  /** Made, updated, deleted; `tombstone` is the record without a value that follows a delete. */
  readonly op: 'c' | 'u' | 'd' | 'tombstone';
  /** The whole row after the change; null for a delete and its tombstone. */
  readonly row: SourceRow | null;
  /** Log positions of the last commit before it and of the change itself; strictly growing over all tables. */
  readonly sequence: readonly [commit: number, own: number];
}

/** Distance of two log positions: a record of the write-ahead log is aligned to 8 bytes. */
const LSN_STEP = 8;

export class SourceDatabase {
  readonly #tables: Readonly<Record<Table, Map<number, SourceRow>>> = {
    lead: new Map(),
    appointment: new Map(),
    test_drive: new Map(),
  };
  #lsn: number;

  /** @param lsn log position to begin at; of two databases for one topic the later one must begin higher. */
  constructor(lsn = 26_947_120) {
    this.#lsn = lsn;
  }

  /** The row as it is now; undefined when there is none. */
  row(table: Table, id: number): SourceRow | undefined {
    return this.#tables[table].get(id);
  }

  /** Makes a row that is not there. */
  insert(table: Table, row: SourceRow): SourceChange {
    assert(!this.#tables[table].has(row.id), `${table} ${row.id} is there already`);
    this.#tables[table].set(row.id, row);
    return { table, id: row.id, op: 'c', row, sequence: this.#next() };
  }

  /** Changes the named columns of a row that is there. */
  update(table: Table, id: number, columns: Readonly<Record<string, ColumnValue>>): SourceChange {
    const before = this.#tables[table].get(id);
    assert(before !== undefined, `${table} ${id} is not there`);
    const row = { ...before, ...columns, id };
    this.#tables[table].set(id, row);
    return { table, id, op: 'u', row, sequence: this.#next() };
  }

  /** Deletes a row that is there: the delete and its tombstone. */
  remove(table: Table, id: number): [SourceChange, SourceChange] {
    assert(this.#tables[table].delete(id), `${table} ${id} is not there`);
    const sequence = this.#next();
    return [
      { table, id, op: 'd', row: null, sequence },
      { table, id, op: 'tombstone', row: null, sequence },
    ];
  }

  #next(): [number, number] {
    const commit = this.#lsn;
    this.#lsn += LSN_STEP;
    return [commit, this.#lsn];
  }
}
