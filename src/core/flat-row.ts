/**
 * Flattened Debezium rows (ExtractNewRecordState): the row's columns with the envelope's facts beside them as `__` columns.
 * Both decoders, Avro and JSON, hand their columns to `flatEvent`. It reads the meta columns that change.ts needs; columns of a
 * row never begin with two underscores, so all others of that kind (`__lsn`, `__table` …) are dropped.
 */
import { integerText } from './json-number.ts';
import type { BadRecord, Cell, Cells, SourceEvent } from './source-event.ts';

/**
 * The event of a flat row. `columns` are all columns of the record. `wrong-type` when a meta column holds what it never
 * should, `out-of-range` for a commit time beyond 2^53.
 */
export function flatEvent(columns: Cells): SourceEvent | BadRecord {
  const after: Record<string, Cell> = Object.create(null);
  for (const column in columns) {
    if (!column.startsWith('__') || column === '__proto__') after[column] = columns[column] ?? null;
  }
  const commitMs = timeOf(columns['__source_ts_ms'] ?? null);
  if (typeof commitMs === 'object' && commitMs !== null) return commitMs;
  const op = wordOf(columns['__op'] ?? null);
  const deleted = wordOf(columns['__deleted'] ?? null);
  const snapshot = wordOf(columns['__source_snapshot'] ?? columns['__snapshot'] ?? null);
  const sequence = wordOf(columns['__source_sequence'] ?? columns['__sequence'] ?? null);
  for (const [column, word] of Object.entries({ __op: op, __deleted: deleted, __source_snapshot: snapshot })) {
    if (word === undefined) return wrong(column, 'text or a boolean');
  }
  if (sequence === undefined) return wrong('__source_sequence', 'text');
  return {
    form: 'flat',
    op: op ?? null,
    deleted: deleted === 'true',
    before: null,
    after,
    commitMs,
    snapshot: snapshot ?? null,
    sequence,
  };
}

/** Text as it is, a boolean as the word, nested JSON as its text; undefined for what is none of these. */
function wordOf(cell: Cell): string | null | undefined {
  if (cell === null) return null;
  if (cell.t === 'text' || cell.t === 'json') return cell.v;
  return cell.t === 'bool' ? String(cell.v) : undefined;
}

function timeOf(cell: Cell): number | null | BadRecord {
  if (cell === null) return null;
  const integer = cell.t === 'number' ? integerText(cell.v) : null;
  if (integer === null) return wrong('__source_ts_ms', 'an integer');
  const ms = Number(integer);
  if (Number.isSafeInteger(ms)) return ms;
  return { kind: 'bad', code: 'out-of-range', message: 'column __source_ts_ms: expected milliseconds below 2^53' };
}

function wrong(column: string, expected: string): BadRecord {
  return { kind: 'bad', code: 'wrong-type', message: `column ${column}: expected ${expected}` };
}
