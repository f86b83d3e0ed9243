/**
 * Turns one cell of a source column into what a domain row keeps: a fragment, plain text, an id, an instant. Each function
 * states which cells its kind of column may hold and answers a `Refusal` for any other, so bad data is a value all the way
 * (docs/sources.md). Column names, placeholders and counting belong to row-reader.ts.
 */
import {
  dateText,
  dayOf,
  type InstantReading,
  instantFrom,
  instantFromMicros,
  instantText,
  microsOf,
  parseInstant,
  timeText,
} from './instant.ts';
import { compact } from './json.ts';
import { integerText, isNumberText, shortestNumber } from './json-number.ts';
import type { Fragment } from './rows.ts';
import type { BadRecordCode, Cell } from './source-event.ts';

/** Why a cell does not fit its column. `expected` says what would have; it never quotes the cell. */
export class Refusal {
  readonly code: BadRecordCode;
  readonly expected: string;

  constructor(code: BadRecordCode, expected: string) {
    this.code = code;
    this.expected = expected;
  }
}

/** Unit of an integer in a timestamp column whose type is not known: JSON without a schema (LEAD_WEBHOOKS_JSON_TIME_UNIT). */
export type JsonTimeUnit = 'micros' | 'millis';

const NO_INTEGER = new Refusal('wrong-type', 'an integer');
const NOT_INT64 = new Refusal('out-of-range', 'an integer of 64 bits');
const NO_NUMBER = new Refusal('wrong-type', 'a number');
const NO_BOOLEAN = new Refusal('wrong-type', 'a boolean');
const NO_TEXT = new Refusal('wrong-type', 'text');
const NO_JSON = new Refusal('wrong-type', 'JSON');
const NO_TIMESTAMP = new Refusal('wrong-type', 'a timestamp');
const NO_DATE = new Refusal('wrong-type', 'a date, as text or in days');
const NO_TIME = new Refusal('wrong-type', 'a time of day, as text or in microseconds');
const NOT_EXACT = new Refusal('out-of-range', 'an instant between the years 1684 and 2255');

const DIGITS = /^-?\d+$/;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
/** PostgreSQL's numerics without a value, as Debezium writes them (in capitals in string mode). */
const NOT_A_VALUE = /^(?:nan|[+-]?infinity)$/i;
/** How Debezium's isostring mode writes a `date` and a `time` column. */
const ISO_DATE_WITH_ZONE = /^(\d{4}-\d{2}-\d{2})Z$/;
const FAR_ISO_DATE_WITH_ZONE = /^(?:[+-]\d{4,}|\d{5,})-\d{2}-\d{2}Z$/;
const ISO_TIME_WITH_ZONE = /^(\d{2}:\d{2}:\d{2})(?:\.\d+)?Z$/;

/** A passed-through column: text becomes a JSON string, a number its shortest spelling, the rest itself. */
export function passedFragment(cell: Cell): Fragment | Refusal {
  if (cell === null) return null;
  switch (cell.t) {
    case 'text':
      return quote(cell.v);
    case 'number':
      return shortestNumber(cell.v);
    case 'bool':
      return cell.v ? 'true' : 'false';
    case 'json':
      return compact(cell.v) ?? NO_JSON;
    case 'micros':
      return quoteOrNull(readableInstant(instantFromMicros(cell.v)));
    case 'date':
      return quoteOrNull(dateText(cell.v));
    case 'time':
      return quoteOrNull(timeText(cell.v));
  }
}

/** A text column whose plain text is wanted: numbers and booleans give their JSON spelling (an integer enum its digits). */
export function plainText(cell: Cell): string | null | Refusal {
  if (cell === null) return null;
  if (cell.t === 'text') return cell.v;
  if (cell.t === 'number') return shortestNumber(cell.v);
  if (cell.t === 'bool') return cell.v ? 'true' : 'false';
  return NO_TEXT;
}

/** An int64 as decimal text, never rounded; digits in a text column count too. Null only for a null cell. */
export function integerId(cell: Cell): string | null | Refusal {
  if (cell === null) return null;
  if (cell.t === 'number') {
    const integer = integerText(cell.v);
    if (integer !== null) return int64(integer);
    return shortestNumber(cell.v).includes('e+') ? NOT_INT64 : NO_INTEGER;
  }
  if (cell.t === 'text' && DIGITS.test(cell.v)) return int64(cell.v);
  return NO_INTEGER;
}

/** A number column; decimals may arrive as text (decimal.handling.mode=string); NaN and infinity are null. */
export function numberFragment(cell: Cell): Fragment | Refusal {
  if (cell === null) return null;
  if (cell.t === 'number') return shortestNumber(cell.v);
  if (cell.t !== 'text') return NO_NUMBER;
  if (isNumberText(cell.v)) return shortestNumber(cell.v);
  return NOT_A_VALUE.test(cell.v) ? null : NO_NUMBER;
}

