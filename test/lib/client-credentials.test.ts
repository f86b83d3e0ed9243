/** The messages of OAuth2 client credentials. Tokens, lifetimes and bad answers: also test/delivery/oauth-tokens.test.ts. */
import { expect, test } from 'vitest';
import { type ClientCredentials, tokenOf, tokenRequest } from '../../src/lib/client-credentials.ts';
import { Secret } from '../../src/lib/secret.ts';

const CLIENT: ClientCredentials = {
  clientId: 'the us',
  clientSecret: new Secret('s:cret%'),
  scope: null,
  credentials: 'header',
};

test('id and secret are encoded as in a form before they go into the header', () => {
  const { headers, body } = tokenRequest(CLIENT);
  const pair = Buffer.from((headers.at(-1) ?? '').replace('Basic ', ''), 'base64').toString();
  expect(pair).toBe('the+us:s%3Acret%25');
  expect(body).toBe('grant_type=client_credentials');
});

test('further parameters go into the form and cannot replace what the grant is', () => {
  const parameters = new Map([
    ['audience', 'https://kafka/ø'],
    ['grant_type', 'password'],
  ]);
  const { body } = tokenRequest({ ...CLIENT, scope: 'a b', credentials: 'body', parameters });
  expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
    audience: 'https://kafka/ø',
    grant_type: 'client_credentials',
    scope: 'a b',
    client_id: 'the us',
    client_secret: 's:cret%',
  });
});

test('a token is renewed a minute before its end, a short one after four fifths of its time', () => {
  const lasting = (expires_in: number) => tokenOf(Buffer.from(JSON.stringify({ access_token: 'a', expires_in })), 1000);
  expect(lasting(3600)).toMatchObject({ obtainedAt: 1000, renewAt: 1000 + 3_540_000, expiresAt: 1000 + 3_600_000 });
  expect(lasting(100)).toMatchObject({ renewAt: 1000 + 80_000, expiresAt: 1000 + 100_000 });
});

test('what holds a character that no token has is no token', () => {
  for (const access_token of ['a b', 'a\n', '', 7]) {
    expect(tokenOf(Buffer.from(JSON.stringify({ access_token })), 0)).toBe(null);
  }
});
