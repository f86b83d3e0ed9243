/**
 * Outbound values as `delivery-state` keeps them: raw deflate with a preset dictionary, a body made of the documented
 * sample. Bodies are some 2.7 kB of which most is key names, so a pending delivery shrinks to a fraction. The dictionary
 * belongs to format 1 of `pending-delivery` and must never change: what it packed could not be unpacked.
 */
import { readFileSync } from 'node:fs';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Packing } from '../core/delivery.ts';
import { UnknownFormat } from './versioned-record.ts';

const dictionary = readFileSync(new URL('../../schemas/internal/body-dictionary.1.txt', import.meta.url));

/** Packs a value. */
export function packBody(value: Buffer): Buffer {
  return deflateRawSync(value, { dictionary });
}

/** Unpacks what `packBody` made; throws UnknownFormat for other bytes. */
export function unpackBody(packed: Buffer): Buffer {
  try {
    return inflateRawSync(packed, { dictionary });
  } catch {
    throw new UnknownFormat('pending-delivery: the packed body cannot be unpacked');
  }
}

/** Both, for whoever keeps values that wait. */
export const packing: Packing = { pack: packBody, unpack: unpackBody };