/** A boolean column. */
export function booleanFragment(cell: Cell): Fragment | Refusal {
  if (cell === null) return null;
  return cell.t === 'bool' ? (cell.v ? 'true' : 'false') : NO_BOOLEAN;
}

/** The JSON of a jsonb column, compact: a text cell that holds JSON, or a value that was nested in the record. */
export function jsonFragment(cell: Cell): Fragment | Refusal {
  if (cell === null) return null;
  if (cell.t === 'text' || cell.t === 'json') return compact(cell.v) ?? NO_JSON;
  if (cell.t === 'number') return cell.v;
  if (cell.t === 'bool') return cell.v ? 'true' : 'false';
  return NO_JSON;
}

/** A timestamp column → `"2025-09-16T00:30:52.297Z"`, truncated (A23); what JSON cannot say is null. */
export function instantFragment(cell: Cell, unit: JsonTimeUnit): Fragment | Refusal {
  const instant = readInstant(cell, unit);
  if (instant === null || instant instanceof Refusal) return instant;
  return quoteOrNull(readableInstant(instant));
}

/** A timestamp column → microseconds since the epoch; what JSON cannot say is null. */
export function instantMicros(cell: Cell, unit: JsonTimeUnit): number | null | Refusal {
  const instant = readInstant(cell, unit);
  if (instant === null || instant === 'unsayable') return null;
  return instant instanceof Refusal ? instant : (microsOf(instant) ?? NOT_EXACT);
}

/** `booking_date`: text as it is, a date (typed, in days, or isostring's `2025-09-20Z`) as `YYYY-MM-DD`. */
export function dateFragment(cell: Cell): Fragment | Refusal {
  if (cell === null) return null;
  if (cell.t === 'number') {
    const days = integerText(cell.v);
    return days === null ? NO_DATE : quoteOrNull(dateText(Number(days)));
  }
  if (cell.t === 'text') {
    if (FAR_ISO_DATE_WITH_ZONE.test(cell.v)) return null;
    return quote(ISO_DATE_WITH_ZONE.exec(cell.v)?.[1] ?? cell.v);
  }
  return cell.t === 'date' || cell.t === 'micros' ? passedFragment(cell) : NO_DATE;
}

/** `booking_time`: text as it is, a time (typed, in microseconds, or isostring's `13:30:00Z`) as `HH:MM:SS`. */
export function timeFragment(cell: Cell): Fragment | Refusal {
  if (cell === null) return null;
  if (cell.t === 'number' || cell.t === 'time') {
    const micros = cell.t === 'time' ? String(cell.v) : integerText(cell.v);
    return micros === null ? NO_TIME : (quoteOrNull(timeText(Number(micros))) ?? NO_TIME);
  }
  if (cell.t === 'text') return quote(ISO_TIME_WITH_ZONE.exec(cell.v)?.[1] ?? cell.v);
  return cell.t === 'micros' ? passedFragment(cell) : NO_TIME;
}

/** Days since the epoch of isostring's `2025-09-20Z`; null for any other text, and for a day that does not exist. */
export function isoDateDays(text: string): number | null {
  const date = ISO_DATE_WITH_ZONE.exec(text)?.[1];
  if (date === undefined) return null;
  return dayOf(Number(date.slice(0, 4)), Number(date.slice(5, 7)), Number(date.slice(8)));
}

/** Text as a JSON string. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

function quoteOrNull(text: string | null): Fragment {
  return text === null ? null : quote(text);
}

function readableInstant(instant: InstantReading): string | null {
  return instant === 'unsayable' ? null : instantText(instant);
}

function readInstant(cell: Cell, unit: JsonTimeUnit): InstantReading | null | Refusal {
  if (cell === null) return null;
  if (cell.t === 'micros') return instantFromMicros(cell.v);
  if (cell.t === 'text') return parseInstant(cell.v) ?? NO_TIMESTAMP;
  if (cell.t !== 'number') return NO_TIMESTAMP;
  const integer = integerText(cell.v);
  return integer === null ? NO_TIMESTAMP : instantFrom(BigInt(integer), unit);
}

function int64(digits: string): string | Refusal {
  if (digits.length <= 15 && digits.charCodeAt(0) !== 0x30) return digits;
  if (digits.length > 40) return NOT_INT64;
  const value = BigInt(digits);
  return value >= MIN_INT64 && value <= MAX_INT64 ? String(value) : NOT_INT64;
}
