import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { signatureHeader, signingKey } from '../../src/delivery/signature.ts';
import { Secret } from '../../src/lib/secret.ts';

const secret = (fill: number): string => `whsec_${Buffer.alloc(32, fill).toString('base64')}`;
const body = Buffer.from('{"id":138559,"name":"Zoë"}');

test('each of two secrets verifies with the reference library while they are rotated', () => {
  const secrets = [secret(1), secret(2)];
  const keys = secrets.map((text) => signingKey(new Secret(text))).filter((key) => key !== null);
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    'webhook-id': 'crm_1_1',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatureHeader(keys, 'crm_1_1', timestamp, body),
  };
  for (const text of secrets)
    expect(new Webhook(text).verify(body.toString(), headers)).toEqual(JSON.parse(body.toString()));
  expect(() => new Webhook(secret(3)).verify(body.toString(), headers)).toThrow();
});

test('a secret may come without its prefix, and must hold 24 to 64 bytes of base64', () => {
  const bytes = (count: number): Secret => new Secret(Buffer.alloc(count, 9).toString('base64'));
  expect([23, 24, 64, 65].map((count) => signingKey(bytes(count))?.length ?? null)).toEqual([null, 24, 64, null]);
  expect(signingKey(new Secret('whsec_!not base64 at all, though long enough'))).toBeNull();
});
