/**
 * Decodes a JSON source record: a Debezium envelope or a flat row, bare or as `{schema, payload}`. The text is taken apart
 * with the lossless scanner, so that ids, decimals and nested JSON keep every digit. Only shape is judged here; what a
 * column may hold is decided by the row builders.
 */
import { integerId, Refusal } from './cells.ts';
import { type ColumnTypes, cellOf, columnTypes, NO_TYPES } from './connect-schema.ts';
import { flatEvent } from './flat-row.ts';
import { compact, kindOf, type RawObject, rawMembers, stringOf } from './json.ts';
import type { BadRecord, Cell, Cells, SourceEvent } from './source-event.ts';

/**
 * The event that a record's value holds; null for JSON null, which means what a missing value means: a tombstone. Text that
 * is no JSON object, or an envelope of the wrong shape, is a bad record.
 */
export function decodeJsonRecord(text: string): SourceEvent | BadRecord | null {
  const outer = rawMembers(text, OPENED);
  if (outer === null) return compact(text) === 'null' ? null : undecodable('value: expected a JSON object');
  const schema = schemaOf(outer);
  if (schema === undefined) return eventOf(outer, NO_TYPES);
  const written = outer.members.get('payload') ?? '';
  const payload = rawMembers(written, OPENED);
  if (payload === null) return written === 'null' ? null : undecodable('payload: expected a JSON object');
  return eventOf(payload, schema === 'null' ? NO_TYPES : typesOf(schema));
}

/** The parts of an envelope, taken apart while the record is read. */
const OPENED: ReadonlySet<string> = new Set(['before', 'after', 'source']);

/**
 * The id that a record's key holds, as decimal text: `{"id":5}`, the same under `payload`, or a bare number or text of
 * digits. Null when the key holds none (a key of other columns, or broken): the value may still have it.
 */
export function decodeJsonKey(text: string): string | null {
  const outer = rawMembers(text);
  if (outer === null) return keyOf(compact(text));
  if (schemaOf(outer) === undefined) return keyOf(outer.members.get('id'));
  const payload = outer.members.get('payload') ?? '';
  const fields = rawMembers(payload);
  return keyOf(fields === null ? payload : fields.members.get('id'));
}

function keyOf(written: string | null | undefined): string | null {
  if (written === null || written === undefined) return null;
  const id = integerId(cellOf(written, undefined));
  return id instanceof Refusal ? null : id;
}

/** The schema's text if this is a `{schema, payload}`, else undefined. */
function schemaOf({ members }: RawObject): string | undefined {
  const schema = members.get('schema');
  if (schema === undefined || members.size !== 2 || !members.has('payload')) return undefined;
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

function eventOf(read: RawObject, types: ColumnTypes): SourceEvent | BadRecord {
  return isEnvelope(read) ? envelopeEvent(read, types) : flatEvent(cellsOf(read.members, types));
}

/** A text `op` beside a row image or Debezium's source block. (A lead has a text column `source`, so that alone is no sign.) */
function isEnvelope({ members, objects }: RawObject): boolean {
  if (!members.get('op')?.startsWith('"')) return false;
  return members.has('before') || members.has('after') || objects.has('source');
}

function envelopeEvent(read: RawObject, types: ColumnTypes): SourceEvent | BadRecord {
  for (const part of OPENED) {
    const written = read.members.get(part) ?? 'null';
    if (written !== 'null' && !read.objects.has(part)) return wrong(`${part}: expected an object or null`);
  }
  const source = imageOf(read, 'source', NO_TYPES);
  const commitMs = integerId(source?.['ts_ms'] ?? null);
  if (commitMs instanceof Refusal)
    return { kind: 'bad', code: commitMs.code, message: 'source.ts_ms: expected an integer' };
  if (commitMs !== null && !Number.isSafeInteger(Number(commitMs))) {
    return { kind: 'bad', code: 'out-of-range', message: 'source.ts_ms: expected milliseconds below 2^53' };
  }
  const snapshot = source?.['snapshot'] ?? null;
  if (snapshot !== null && snapshot.t !== 'text' && snapshot.t !== 'bool')
    return wrong('source.snapshot: expected text');
  const sequence = source?.['sequence'] ?? null;
  if (sequence !== null && sequence.t !== 'text' && sequence.t !== 'json')
    return wrong('source.sequence: expected text');
  return {
    form: 'envelope',
    op: stringOf(read.members.get('op') ?? '""'),
    deleted: false,
    before: imageOf(read, 'before', types),
    after: imageOf(read, 'after', types),
    commitMs: commitMs === null ? null : Number(commitMs),
    snapshot: snapshot === null ? null : String(snapshot.v),
    sequence: sequence === null ? null : sequence.v,
  };
}

function imageOf({ objects }: RawObject, part: string, types: ColumnTypes): Cells | null {
  const columns = objects.get(part);
  return columns === undefined ? null : cellsOf(columns, types);
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
