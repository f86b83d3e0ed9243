/**
 * Decodes a JSON source record: a Debezium envelope or a flat row, bare or as `{schema, payload}`. The text is taken apart
 * with the lossless scanner, so that ids, decimals and nested JSON keep every digit. Only shape is judged here; what a
 * column may hold is decided by the row builders.
 */
import { integerId, Refusal } from './cells.ts';
import { type ColumnTypes, cellOf, columnTypes, NO_TYPES } from './connect-schema.ts';
import { flatEvent } from './flat-row.ts';
import { compact, kindOf, rawMembers, stringOf } from './json.ts';
import type { BadRecord, Cell, Cells, SourceEvent } from './source-event.ts';

/**
 * The event that a record's value holds; null for JSON null, which means what a missing value means: a tombstone. Text that
 * is no JSON object, or an envelope of the wrong shape, is a bad record.
 */
export function decodeJsonRecord(text: string): SourceEvent | BadRecord | null {
  const outer = rawMembers(text);
  if (outer === null) return compact(text) === 'null' ? null : undecodable('value: expected a JSON object');
  const schema = schemaOf(outer);
  if (schema === undefined) return eventOf(outer, NO_TYPES);
  const written = outer.get('payload') ?? '';
  const payload = rawMembers(written);
  if (payload === null) return written === 'null' ? null : undecodable('payload: expected a JSON object');
  return eventOf(payload, schema === 'null' ? NO_TYPES : typesOf(schema));
}

/**
 * The id that a record's key holds, as decimal text: `{"id":5}`, the same under `payload`, or a bare number or text of
 * digits. Null when the key holds none (a key of other columns, or broken): the value may still have it.
 */
export function decodeJsonKey(text: string): string | null {
  let key = compact(text);
  const outer = rawMembers(text);
  if (outer !== null) {
    const fields = schemaOf(outer) === undefined ? outer : rawMembers(outer.get('payload') ?? '');
    key = fields === null ? (outer.get('payload') ?? null) : (fields.get('id') ?? null);
  }
  const id = key === null ? null : integerId(cellOf(key, undefined));
  return id instanceof Refusal ? null : id;
}

/** The schema's text if these are the members of `{schema, payload}`, else undefined. */
function schemaOf(outer: ReadonlyMap<string, string>): string | undefined {
  const schema = outer.get('schema');
  if (schema === undefined || outer.size !== 2 || !outer.has('payload')) return undefined;
  const kind = kindOf(schema);
  return kind === 'object' || kind === 'null' ? schema : undefined;
}

/** Schemas repeat with every record, six times the row's size: the last few are remembered by their text. */
const remembered = new Map<string, ColumnTypes>();
const REMEMBERED_MAX = 32;

function typesOf(schema: string): ColumnTypes {
  let types = remembered.get(schema);
  if (types === undefined) {
    types = columnTypes(schema);
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(schema, types);
  }
  return types;
}

function eventOf(written: ReadonlyMap<string, string>, types: ColumnTypes): SourceEvent | BadRecord {
  return isEnvelope(written) ? envelopeEvent(written, types) : flatEvent(cellsOf(written, types));
}

/** A text `op` beside a row image or Debezium's source block. (A lead has a text column `source`, so that alone is no sign.) */
function isEnvelope(written: ReadonlyMap<string, string>): boolean {
  if (!written.get('op')?.startsWith('"')) return false;
  return written.has('before') || written.has('after') || written.get('source')?.startsWith('{') === true;
}

function envelopeEvent(written: ReadonlyMap<string, string>, types: ColumnTypes): SourceEvent | BadRecord {
  const before = imageOf(written.get('before'), types);
  const after = imageOf(written.get('after'), types);
  const source = imageOf(written.get('source'), NO_TYPES);
  if (before === undefined) return wrong('before: expected an object or null');
  if (after === undefined) return wrong('after: expected an object or null');
  if (source === undefined) return wrong('source: expected an object or null');
  const commitMs = integerId(source?.['ts_ms'] ?? null);
  if (commitMs instanceof Refusal) return { ...wrong('source.ts_ms: expected an integer'), code: commitMs.code };
  const snapshot = source?.['snapshot'] ?? null;
  if (snapshot !== null && snapshot.t !== 'text' && snapshot.t !== 'bool')
    return wrong('source.snapshot: expected text');
  const sequence = source?.['sequence'] ?? null;
  if (sequence !== null && sequence.t !== 'text' && sequence.t !== 'json')
    return wrong('source.sequence: expected text');
  return {
    form: 'envelope',
    op: stringOf(written.get('op') ?? '""'),
    deleted: false,
    before,
    after,
    commitMs: commitMs === null ? null : Number(commitMs),
    snapshot: snapshot === null ? null : String(snapshot.v),
    sequence: sequence === null ? null : sequence.v,
  };
}

/** Null for null or missing, undefined for what is no object. */
function imageOf(written: string | undefined, types: ColumnTypes): Cells | null | undefined {
  if (written === undefined || written === 'null') return null;
  const columns = rawMembers(written);
  return columns === null ? undefined : cellsOf(columns, types);
}

function cellsOf(columns: ReadonlyMap<string, string>, types: ColumnTypes): Cells {
  const cells: Record<string, Cell> = Object.create(null);
  for (const [column, written] of columns) cells[column] = cellOf(written, types.get(column));
  return cells;
}

function undecodable(message: string): BadRecord {
  return { kind: 'bad', code: 'undecodable', message };
}

function wrong(message: string): BadRecord {
  return { kind: 'bad', code: 'wrong-type', message };
}
