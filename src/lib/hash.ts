/**
 * The one digest of the project: 8 bytes that tell whether a text differs from the one before it. It is kept per lead and version
 * and per row, so its size counts. It is no secret and signs nothing, and each is compared with one other only, so 64 bits of
 * SHA-256 make an accidental equality negligible (1 in 2^64 changes). SHA-256 is allowed in FIPS builds of OpenSSL.
 */
import { hash } from 'node:crypto';

const HEX_LENGTH = 16;

/**
 * The digest of `text` (taken as UTF-8), as 16 lower-case hex digits. Equal texts give equal digests in every process and
 * release: they are stored in compacted topics. A lone surrogate counts as U+FFFD, as it does on the wire.
 */
export function digest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, HEX_LENGTH);
}
