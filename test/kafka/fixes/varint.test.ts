import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { varintSize, writeVarint } from '../../../src/kafka/fixes/varint.ts';
import { unfixed } from '../../support/unfixed-client.ts';

interface Writer {
  writeVarLong(value: number): { buffer: Buffer };
}

describe('variable-length integers', () => {
  it('are written as the client writes them, in as many bytes as announced, up to 2^52 either way', () => {
    const Encoder = unfixed<new () => Writer>('protocol/encoder');
    const any = fc.oneof(
      fc.integer(),
      fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
      fc.integer({ min: -70, max: 70 }),
    );
    fc.assert(
      fc.property(any, (value) => {
        const bytes = Buffer.alloc(10);
        const end = writeVarint(bytes, 0, value);
        expect(bytes.subarray(0, end)).toEqual(new Encoder().writeVarLong(value).buffer);
        expect(varintSize(value)).toBe(end);
      }),
      { numRuns: 500 },
    );
  });
});
