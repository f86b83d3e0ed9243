import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digest } from '../../src/lib/hash.ts';

describe('digest', () => {
  it('is the first 8 bytes of SHA-256 as hex, which stored digests rely on', () => {
    expect(digest('')).toBe('e3b0c44298fc1c14');
    expect(digest('abc')).toBe('ba7816bf8f01cfea');
  });

  it('takes any text as UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const whole = createHash('sha256').update(Buffer.from(text, 'utf8')).digest('hex');
        expect(digest(text)).toBe(whole.slice(0, 16));
      }),
    );
  });
});
