/**
 * Sealed secrets: AES-256-GCM under a key that only the operator and this program have, so that a secret may stand in a topic or a
 * file that others can read. The id of the endpoint is part of what is authenticated: a sealed text that is moved to another
 * endpoint does not open. It hides the secret, not its length, and does not bind the endpoint's URL: who may change a definition
 * may have its secrets sent elsewhere.
 *
 * The form is `lw1.<key id>.<base64url of nonce, ciphertext and tag>`; `lw1` is its version. With several keys the first one seals
 * and all of them open, so a key can be replaced step by step.
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

const VERSION = 'lw1';
const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^lw1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/;

/** The keys of an operator. */
export class Seal {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #first: string;

  /** @param keys each 32 bytes in base64, at least one; the first one seals. Throws on a key of another size. */
  constructor(keys: readonly Secret[]) {
    const read = keys.map((key) => Buffer.from(key.reveal(), 'base64'));
    if (read.length === 0 || read.some((key) => key.length !== KEY_BYTES))
      throw new TypeError('a seal key has 32 bytes');
    const named = read.map((key) => [keyId(key), key] as const);
    this.#keys = new Map(named);
    this.#first = named[0]?.[0] ?? '';
  }

  /** Seals a secret for one endpoint. @param nonce NONCE_BYTES random bytes, never used twice. */
  seal(secret: Secret, endpointId: string, nonce: Buffer): string {
    const cipher = createCipheriv(ALGORITHM, this.#keys.get(this.#first) ?? nonce, nonce);
    cipher.setAAD(associated(endpointId));
    const sealed = [nonce, cipher.update(secret.reveal(), 'utf8'), cipher.final(), cipher.getAuthTag()];
    return `${VERSION}.${this.#first}.${Buffer.concat(sealed).toString('base64url')}`;
  }

  /** The secret's text, or what is wrong with the sealed one, in words that go on from "the sealed text …". */
  open(text: string, endpointId: string): string | { readonly problem: string } {
    const [, id = '', body = ''] = SEALED.exec(text) ?? [];
    if (id === '') return { problem: 'is not one that endpoints seal has printed' };
    const key = this.#keys.get(id);
    if (!key) return { problem: `needs the key ${id}, which LEAD_WEBHOOKS_SEAL_KEY does not hold` };
    const bytes = Buffer.from(body, 'base64url');
    try {
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(associated(endpointId));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const opened = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([opened, decipher.final()]).toString('utf8');
    } catch {
      return { problem: 'was sealed for another endpoint, or was altered' };
    }
  }
}

/** Names a key without telling anything about it. */
function keyId(key: Buffer): string {
  return createHash('sha256').update('lead-webhooks seal key').update(key).digest('hex').slice(0, 8);
}

function associated(endpointId: string): Buffer {
  return Buffer.from(`${VERSION}|${endpointId}`);
}
