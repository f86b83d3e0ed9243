/**
 * Decoded Avro values → Cells, by the meaning that the writer's schema gives a column; never by the look of a value.
 * Converters are built once per schema. A value that its type allows but no cell can carry is thrown as Uncarriable, which
 * only source-avro.ts catches: it becomes a bad record there. Which columns exist and what they are for is not known here.
 */
import type { Type } from 'avsc';
import { dateText, dayMonthYear, instantCell, instantFrom, instantText, timeText } from '../core/instant.ts';
import { decimalText, shortestNumber } from '../core/json-number.ts';
import type { BadRecordCode, Cell } from '../core/source-event.ts';
import type { AvroSchema, Meaning } from './avro-schema.ts';

/** A value that no cell can carry; `why` says what was expected, without the value. */
export class Uncarriable extends Error {
  override name = 'Uncarriable';
  readonly code: BadRecordCode;

  constructor(code: BadRecordCode, why: string) {
    super(why);
    this.code = code;
  }
}

export type ToCell = (value: unknown) => Cell;
type ToJson = (value: unknown) => string;

/** The kinds of value that several names mean. Values arrive as numbers, or as BigInts beyond the safe integers. */
const INSTANTS: Readonly<Record<string, 'nanos' | 'micros' | 'millis'>> = {
  'io.debezium.time.MicroTimestamp': 'micros',
  'io.debezium.time.Timestamp': 'millis',
  'io.debezium.time.NanoTimestamp': 'nanos',
  'org.apache.kafka.connect.data.Timestamp': 'millis',
  'timestamp-millis': 'millis',
  'timestamp-micros': 'micros',
  'timestamp-nanos': 'nanos',
  'local-timestamp-millis': 'millis',
  'local-timestamp-micros': 'micros',
  'local-timestamp-nanos': 'nanos',
};
const DATES = new Set(['io.debezium.time.Date', 'org.apache.kafka.connect.data.Date', 'date']);
/** Times of day → how many of the unit make a microsecond, or the other way round. */
const TIMES: Readonly<Record<string, (value: number) => number>> = {
  'io.debezium.time.Time': (millis) => millis * 1000,
  'io.debezium.time.MicroTime': (micros) => micros,
  'io.debezium.time.NanoTime': (nanos) => Math.floor(nanos / 1000),
  'org.apache.kafka.connect.data.Time': (millis) => millis * 1000,
  'time-millis': (millis) => millis * 1000,
  'time-micros': (micros) => micros,
};
const DECIMALS = new Set(['org.apache.kafka.connect.data.Decimal', 'decimal']);
const VARIABLE_SCALE_DECIMAL = 'VariableScaleDecimal';

/** The converter of a column of `type`. Never throws itself; what it returns throws Uncarriable. */
export function cellConverter(type: Type, schema: AvroSchema): ToCell {
  if ('types' in type) return union(type, (branch) => cellConverter(branch, schema), null);
  const meaning = schema.meaningOf(type);
  switch (type.typeName) {
    case 'null':
      return () => null;
    case 'boolean':
      return (value) => ({ t: 'bool', v: value === true });
    case 'string':
    case 'enum':
      return (value) => ({ t: 'text', v: value as string });
    case 'int':
    case 'long':
    case 'abstract:long':
      return integerCell(meaning);
    case 'float':
      return (value) => numberCell(floatText(value as number));
    case 'double':
      return (value) => numberCell(doubleText(value as number));
    case 'bytes':
    case 'fixed':
      return bytesCell(meaning);
    case 'record':
      if (isVariableScaleDecimal(type)) return (value) => ({ t: 'number', v: variableScale(value) });
  }
  const json = jsonConverter(type, schema, new Map());
  return (value) => ({ t: 'json', v: json(value) });
}

function numberCell(text: string | null): Cell {
  return text === null ? null : { t: 'number', v: text };
}

function integerCell(meaning: Meaning | undefined): ToCell {
  const name = meaning?.name ?? '';
  const unit = INSTANTS[name];
  if (unit === 'micros') {
    return (value) => (typeof value === 'number' ? { t: 'micros', v: value } : instantCell(value as bigint, unit));
  }
  if (unit !== undefined) return (value) => instantCell(BigInt(value as number | bigint), unit);
  if (DATES.has(name)) return (value) => ({ t: 'date', v: safe(value, 'a date') });
  const toMicros = TIMES[name];
  if (toMicros !== undefined) return (value) => ({ t: 'time', v: toMicros(safe(value, 'a time of day')) });
  return (value) => ({ t: 'number', v: String(value) });
}

function bytesCell(meaning: Meaning | undefined): ToCell {
  if (meaning !== undefined && DECIMALS.has(meaning.name)) {
    return (value) => ({ t: 'number', v: decimalText(unscaled(value as Buffer), meaning.scale) });
  }
  return () => {
    throw new Uncarriable('wrong-type', 'expected no raw bytes');
  };
}

/**
 * A union's converter. avsc gives the bare value of a union whose branches can be told apart, else `{branch: value}`.
 * `nothing` is what a null becomes.
 */
