/**
 * Confluent's wire format: a zero byte, the schema id as a big-endian int32, the payload. The format with the id in a
 * record header is not read. Nothing here knows schemas.
 */

/** Bytes before the payload. */
export const FRAME_BYTES = 5;

/**
 * Schema id of a framed value or key; null when the bytes are not framed (first byte other than 0, or under 5 bytes).
 * JSON and text never start with a zero byte, so the test is exact for what sources may hold.
 */
export function framedSchemaId(bytes: Buffer): number | null {
  return bytes.length >= FRAME_BYTES && bytes[0] === 0 ? bytes.readInt32BE(1) : null;
}

/** The payload behind the frame. */
export function framedPayload(bytes: Buffer): Buffer {
  return bytes.subarray(FRAME_BYTES);
}

/** The five bytes that precede a payload of schema `id` (a positive int32). */
export function frameOf(id: number): Buffer {
  const head = Buffer.alloc(FRAME_BYTES);
  head.writeInt32BE(id, 1);
  return head;
}

/** Frames a payload. */
export function frame(id: number, payload: Buffer): Buffer {
  return Buffer.concat([frameOf(id), payload]);
}
