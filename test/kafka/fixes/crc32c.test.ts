import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/kafka/fixes/crc32c.ts';
import { unfixed } from '../../support/unfixed-client.ts';

describe('crc32c', () => {
  it('gives the check value of the standard and the sums of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
  });

  it('gives what the client computes, wherever in memory the bytes begin and end', () => {
    const original = unfixed<(bytes: Buffer) => number>('protocol/recordBatch/crc32C');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), fc.nat(20), (array, skip, cut) => {
        const start = Math.min(skip, array.length);
        const end = Math.max(start, array.length - cut);
        const bytes = Buffer.from(array);
        expect(crc32c(bytes, start, end)).toBe(original(bytes.subarray(start, end)));
      }),
    );
  });
});
