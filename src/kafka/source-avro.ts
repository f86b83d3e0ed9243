/**
 * Avro source records → SourceEvents. For each writer schema a decoder is compiled once: it reads the columns that the
 * table's rows need and skips all others, which costs nothing and cannot fail on `ts_ns` and the like. Envelopes and flat
 * rows both work, whatever their topic prefix, replica identity or age. What the columns mean is decided in the core; what
 * the bytes cannot say becomes a BadRecord, never an exception.
 */

import type { Schema, Type } from 'avsc';
import avro from 'avsc';
import { integerId, Refusal } from '../core/cells.ts';
import { flatEvent } from '../core/flat-row.ts';
import { SOURCE_COLUMNS } from '../core/source-columns.ts';
import type { BadRecord, Cell, Cells, SourceEvent, Table } from '../core/source-event.ts';
import { cellConverter, type ToCell, Uncarriable } from './avro-cells.ts';
import { type AvroSchema, compileAvro } from './avro-schema.ts';
import type { WriterSchema } from './registry.ts';

/** Reads a payload (without the frame). A null event is a null value inside an optional record: a tombstone. */
export type SourceDecoder = (payload: Buffer) => SourceEvent | BadRecord | null;
/** The row's primary key as decimal text; null = the key has no `id` (message.key.columns). */
export type KeyDecoder = (payload: Buffer) => string | BadRecord | null;

type Values = Readonly<Record<string, unknown>>;
/** The meta columns that `flatEvent` reads. */
const FLAT_META = [
  '__op',
  '__deleted',
  '__source_ts_ms',
  '__source_sequence',
  '__sequence',
  '__source_snapshot',
  '__snapshot',
] as const;
const SOURCE_META = ['ts_ms', 'snapshot', 'sequence'] as const;

/** Compiles the decoder of a table's values. An unusable schema gives a decoder whose every answer is a BadRecord. */
export function avroSourceDecoder(writer: WriterSchema, table: Table): SourceDecoder {
  return compiled(writer, (schema) => {
    const root = recordIn(schema.type);
    if (root === null) return null;
    const names = new Set(fieldsOf(root).map((field) => field.name));
    const envelope = names.has('op') && (names.has('before') || names.has('after') || names.has('source'));
    return envelope
      ? envelopeDecoder(schema, root, SOURCE_COLUMNS[table])
      : flatDecoder(schema, root, SOURCE_COLUMNS[table]);
  });
}

/** Compiles the decoder of record keys: a struct with the field `id`, or a bare integer or text. */
export function avroKeyDecoder(writer: WriterSchema): KeyDecoder {
  return compiled(writer, (schema) => {
    const root = recordIn(schema.type);
    if (root === null) {
      const toCell = cellConverter(schema.type, schema);
      return (payload) => idOf(toCell(schema.type.fromBuffer(payload)));
    }
    const reader = project(schema.type, 'key', (name) => name === 'id');
    const resolver = reader.createResolver(schema.type, { ignoreNamespaces: true });
    const row = rowConverter(root, ['id'], schema);
    return (payload) => {
      const value: unknown = reader.fromBuffer(payload, resolver);
      return value === null ? null : idOf(row(value as Values)['id'] ?? null);
    };
  });
}

/** Turns every exception of `build` and of the decoder it builds into a BadRecord; `build` gives null for a useless root. */
function compiled<R>(
  writer: WriterSchema,
  build: (schema: AvroSchema) => ((payload: Buffer) => R) | null,
): (payload: Buffer) => R | BadRecord {
  let decode: ((payload: Buffer) => R) | null;
  try {
    decode = build(compileAvro(writer));
  } catch {
    return () => ({ kind: 'bad', code: 'undecodable', message: 'the Avro schema of the record is not valid' });
  }
  if (decode === null) {
    return () => ({ kind: 'bad', code: 'undecodable', message: 'the Avro schema of the record is not one of a row' });
  }
  const read = decode;
  return (payload) => {
    try {
      return read(payload);
    } catch (error) {
      if (error instanceof Uncarriable) return { kind: 'bad', code: error.code, message: error.message };
      // avsc's own words may quote the record.
      return { kind: 'bad', code: 'undecodable', message: 'the bytes do not fit their Avro schema' };
    }
  };
}

function envelopeDecoder(
  schema: AvroSchema,
  root: Type,
  columns: readonly string[],
): (payload: Buffer) => SourceEvent | null {
  const rows = { before: rowOf(root, 'before', ['id'], schema), after: rowOf(root, 'after', columns, schema) };
  const parts: Record<string, (type: Type) => Type> = {
    op: (type) => type,
    // Different reader names for one writer record: avsc remembers resolvers by the pair of names.
    before: (type) => project(type, 'before', (name) => name === 'id'),
    after: (type) => project(type, 'after', (name) => columns.includes(name)),
    source: (type) => project(type, 'source', (name) => (SOURCE_META as readonly string[]).includes(name)),
  };
  const reader = reading(schema.type, root, parts);
  return (payload) => {
    const envelope = reader(payload);
    if (envelope === null) return null;
    const source = (envelope['source'] ?? {}) as Values;
    return {
      form: 'envelope',
      op: textOrNull(envelope['op']),
      deleted: false,
      before: rows.before(envelope['before']),
      after: rows.after(envelope['after']),
      commitMs: millisOrNull(source['ts_ms']),
      snapshot: textOrNull(source['snapshot']),
      sequence: textOrNull(source['sequence']),
    };
  };
}

