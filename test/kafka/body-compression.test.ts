import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packBody, unpackBody } from '../../src/kafka/body-compression.ts';
import { UnknownFormat } from '../../src/kafka/versioned-record.ts';

describe('a packed body', () => {
  it('comes back byte for byte, whatever it holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(unpackBody(packBody(Buffer.from(bytes)))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('is tiny where it is the sample itself', () => {
    const sample = readFileSync(new URL('../../schemas/internal/body-dictionary.1.txt', import.meta.url));
    expect(packBody(sample).length).toBeLessThan(40);
  });

  it('is refused when it is damaged', () => {
    expect(() => unpackBody(Buffer.from([0xff, 0xff]))).toThrow(UnknownFormat);
  });
});
