import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NONCE_BYTES, Seal } from '../../src/delivery/seal.ts';
import { Secret } from '../../src/lib/secret.ts';

const key = (fill: number): Secret => new Secret(Buffer.alloc(32, fill).toString('base64'));
const nonce = Buffer.from('000102030405060708090a0b', 'hex');
const seal = new Seal([key(1)]);

test('what was sealed for an endpoint opens for it, whatever the secret is', () => {
  const parts = fc.tuple(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.uint8Array({ minLength: 12, maxLength: 12 }),
  );
  fc.assert(
    fc.property(parts, ([text, bytes]) => {
      const sealed = seal.seal(new Secret(text), 'crm', Buffer.from(bytes));
      expect(seal.open(sealed, 'crm')).toBe(text.toWellFormed());
      expect(sealed).toMatch(/^lw1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
    }),
  );
});

test('a sealed text of this release opens in every later one', () => {
  const kept = 'lw1.a45b1edd.AAECAwQFBgcICQoLz8n-Q07TaR_TCZWpjKCUThQ_QBs9u-hxYOzIXA';
  expect(seal.seal(new Secret('token-of-crm'), 'crm', nonce)).toBe(kept);
  expect(seal.open(kept, 'crm')).toBe('token-of-crm');
});

test('a sealed text that was moved to another endpoint does not open', () => {
  const sealed = seal.seal(new Secret('token'), 'crm', nonce);
  expect(seal.open(sealed, 'crm2')).toEqual({ problem: 'was sealed for another endpoint, or was altered' });
});

test('no byte of a sealed text can be changed, and none be taken away', () => {
  const [version, id, body = ''] = seal.seal(new Secret('token'), 'crm', nonce).split('.');
  const bytes = Buffer.from(body, 'base64url');
  expect(bytes.length).toBe(NONCE_BYTES + 'token'.length + 16);
  for (let at = 0; at < bytes.length; at += 1) {
    const altered = Buffer.from(bytes);
    altered.writeUInt8((altered[at] ?? 0) ^ 1, at);
    expect(seal.open([version, id, altered.toString('base64url')].join('.'), 'crm')).toHaveProperty('problem');
    expect(
      seal.open([version, id, bytes.subarray(0, at).toString('base64url') || 'A'].join('.'), 'crm'),
    ).toHaveProperty('problem');
  }
});

test('with a new key in front, what the old one sealed still opens; without the old one its id is named', () => {
  const old = seal.seal(new Secret('token'), 'crm', nonce);
  const both = new Seal([key(2), key(1)]);
  expect(both.open(old, 'crm')).toBe('token');
  const renewed = both.seal(new Secret('token'), 'crm', nonce);
  expect(new Seal([key(2)]).open(renewed, 'crm')).toBe('token');
  const problem = `needs the key ${old.split('.')[1]}, which LEAD_WEBHOOKS_SEAL_KEY does not hold`;
  expect(new Seal([key(2)]).open(old, 'crm')).toEqual({ problem });
});

test.each(['', 'token', 'lw1.', 'lw2.01234567.abcd', 'lw1.01234567.', 'lw1.0123456g.abcd', 'lw1.01234567.ab+d'])(
  'text of another form is told to be none: %j',
  (text) => {
    expect(seal.open(text, 'crm')).toEqual({ problem: 'is not one that endpoints seal has printed' });
  },
);

test('keys of another size, and none at all, are refused', () => {
  expect(() => new Seal([])).toThrow(TypeError);
  expect(() => new Seal([new Secret('c2hvcnQ=')])).toThrow(TypeError);
});
