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

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
