/**
 * A writer's schema as avsc types, with what its annotations say about them. avsc drops the attributes that it does not
 * know, and with them all that Debezium and Kafka Connect tell (`connect.name`, the scale of a decimal); here they are kept
 * beside the types. Longs are exact: a number where that is safe, else a BigInt, never an exception and never rounded.
 * Default values of the writer are left out: nobody reads them, and a sloppy one would make avsc refuse the schema.
 */

import type { Schema, Type } from 'avsc';
import avro from 'avsc';
import { exactLong, newExactLong } from './exact-long.ts';
import type { WriterSchema } from './registry.ts';

/** What a type means beyond its Avro type. */
export interface Meaning {
  /** `connect.name`, else `logicalType`: `io.debezium.time.MicroTimestamp`, `timestamp-micros` … */
  readonly name: string;
  /** Digits after the decimal point, for decimals. */
  readonly scale: number;
}

export interface AvroSchema {
  readonly type: Type;
  /** The meaning of this very type instance, as it stands in `type`. */
  meaningOf(type: Type): Meaning | undefined;
}

/**
 * Compiles a registered Avro schema. Throws (avsc's error) when it is none; its message may quote the schema, which holds
 * no value of any record.
 */
export function compileAvro(writer: WriterSchema): AvroSchema {
  const meanings = new WeakMap<Type, Meaning>();
  const fixed = new Map<string, Meaning>();
  const registry: Record<string, Type> = {};
  const typeHook = (schema: unknown): Type | undefined => {
    if (schema === 'long') return exactLong;
    if (!isObject(schema) || typeof schema['type'] !== 'string' || !PRIMITIVES.has(schema['type'])) return undefined;
    const meaning = meaningIn(schema);
    const primitive = schema['type'];
    if (meaning === undefined) return primitive === 'long' ? exactLong : undefined;
    // A type of its own for each annotated column, since the meaning hangs on the instance.
    const type = primitive === 'long' ? newExactLong() : avro.Type.forSchema({ type: primitive } as Schema);
    meanings.set(type, meaning);
    return type;
  };
  const parse = (schema: unknown): Type =>
    avro.Type.forSchema(withoutDefaults(schema, undefined, fixed) as Schema, { registry, typeHook });
  for (const reference of writer.references) parse(reference);
  const type = parse(writer.schema);
  return { type, meaningOf: (of) => meanings.get(of) ?? (of.name === undefined ? undefined : fixed.get(of.name)) };
}

const PRIMITIVES = new Set(['boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);

function meaningIn(schema: Record<string, unknown>): Meaning | undefined {
  const name = schema['connect.name'] ?? schema['logicalType'];
  if (typeof name !== 'string') return undefined;
  const parameters = schema['connect.parameters'];
  const scale = Number((isObject(parameters) ? parameters['scale'] : undefined) ?? schema['scale'] ?? 0);
  return { name, scale: Number.isInteger(scale) ? scale : 0 };
}

/** A copy without defaults and annotations of named types; notes what annotated fixed types mean under their full name. */
function withoutDefaults(schema: unknown, outer: string | undefined, fixed: Map<string, Meaning>): unknown {
  if (Array.isArray(schema)) return schema.map((branch) => withoutDefaults(branch, outer, fixed));
  if (!isObject(schema)) return schema;
  const { type, name, namespace } = schema;
  if (typeof type === 'object') return withoutDefaults(type, outer, fixed);
  if (type === 'array') return { type, items: withoutDefaults(schema['items'], outer, fixed) };
  if (type === 'map') return { type, values: withoutDefaults(schema['values'], outer, fixed) };
  if (typeof name !== 'string' || typeof type !== 'string') return schema;
  const dot = name.lastIndexOf('.');
  const space = dot >= 0 ? name.slice(0, dot) : typeof namespace === 'string' ? namespace : outer;
  const meaning = meaningIn(schema);
  const fullName = dot >= 0 || !space ? name : `${space}.${name}`;
  if (type === 'fixed' && meaning !== undefined) fixed.set(fullName, meaning);
  const named = { type, name, ...(typeof namespace === 'string' ? { namespace } : {}) };
  if (type === 'fixed') return { ...named, size: schema['size'] };
  if (type === 'enum') return { ...named, symbols: schema['symbols'] };
  const fields = Array.isArray(schema['fields']) ? schema['fields'].filter(isObject) : [];
  return {
    ...named,
    fields: fields.map((field) => ({ name: field['name'], type: withoutDefaults(field['type'], space, fixed) })),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
