/**
 * The types that Kafka Connect's JSON converter sends along as `{schema, payload}`. Each column's semantic name says what its
 * JSON value stands for (types come from the writer's schema, never from magnitude). A value that does not
 * fit its declared type is passed on by its JSON kind, and the column's own rule then judges it.
 */
import { instantCell } from './instant.ts';
import { compact, kindOf, rawMembers, stringOf } from './json.ts';
import { decimalText, integerText } from './json-number.ts';
import type { Cell } from './source-event.ts';

/** A column's type as the schema names it. */
export interface ColumnType {
  /** Semantic name such as `io.debezium.time.MicroTimestamp`; else the primitive type's, such as `int64`. */
  readonly name: string;
  /** Digits behind the point, for a Decimal. */
  readonly scale: number;
}

export type ColumnTypes = ReadonlyMap<string, ColumnType>;

export const NO_TYPES: ColumnTypes = new Map();

const FLOAT_WITHOUT_VALUE = new Set(['"NaN"', '"Infinity"', '"-Infinity"']);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The row's column types: those of `after` in an envelope's schema, else the top-level ones. Empty when `schema` (JSON that a
 * scanner has accepted) describes no struct.
 */
export function columnTypes(schema: string): ColumnTypes {
  const fields = fieldsOf(JSON.parse(schema));
  const after = fields.find((field) => field['field'] === 'after');
  const types = new Map<string, ColumnType>();
  for (const field of after === undefined ? fields : fieldsOf(after)) {
    const { field: column, name, type, parameters } = field;
    if (typeof column !== 'string') continue;
    const scale = isRecord(parameters) ? Number(parameters['scale']) : 0;
    types.set(column, {
      name: typeof name === 'string' ? name : typeof type === 'string' ? type : '',
      scale: Number.isSafeInteger(scale) ? scale : 0,
    });
  }
  return types;
}

/** The cell of one column from its JSON as written, by its declared type if there is one. */
export function cellOf(written: string, type: ColumnType | undefined): Cell {
  if (type === undefined) return untyped(written);
  switch (type.name) {
    case 'io.debezium.time.MicroTimestamp':
      return integer(written, (value) => instantCell(value, 'micros'));
    case 'io.debezium.time.NanoTimestamp':
      return integer(written, (value) => instantCell(value, 'nanos'));
    case 'io.debezium.time.Timestamp':
    case 'org.apache.kafka.connect.data.Timestamp':
      return integer(written, (value) => instantCell(value, 'millis'));
    case 'io.debezium.time.Date':
    case 'org.apache.kafka.connect.data.Date':
      return integer(written, (value) => ({ t: 'date', v: Number(value) }));
    case 'io.debezium.time.MicroTime':
      return integer(written, (value) => ({ t: 'time', v: Number(value) }));
    case 'io.debezium.time.NanoTime':
      return integer(written, (value) => ({ t: 'time', v: Number(value / 1000n) }));
    case 'io.debezium.time.Time':
    case 'org.apache.kafka.connect.data.Time':
      return integer(written, (value) => ({ t: 'time', v: Number(value * 1000n) }));
    case 'org.apache.kafka.connect.data.Decimal':
      return decimal(written, type.scale) ?? untyped(written);
    case 'io.debezium.data.VariableScaleDecimal':
      return variableScale(written) ?? untyped(written);
    case 'float':
    case 'double':
      return FLOAT_WITHOUT_VALUE.has(written) ? null : untyped(written);
    default:
      return untyped(written);
  }
}

/** By JSON kind alone. */
function untyped(written: string): Cell {
  switch (kindOf(written)) {
    case 'null':
      return null;
    case 'string':
      return { t: 'text', v: stringOf(written) };
    case 'number':
      return { t: 'number', v: written };
    case 'bool':
      return { t: 'bool', v: written === 'true' };
    default: {
      const fragment = compact(written);
      return fragment === null ? null : { t: 'json', v: fragment };
    }
  }
}

function integer(written: string, cell: (value: bigint) => Cell): Cell {
  const text = kindOf(written) === 'number' ? integerText(written) : null;
  return text === null ? untyped(written) : cell(BigInt(text));
}

/** Base64 of a big-endian two's complement integer; undefined when `written` is something else. */
function decimal(written: string, scale: number): Cell | undefined {
  if (kindOf(written) !== 'string') return undefined;
  const base64 = stringOf(written);
  if (!BASE64.test(base64)) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  return { t: 'number', v: decimalText(unscaled, scale) };
}

function variableScale(written: string): Cell | undefined {
  const struct = kindOf(written) === 'object' ? rawMembers(written)?.members : undefined;
  const value = struct?.get('value');
  const scale = Number(struct?.get('scale'));
  return value === undefined || !Number.isSafeInteger(scale) ? undefined : decimal(value, scale);
}

function fieldsOf(schema: unknown): Record<string, unknown>[] {
  const fields = isRecord(schema) ? schema['fields'] : undefined;
  return Array.isArray(fields) ? fields.filter(isRecord) : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
