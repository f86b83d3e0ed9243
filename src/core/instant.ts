/**
 * Instants, dates and times of day as PostgreSQL and Debezium write them, and the text that payloads carry. An instant is
 * milliseconds plus microseconds, because microseconds alone leave the safe integers in the year 2255.
 * PostgreSQL also stores infinity and years that four digits cannot say: those are `unsayable`, and become null.
 * Wall clocks of a zone are not here (time-zone.ts).
 */
import type { Cell } from './source-event.ts';

export interface Instant {
  /** Milliseconds since the epoch, rounded down: the millisecond that contains the instant. */
  readonly ms: number;
  /** Microseconds into that millisecond, 0–999. */
  readonly us: number;
}

/** `unsayable` = infinite, or a year outside 0000–9999. */
export type InstantReading = Instant | 'unsayable';

const DAY_MS = 86_400_000;
/** 0000-01-01 and 9999-12-31, in days since the epoch. */
const FIRST_DAY = -719_528;
const LAST_DAY = 2_932_896;
const FIRST_MS = FIRST_DAY * DAY_MS;
const LAST_MS = (LAST_DAY + 1) * DAY_MS - 1;
/** The Gregorian calendar repeats after 400 years; Date.UTC takes years below 100 for 19xx, so it is asked 400 years later. */
const CYCLE_YEARS = 400;
const CYCLE_DAYS = 146_097;

const TIMESTAMP =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)? ?(Z|z|UTC|([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?)?$/;
const UNSAYABLE = /^(?:[+-]?infinity|[+-]\d{4,}-\d{2}-\d{2}.*|\d{5,}-\d{2}-\d{2}.*|\d{4,}-\d{2}-\d{2}.* BC)$/i;

/**
 * Reads an ISO 8601 timestamp: `T` or a space, any number of fraction digits, `Z` or an offset; without either it is UTC
 * (A26: Rails writes naive UTC); a date alone is its midnight. Null when it is no timestamp.
 */
export function parseInstant(text: string): InstantReading | null {
  const match = TIMESTAMP.exec(text);
  if (match === null) return UNSAYABLE.test(text) ? 'unsayable' : null;
  const day = dayOf(Number(match[1]), Number(match[2]), Number(match[3]));
  const hour = Number(match[4] ?? 0);
  const minute = Number(match[5] ?? 0);
  const second = Number(match[6] ?? 0);
  const offsetHour = Number(match[10] ?? 0);
  const offsetMinute = Number(match[11] ?? 0);
  const offsetSecond = Number(match[12] ?? 0);
  if (day === null || hour > 23 || minute > 59 || second > 59) return null;
  if (offsetHour > 15 || offsetMinute > 59 || offsetSecond > 59) return null;
  const offset = (match[9] === '-' ? -1 : 1) * ((offsetHour * 60 + offsetMinute) * 60 + offsetSecond);
  const fraction = (match[7] ?? '').slice(0, 6).padEnd(6, '0');
  const seconds = (hour * 60 + minute) * 60 + second - offset;
  return within({ ms: day * DAY_MS + seconds * 1000 + Number(fraction.slice(0, 3)), us: Number(fraction.slice(3)) });
}

/** The instant `value` units after the epoch. */
export function instantFrom(value: bigint, unit: 'nanos' | 'micros' | 'millis'): InstantReading {
  const micros = unit === 'micros' ? value : unit === 'millis' ? value * 1000n : (value - mod(value, 1000n)) / 1000n;
  const us = mod(micros, 1000n);
  return within({ ms: Number((micros - us) / 1000n), us: Number(us) });
}

/** As `instantFrom` for a micros cell: a safe integer. */
export function instantFromMicros(micros: number): InstantReading {
  const ms = Math.floor(micros / 1000);
  return within({ ms, us: micros - ms * 1000 });
}

/** `2025-09-16T00:30:52.297Z`: UTC, three decimals, truncated (A23). */
export function instantText(instant: Instant): string {
  return new Date(instant.ms).toISOString();
}

/** Microseconds since the epoch, or null when they are no safe integer (before 1684 or after 2255). */
export function microsOf(instant: Instant): number | null {
  const micros = instant.ms * 1000 + instant.us;
  return Number.isSafeInteger(micros) ? micros : null;
}

/**
 * The cell of a typed timestamp column: `micros`; beyond the safe integers an exact ISO text; null for what JSON cannot say.
 * Every decoder ends here, so that Avro and JSON agree on infinity and far years.
 */
export function instantCell(value: bigint, unit: 'nanos' | 'micros' | 'millis'): Cell {
  const instant = instantFrom(value, unit);
  if (instant === 'unsayable') return null;
  const micros = microsOf(instant);
  if (micros !== null) return { t: 'micros', v: micros };
  return { t: 'text', v: `${instantText(instant).slice(0, -1)}${String(instant.us).padStart(3, '0')}Z` };
}

/** `2025-09-20` of days since the epoch; null outside the years 0000–9999 (PostgreSQL's infinity is far outside). */
export function dateText(days: number): string | null {
  if (!(days >= FIRST_DAY && days <= LAST_DAY)) return null;
  return new Date(days * DAY_MS).toISOString().slice(0, 10);
}

/** `20/09/2025`, as receivers expect a date of birth (A21); null outside the years 0000–9999. */
export function dayMonthYear(days: number): string | null {
  const date = dateText(days);
  return date === null ? null : `${date.slice(8)}/${date.slice(5, 7)}/${date.slice(0, 4)}`;
}

/** `13:30:00` of microseconds of the day, truncated; PostgreSQL's `24:00` is a time too. Null outside the day. */
export function timeText(micros: number): string | null {
  if (!(micros >= 0 && micros <= DAY_MS * 1000)) return null;
  const seconds = Math.floor(micros / 1_000_000);
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

/** Days since the epoch of a calendar date, null when there is no such day. */
export function dayOf(year: number, month: number, day: number): number | null {
  const ms = Date.UTC(year + CYCLE_YEARS, month - 1, day);
  const date = new Date(ms);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return ms / DAY_MS - CYCLE_DAYS;
}

function within(instant: Instant): InstantReading {
  return instant.ms >= FIRST_MS && instant.ms <= LAST_MS ? instant : 'unsayable';
}

/** Remainder that is never negative. */
function mod(value: bigint, by: bigint): bigint {
  return ((value % by) + by) % by;
}
