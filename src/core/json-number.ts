/**
 * The one spelling of a number in payload fields that are not free-form: the shortest, with no digit lost (domain A37).
 * Works on decimal text, never through a double, and lays the digits out as ECMAScript's Number::toString does, so that
 * every number which a double holds reads exactly as JSON.stringify would write it.
 */
import { assert } from '../lib/assert.ts';

const JSON_NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const ANY_JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Number::toString writes integers below 10^21 without an exponent. */
const PLAIN_DIGITS = 21;

/**
 * `329.0` → `329`, `46.90` → `46.9`, `1.50e1` → `15`, `-0` → `0`, `9007199254740993` as it is, `1e400` → `1e+400`.
 * `text` must be a number in JSON's grammar (number cells and scanned JSON are); anything else is a bug of the caller.
 */
export function shortestNumber(text: string): string {
  if (isPlainInteger(text)) return text === '-0' ? '0' : text;
  const match = JSON_NUMBER.exec(text);
  assert(match !== null, 'shortestNumber got text that is not a number');
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const written = whole + fraction;
  const digits = trimZeros(written);
  if (digits === '') return '0';
  const shift = Number(exponent);
  if (!Number.isSafeInteger(shift + written.length) || !Number.isSafeInteger(shift - written.length)) return text;
  const leadingZeros = written.indexOf(digits.charAt(0));
  return sign + layOut(digits, whole.length - leadingZeros + shift);
}

/** The number's integer as decimal text, null if it has a fraction or more than 21 digits. `text` as for shortestNumber. */
export function integerText(text: string): string | null {
  const shortest = shortestNumber(text);
  return isPlainInteger(shortest) ? shortest : null;
}

/** Whether `text` is a number in JSON's grammar: for text columns that hold decimals. */
export function isNumberText(text: string): boolean {
  return ANY_JSON_NUMBER.test(text);
}

/** The number `unscaled * 10^-scale` in JSON's grammar: how Kafka Connect's Decimal carries a `numeric` column. */
export function decimalText(unscaled: bigint, scale: number): string {
  return scale === 0 ? String(unscaled) : `${unscaled}e${-scale}`;
}

/** True for an optional minus and 1 to 21 digits; JSON's grammar has already excluded leading zeros. */
function isPlainInteger(text: string): boolean {
  let at = text.charCodeAt(0) === 0x2d ? 1 : 0;
  if (text.length === at || text.length - at > PLAIN_DIGITS) return false;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function trimZeros(digits: string): string {
  let from = 0;
  let to = digits.length;
  while (from < to && digits.charCodeAt(from) === 0x30) from++;
  while (to > from && digits.charCodeAt(to - 1) === 0x30) to--;
  return digits.slice(from, to);
}

/** Number::toString of ECMA-262: the value is 0.`digits` times 10 to the power of `point`. */
function layOut(digits: string, point: number): string {
  const count = digits.length;
  if (point > 0 && point <= PLAIN_DIGITS) {
    return count <= point ? digits + '0'.repeat(point - count) : `${digits.slice(0, point)}.${digits.slice(point)}`;
  }
  if (point > -6 && point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  const exponent = point - 1;
  const mantissa = count === 1 ? digits : `${digits.charAt(0)}.${digits.slice(1)}`;
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}
