/**
 * Whether two definitions of an endpoint are the same: a digest of all of its fields. Secrets are left out of what is stored or
 * told to other processes, and looked at only to see, within this process, that one was changed.
 */
import { digest } from '../lib/hash.ts';
import { Secret } from '../lib/secret.ts';
import type { Endpoint } from './endpoint.ts';

/** The digest of a definition without its secrets: equal in every process that has the same definition. */
export function definitionDigest(endpoint: Endpoint): string {
  return digest(spelt(endpoint, () => 'secret'));
}

/** The digest of where an endpoint's requests go. The URL itself may hold the receiver's keys. */
export function urlDigest({ url }: Pick<Endpoint, 'url'>): string {
  return digest(url.href);
}

/** Whether the definitions differ in anything, secrets included. */
export function differs(a: Endpoint, b: Endpoint): boolean {
  const all = (endpoint: Endpoint): string => spelt(endpoint, (secret) => secret.reveal());
  return a !== b && all(a) !== all(b);
}

function spelt(value: unknown, secret: (secret: Secret) => string): string {
  if (value instanceof Secret) return JSON.stringify(secret(value));
  if (value instanceof URL) return JSON.stringify(value.href);
  if (value instanceof Set) return spelt([...value].sort(), secret);
  if (value instanceof Map) return spelt(Object.fromEntries(value), secret);
  if (Array.isArray(value)) return `[${value.map((item) => spelt(item, secret)).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'none';
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${name}:${spelt(field, secret)}`).join()}}`;
}