function union<R>(type: Type, convert: (branch: Type) => (value: unknown) => R, nothing: R): (value: unknown) => R {
  const branches = (type as Type & { types: Type[] }).types.filter((branch) => branch.typeName !== 'null');
  const converters = branches.map((branch) => ({ branch, convert: convert(branch) }));
  const [only] = converters;
  if (type.typeName === 'union:wrapped') {
    const byName = new Map(converters.map((each) => [each.branch.branchName, each.convert]));
    return (value) => {
      if (value === null) return nothing;
      const [name = '', inner] = Object.entries(value as object)[0] ?? [];
      return byName.get(name)?.(inner) ?? nothing;
    };
  }
  if (only === undefined) return () => nothing;
  if (converters.length === 1) return (value) => (value === null ? nothing : only.convert(value));
  return (value) => {
    if (value === null) return nothing;
    return (converters.find((each) => fits(each.branch, value)) ?? only).convert(value);
  };
}

/** Whether the value may be of the branch. (avsc's other number types throw on a BigInt instead of saying no.) */
function fits(branch: Type, value: unknown): boolean {
  return typeof value === 'bigint' ? branch.typeName === 'abstract:long' : branch.isValid(value);
}

/**
 * The converter of a value inside a nested record, map or array, to JSON text: numbers to the digit, instants as ISO text,
 * bytes as null. A date is ISO too, but a date of birth (a field `dob`) is `dd/mm/yyyy` (A21). `made` breaks recursion.
 */
function jsonConverter(type: Type, schema: AvroSchema, made: Map<Type, ToJson>, field = ''): ToJson {
  const known = made.get(type);
  if (known !== undefined) return known;
  let converter: ToJson = () => 'null';
  if ('types' in type) return union(type, (branch) => jsonConverter(branch, schema, made, field), 'null');
  const inner = (of: unknown): ToJson => jsonConverter(of as Type, schema, made, field);
  switch (type.typeName) {
    case 'record':
      if (isVariableScaleDecimal(type)) return (value) => shortestNumber(variableScale(value));
      made.set(type, (value) => converter(value));
      converter = recordJson(type, schema, made);
      return converter;
    case 'array': {
      const item = inner((type as Type & { itemsType: Type }).itemsType);
      return (value) => `[${(value as unknown[]).map(item).join(',')}]`;
    }
    case 'map': {
      const each = inner((type as Type & { valuesType: Type }).valuesType);
      return (value) =>
        `{${Object.entries(value as object)
          .map(([key, of]) => `${JSON.stringify(key)}:${each(of)}`)
          .join(',')}}`;
    }
  }
  if (type.typeName === 'bytes' || type.typeName === 'fixed') {
    const meaning = schema.meaningOf(type);
    if (meaning === undefined || !DECIMALS.has(meaning.name)) return () => 'null';
  }
  const cell = cellConverter(type, schema);
  return (value) => cellJson(cell(value), field);
}

function recordJson(type: Type, schema: AvroSchema, made: Map<Type, ToJson>): ToJson {
  const fields = (type as Type & { fields: { name: string; type: Type }[] }).fields.map((field) => ({
    name: field.name,
    head: `${JSON.stringify(field.name)}:`,
    convert: jsonConverter(field.type, schema, made, field.name),
  }));
  return (value) => {
    const record = value as Record<string, unknown>;
    return `{${fields.map((field) => field.head + field.convert(record[field.name])).join(',')}}`;
  };
}

function cellJson(cell: Cell, field: string): string {
  if (cell === null) return 'null';
  switch (cell.t) {
    case 'bool':
      return String(cell.v);
    case 'number':
      return shortestNumber(cell.v);
    case 'json':
      return cell.v;
    case 'text':
      return JSON.stringify(cell.v);
    case 'date':
      return JSON.stringify(field === 'dob' ? dayMonthYear(cell.v) : dateText(cell.v));
    case 'time':
      return JSON.stringify(timeText(cell.v));
    case 'micros': {
      const instant = instantFrom(BigInt(cell.v), 'micros');
      return instant === 'unsayable' ? 'null' : JSON.stringify(instantText(instant));
    }
  }
}

/** JSON's grammar has no NaN and no infinity. */
function doubleText(value: number): string | null {
  return Number.isFinite(value) ? String(value) : null;
}

/** The shortest text that reads back as the same 32-bit float: `12.3`, not `12.300000190734863`. */
function floatText(value: number): string | null {
  if (!Number.isFinite(value)) return null;
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}

function safe(value: unknown, what: string): number {
  if (typeof value === 'number') return value;
  throw new Uncarriable('out-of-range', `expected ${what} within the safe integers`);
}

function isVariableScaleDecimal(type: Type): boolean {
  return type.name === VARIABLE_SCALE_DECIMAL || (type.name?.endsWith(`.${VARIABLE_SCALE_DECIMAL}`) ?? false);
}

function variableScale(value: unknown): string {
  const { scale, value: bytes } = value as { scale: number; value: Buffer };
  return decimalText(unscaled(bytes), scale);
}

/** Two's complement, big endian; no bytes = 0. */
function unscaled(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
}
