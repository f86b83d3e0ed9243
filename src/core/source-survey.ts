/**
 * What a number of records of one source topic look like, counted: forms, operations, keys, and for every column that is read what it
 * held. It keeps no value of any record, so it can be shown. What the counts mean is judged in source-findings.ts.
 */
import type { Change } from './change.ts';
import { SOURCE_COLUMNS } from './source-columns.ts';
import { type BadRecord, type Cell, type Cells, isBad, type SourceEvent, type Table } from './source-event.ts';

/** One record, decoded. */
export interface Observation {
  /** `avro`, `json`, `json with schema`; null for a record without a value. */
  readonly encoding: string | null;
  /** Id of the value's schema in the registry; null = not framed. */
  readonly valueSchema: number | null;
  readonly keySchema: number | null;
  readonly hasKey: boolean;
  /** Columns that the key is made of, if it names any. */
  readonly keyColumns: readonly string[];
  /** The row's id as the key has it; null = the key has none. */
  readonly keyId: string | BadRecord | null;
  /** Null for a tombstone. */
  readonly event: SourceEvent | BadRecord | null;
  readonly change: Change;
  /** Columns that the value's schema calls decimals in bytes. */
  readonly decimalColumns: readonly string[];
  /** When the record was written, ms since the epoch. */
  readonly writtenAt: number;
}

export interface ColumnSurvey {
  /** Rows that have the column. */
  present: number;
  nulls: number;
  /** Cells that hold the placeholder for an unchanged value. */
  placeholders: number;
  /** Cells by kind: `text`, `number`, `micros`, `json` and so on. */
  readonly kinds: Map<string, number>;
  /** Least and greatest integer of a cell without a type; only of timestamp columns. */
  leastInteger: number;
  greatestInteger: number;
}

/** The timestamp columns of each table. */
export const TIMESTAMP_COLUMNS: { readonly [T in Table]: readonly string[] } = {
  lead: ['created_at', 'updated_at'],
  appointment: ['starts_at'],
  test_drive: [],
};

/** Debezium's own text for an unchanged value, whatever is configured here. */
export const DEBEZIUM_PLACEHOLDER = '__debezium_unavailable_value';

export class SourceSurvey {
  readonly table: Table;
  records = 0;
  /** Records whose `after` holds the row. */
  rows = 0;
  tombstones = 0;
  withoutKey = 0;
  /** Keys that do not say the row's id. */
  keysWithoutId = 0;
  /** Columns in keys beside the primary key. */
  readonly otherKeyColumns = new Set<string>();
  withoutSequence = 0;
  withoutCommitTime = 0;
  /** Object columns that held a scalar or an array. */
  scalarObjects = 0;
  /** Columns with Debezium's own placeholder, which is not the one that is configured. */
  readonly foreignPlaceholders = new Map<string, number>();
  readonly forms = new Map<string, number>();
  readonly operations = new Map<string, number>();
  readonly valueSchemas = new Map<number, number>();
  readonly keySchemas = new Map<number, number>();
  readonly columns = new Map<string, ColumnSurvey>();
  readonly decimalColumns = new Set<string>();
  /** Bad records by code, then by message. */
  readonly bad = new Map<string, Map<string, number>>();
  oldestAt = Number.POSITIVE_INFINITY;
  newestAt = Number.NEGATIVE_INFINITY;
  readonly #placeholder: string;

  /** @param placeholder what stands for an unchanged value (LEAD_WEBHOOKS_UNAVAILABLE_VALUE). */
  constructor(table: Table, placeholder: string) {
    this.table = table;
    this.#placeholder = placeholder;
    for (const column of SOURCE_COLUMNS[table]) {
      const integers = { leastInteger: Number.POSITIVE_INFINITY, greatestInteger: Number.NEGATIVE_INFINITY };
      this.columns.set(column, { present: 0, nulls: 0, placeholders: 0, kinds: new Map(), ...integers });
    }
  }

  /** Counts one record. */
  take(seen: Observation): void {
    this.records++;
    this.oldestAt = Math.min(this.oldestAt, seen.writtenAt);
    this.newestAt = Math.max(this.newestAt, seen.writtenAt);
    if (!seen.hasKey) this.withoutKey++;
    else if (typeof seen.keyId !== 'string') this.keysWithoutId++;
    for (const column of seen.keyColumns) if (column !== 'id') this.otherKeyColumns.add(column);
    if (seen.valueSchema !== null) add(this.valueSchemas, seen.valueSchema);
    if (seen.keySchema !== null) add(this.keySchemas, seen.keySchema);
    for (const column of seen.decimalColumns) this.decimalColumns.add(column);
    if (isBad(seen.change)) this.#bad(seen.change);
    const { event, change } = seen;
    if (event === null) this.tombstones++;
    if (event === null || isBad(event)) return;
    add(this.forms, `${seen.encoding ?? 'none'}, ${event.form}`);
    add(this.operations, event.op ?? 'none');
    if (event.op === 't' || event.op === 'm') return;
    if (event.sequence === null) this.withoutSequence++;
    if (event.commitMs === null) this.withoutCommitTime++;
    if (change.kind === 'upsert') this.scalarObjects += change.row.scalarObjects;
    if (event.after !== null && event.op !== 'd' && !event.deleted) this.#row(event.after);
  }

  #bad({ code, message }: BadRecord): void {
    const messages = this.bad.get(code) ?? new Map<string, number>();
    add(messages, message);
    this.bad.set(code, messages);
  }

  #row(cells: Cells): void {
    this.rows++;
    for (const [name, column] of this.columns) {
      if (!Object.hasOwn(cells, name)) continue;
      column.present++;
      this.#cell(name, column, cells[name] ?? null);
    }
  }

  #cell(name: string, column: ColumnSurvey, cell: Cell): void {
    if (cell === null) {
      column.nulls++;
      return;
    }
    if (cell.t === 'text' && cell.v === this.#placeholder) {
      column.placeholders++;
      return;
    }
    if (cell.t === 'text' && cell.v === DEBEZIUM_PLACEHOLDER) add(this.foreignPlaceholders, name);
    add(column.kinds, cell.t);
    if (cell.t !== 'number' || !TIMESTAMP_COLUMNS[this.table].includes(name)) return;
    column.leastInteger = Math.min(column.leastInteger, Number(cell.v));
    column.greatestInteger = Math.max(column.greatestInteger, Number(cell.v));
  }
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
