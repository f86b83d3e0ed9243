/**
 * Signatures by Standard Webhooks 1.0.0, symmetric (v1): HMAC-SHA256 over `id.timestamp.body`. Several secrets give several
 * signatures in one header, so that a receiver can rotate. Signs only; the receiver verifies.
 */
import { createHmac } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

const PREFIX = 'whsec_';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** What a secret must look like, for messages. */
export const SIGNING_SECRET_FORM = 'must be whsec_ followed by 24 to 64 bytes in base64 (Standard Webhooks)';

/** The key in a `whsec_…` secret; null when it is not base64 of 24 to 64 bytes. The prefix may be left out. */
export function signingKey(secret: Secret): Buffer | null {
  const text = secret.reveal();
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
  if (!BASE64.test(encoded)) return null;
  const key = Buffer.from(encoded, 'base64');
  return key.length >= 24 && key.length <= 64 ? key : null;
}

/**
 * The value of `webhook-signature`: `v1,<base64>` for each key, separated by blanks.
 * @param timestamp seconds since the epoch, the same as in `webhook-timestamp`.
 */
export function signatureHeader(keys: readonly Buffer[], id: string, timestamp: number, body: Buffer): string {
  const start = `${id}.${timestamp}.`;
  return keys.map((key) => `v1,${createHmac('sha256', key).update(start).update(body).digest('base64')}`).join(' ');
}
