/**
 * Kafka's variable-length integers (zigzag, seven bits a byte, least first; Protocol Buffers' encoding), on plain numbers.
 * Values up to 2^52 either way are exact, which covers every length, offset delta and timestamp delta.
 */

/** How many bytes `value` takes. */
export function varintSize(value: number): number {
  let rest = zigzag(value);
  let size = 1;
  for (; rest >= 128; size++) rest = Math.floor(rest / 128);
  return size;
}

/** Writes `value` at `at` and returns the place behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = zigzag(value);
  let next = at;
  while (rest >= 128) {
    bytes[next++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  bytes[next++] = rest;
  return next;
}

/** A place in a buffer that moves forward as it is read. */
export interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/** Reads one integer and moves the cursor behind it. Throws RangeError behind the end of the buffer. */
export function readVarint(cursor: Cursor): number {
  const { bytes } = cursor;
  let result = 0;
  let factor = 1;
  for (;;) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new RangeError('a record ends inside an integer');
    result += (byte & 127) * factor;
    if (byte < 128) break;
    factor *= 128;
  }
  return result % 2 === 0 ? result / 2 : -(result + 1) / 2;
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
