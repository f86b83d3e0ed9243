/**
 * The format of every value in an internal topic: one byte, the format's number, then an Avro record of a schema in
 * `schemas/internal/`. A number that this program does not know is a typed error, never a guess: a downgrade must stop
 * with a clear line. A changed schema gets the next number; the one before stays as `earlier/<name>.<number>.avsc`, and its
 * values are brought up to date as they are read.
 */
import { readFileSync } from 'node:fs';
import type { Schema, Type } from 'avsc';
import avro from 'avsc';
import { AssertionFailed } from '../lib/assert.ts';
import { exactLong } from './exact-long.ts';

const SCHEMAS = new URL('../../schemas/internal/', import.meta.url);

/** The bytes are of a format that this program does not know, or are no record of their format. Not retriable. */
export class UnknownFormat extends Error {
  override name = 'UnknownFormat';
  readonly code = 'unknown-format';
  readonly retriable = false;
}

/** Stands before a fragment that is no JSON string with something in it; no JSON string begins with it, control characters are escaped. */
const AS_IT_IS = '\u0001';

/**
 * JSON text of a payload field, or null. On the wire an empty string is null, and a JSON string goes without its quotes: most
 * fields are null or a string, and millions of rows are kept in memory.
 */
class FragmentType extends avro.types.LogicalType {
  protected override _fromValue(text: string): string | null {
    if (text === '') return null;
    return text.charCodeAt(0) === 1 ? text.slice(1) : `"${text}"`;
  }

  protected override _toValue(fragment: string | null): string {
    if (fragment === null) return '';
    if (typeof fragment !== 'string') return fragment; // avsc refuses it, with its own check
    return fragment.length > 2 && fragment.startsWith('"') ? fragment.slice(1, -1) : AS_IT_IS + fragment;
  }
}

/** Room for the largest value so far; what is encoded is copied out of it. */
let scratch = Buffer.alloc(16 * 1024);

/** Makes a value of one format a value of the next one. */
export type Upgrade<V> = (earlier: V) => V;

/** Encodes and decodes values of one schema. `V` is what avsc makes of the schema. */
export class VersionedRecord<V> {
  readonly #type: Type;
  readonly #name: string;
  /** The earlier formats, the first one first. */
  readonly #earlier: readonly { readonly type: Type; readonly upgrade: Upgrade<V> }[];
  readonly #format: number;

  /**
   * @param name the schema's file name in `schemas/internal/`, without `.avsc`.
   * @param upgrades of the earlier formats, each to the next one, the first one first.
   */
  constructor(name: string, upgrades: readonly Upgrade<V>[] = []) {
    this.#name = name;
    this.#type = typeIn(name);
    this.#earlier = upgrades.map((upgrade, at) => ({ type: typeIn(`earlier/${name}.${at + 1}`), upgrade }));
    this.#format = upgrades.length + 1;
  }

  /** The value's bytes. A value that does not fit the schema is a bug of ours: AssertionFailed, without the value. */
  encode(value: V): Buffer {
    const end = this.#write(value);
    if (end <= scratch.length) return Buffer.from(scratch.subarray(0, end));
    scratch = Buffer.alloc(end * 2);
    return Buffer.from(scratch.subarray(0, this.#write(value)));
  }

  /** The value of bytes that `encode` made, in this or an earlier release. Throws UnknownFormat for all others. */
  decode(bytes: Buffer): V {
    const format = bytes[0] ?? 0;
    const type = format === this.#format ? this.#type : this.#earlier[format - 1]?.type;
    if (type === undefined) {
      throw new UnknownFormat(
        `${this.#name}: format ${bytes[0] ?? 'none'} is not known, expected ${this.#format}; was this written by a later release?`,
      );
    }
    const value = this.#whole(type, bytes);
    return this.#earlier.slice(format - 1).reduce((earlier, { upgrade }) => upgrade(earlier), value);
  }

  #whole(type: Type, bytes: Buffer): V {
    let decoded: { value: V; offset: number };
    try {
      decoded = type.decode(bytes, 1);
    } catch {
      decoded = { value: undefined as V, offset: -1 };
    }
    if (decoded.offset !== bytes.length) throw new UnknownFormat(`${this.#name}: the bytes are not a whole record`);
    return decoded.value;
  }

  /** Writes into `scratch`; returns where the value ends, which lies beyond the buffer when it did not fit. */
  #write(value: V): number {
    scratch[0] = this.#format;
    try {
      const end = this.#type.encode(value, scratch, 1);
      return end < 0 ? scratch.length - end : end;
    } catch {
      throw new AssertionFailed(`a value does not fit schemas/internal/${this.#name}.avsc`);
    }
  }
}

/** The type of a file in `schemas/internal/`. */
function typeIn(name: string): Type {
  const schema = JSON.parse(readFileSync(new URL(`${name}.avsc`, SCHEMAS), 'utf8')) as Schema;
  return avro.Type.forSchema(schema, {
    logicalTypes: { fragment: FragmentType },
    typeHook: (part) => (part === 'long' ? exactLong : undefined),
    omitRecordMethods: true,
    wrapUnions: 'never',
  });
}
