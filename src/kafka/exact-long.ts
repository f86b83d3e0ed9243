/**
 * Avro's long without avsc's limits: a number where that is safe, else a BigInt, never an exception and never rounded. (avsc
 * itself throws beyond 2^53 - 2, so one `ts_ns`, or one id that PostgreSQL allows, would take a record or the process down.)
 */

import type { Type } from 'avsc';
import avro from 'avsc';

const HALF = 4294967296;
/** Upper halves of longs that are safe integers for certain. */
const SAFE_HIGH = 0x1fffff;
/** What avsc writes from, at once: one is enough. */
const scratch = Buffer.alloc(8);

/** A long type of its own, for who needs to tell it from others. */
export function newExactLong(): Type {
  return avro.types.LongType.__with({
    fromBuffer(bytes: Buffer): number | bigint {
      const high = bytes.readInt32LE(4);
      if (high > -SAFE_HIGH && high <= SAFE_HIGH) return high * HALF + bytes.readUInt32LE(0);
      const exact = bytes.readBigInt64LE(0);
      const rounded = Number(exact);
      return Number.isSafeInteger(rounded) ? rounded : exact;
    },
    toBuffer(value: number | bigint): Buffer {
      if (typeof value === 'number') {
        const high = Math.floor(value / HALF);
        scratch.writeInt32LE(high, 4);
        scratch.writeUInt32LE(value - high * HALF, 0);
      } else scratch.writeBigInt64LE(value);
      return scratch;
    },
    fromJSON: (value: unknown) => value,
    toJSON: (value: unknown) => value,
    isValid: (value: unknown) => typeof value === 'bigint' || Number.isSafeInteger(value),
    compare: (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0),
  });
}

/** The long type for all others. */
export const exactLong = newExactLong();
