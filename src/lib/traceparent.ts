/**
 * The header `traceparent` of W3C Trace Context as text: which record, transaction or request a step belongs to. It comes from others
 * and goes to others, into records and requests, so only what is well formed is ever carried on. What lies in it means nothing here.
 */

/** Version, trace id, id of the span, flags. */
const WELL_FORMED = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const BYTES = 55;

/** The header's value as it came; null when there is none or it is not well formed. */
export function readTraceparent(value: Buffer | string | null | undefined): string | null {
  if (value === null || value === undefined || value.length !== BYTES) return null;
  const text = typeof value === 'string' ? value : value.toString('latin1');
  return WELL_FORMED.test(text) ? text : null;
}