function flatDecoder(
  schema: AvroSchema,
  root: Type,
  columns: readonly string[],
): (payload: Buffer) => SourceEvent | BadRecord | null {
  const wanted = [...columns, ...FLAT_META];
  const row = rowConverter(root, wanted, schema);
  const reader = reading(schema.type, root, Object.fromEntries(wanted.map((name) => [name, (type: Type) => type])));
  return (payload) => {
    const value = reader(payload);
    return value === null ? null : flatEvent(row(value));
  };
}

/** A reader of the whole value that decodes only the fields named in `parts`, each as its part says. */
function reading(
  writer: Type,
  root: Type,
  parts: Record<string, (type: Type) => Type>,
): (payload: Buffer) => Values | null {
  const fields = fieldsOf(root).flatMap(({ name, type }) => {
    const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
    return part === undefined ? [] : [{ name, type: part(type) }];
  });
  const record = avro.Type.forSchema({ type: 'record', name: `value.${simpleName(root)}`, fields });
  const reader = inPlaceOf(writer, record);
  const resolver = reader.createResolver(writer, { ignoreNamespaces: true });
  return (payload) => reader.fromBuffer(payload, resolver) as Values | null;
}

/** The record type in `type` reduced to the wanted fields; in a union, each branch is reduced. Other types stay. */
function project(type: Type, namespace: string, wanted: (name: string) => boolean): Type {
  const record = recordIn(type);
  if (record === null) return type;
  const fields = fieldsOf(record).filter((field) => wanted(field.name));
  const reduced: Schema = {
    type: 'record',
    name: `${namespace}.${simpleName(record)}`,
    fields: fields.map((field) => ({ name: field.name, type: field.type })),
  };
  return inPlaceOf(type, avro.Type.forSchema(reduced));
}

/** `type` with its record replaced: the record itself, or the union with the branch exchanged. */
function inPlaceOf(type: Type, record: Type): Type {
  if (!('types' in type)) return record;
  const branches = (type.types as Type[]).map((branch) => (branch.typeName === 'record' ? record : branch));
  return avro.Type.forSchema(branches as unknown as Schema);
}

/** The record that a type is, or that it may be beside null; null = neither. */
function recordIn(type: Type): Type | null {
  if (type.typeName === 'record') return type;
  if (!('types' in type)) return null;
  const branches = (type.types as Type[]).filter((branch) => branch.typeName !== 'null');
  const [only] = branches;
  return branches.length === 1 && only?.typeName === 'record' ? only : null;
}

function fieldsOf(record: Type): readonly { name: string; type: Type }[] {
  return (record as Type & { fields: { name: string; type: Type }[] }).fields;
}

function simpleName(record: Type): string {
  return (record.name ?? 'Record').split('.').at(-1) ?? 'Record';
}

/** The converter of the row in an envelope's field; of null, or of a field that is not there, it makes null. */
function rowOf(
  root: Type,
  field: string,
  columns: readonly string[],
  schema: AvroSchema,
): (value: unknown) => Cells | null {
  const type = fieldsOf(root).find((each) => each.name === field)?.type;
  const record = type === undefined ? null : recordIn(type);
  if (record === null) return () => null;
  const convert = rowConverter(record, columns, schema);
  return (value) => (value === null || value === undefined ? null : convert(value as Values));
}

/** The converter of decoded rows to cells, for those of the columns that the record has. */
function rowConverter(record: Type, columns: readonly string[], schema: AvroSchema): (value: Values) => Cells {
  const converters: { name: string; convert: ToCell }[] = fieldsOf(record)
    .filter((field) => columns.includes(field.name))
    .map((field) => ({ name: field.name, convert: cellConverter(field.type, schema) }));
  return (value) => {
    const cells: Record<string, Cell> = Object.create(null);
    for (const { name, convert } of converters) cells[name] = carried(name, convert, value[name]);
    return cells;
  };
}

function carried(name: string, convert: ToCell, value: unknown): Cell {
  try {
    return convert(value);
  } catch (error) {
    if (error instanceof Uncarriable) throw new Uncarriable(error.code, `column ${name}: ${error.message}`);
    throw error;
  }
}

function idOf(cell: Cell): string | BadRecord | null {
  const id = integerId(cell);
  if (!(id instanceof Refusal)) return id;
  return { kind: 'bad', code: id.code, message: `key: expected ${id.expected}` };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Milliseconds; what is no safe integer is no commit time. */
function millisOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
