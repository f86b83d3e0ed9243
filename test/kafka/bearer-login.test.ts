/**
 * The login with a token: the bytes, and what a broker's answers mean. The broker is played here, with what a real one says in
 * test/int/oauth.int.test.ts.
 */
import type { SaslAuthenticateArgs } from 'kafkajs';
import { expect, test } from 'vitest';
import { type BearerLogin, bearerMechanism, TokenFailure } from '../../src/kafka/bearer-login.ts';

/** Logs in to a broker with these answers; returns what it was sent. */
async function logIn(login: Partial<BearerLogin>, answers: readonly (string | Error)[]): Promise<string[]> {
  const sent: string[] = [];
  const saslAuthenticate = async <T>({ request, response }: SaslAuthenticateArgs<T>): Promise<T | undefined> => {
    const message = Buffer.from(await request.encode());
    expect(message.readInt32BE()).toBe(message.length - 4);
    sent.push(message.toString('latin1', 4));
    const answer = answers[sent.length - 1] ?? '';
    if (answer instanceof Error) throw answer;
    return response?.parse(await response.decode(Buffer.concat([Buffer.alloc(4), Buffer.from(answer)])));
  };
  const mechanism = bearerMechanism({ token: async () => 'abc.def', ...login });
  const at = { host: 'b', port: 1, logger: undefined as never, saslAuthenticate };
  await mechanism
    .authenticationProvider(at as never)
    .authenticate()
    .catch((error: Error) => {
      throw Object.assign(error, { sent });
    });
  return sent;
}

test('the token and the extensions are sent as RFC 7628 has it', async () => {
  expect(await logIn({}, [''])).toEqual(['n,,\x01auth=Bearer abc.def\x01\x01']);
  const extensions = new Map([
    ['logicalCluster', 'lkc-1'],
    ['identityPoolId', 'pool-2'],
  ]);
  expect(await logIn({ extensions }, [''])).toEqual([
    'n,,\x01auth=Bearer abc.def\x01logicalCluster=lkc-1\x01identityPoolId=pool-2\x01\x01',
  ]);
});

test('a refusal ends the exchange and is a failure with the broker’s word for it', async () => {
  const refusal = '{"status":"invalid_token","scope":"x y"}';
  await expect(logIn({}, [refusal, new Error('Authentication failed')])).rejects.toMatchObject({
    code: 'authentication',
    message: 'the broker refuses the token (invalid_token)',
    sent: [expect.anything(), '\x01'],
  });
  await expect(logIn({}, ['something else'])).rejects.toMatchObject({
    message: 'the broker refuses the token (refused)',
  });
});

test('a refusal by an error code is the same failure, and any other error stays what it is', async () => {
  const refusal = Object.assign(new Error('of principals'), { type: 'SASL_AUTHENTICATION_FAILED' });
  await expect(logIn({}, [refusal])).rejects.toMatchObject({
    code: 'authentication',
    message: 'the broker refuses the token (SASL_AUTHENTICATION_FAILED)',
  });
  const closed = new Error('Closed connection');
  await expect(logIn({}, [closed])).rejects.toBe(closed);
});

test('what cannot be sent as a token is not sent', async () => {
  await expect(logIn({ token: async () => 'abc\x01auth=x' }, [''])).rejects.toMatchObject({
    code: 'authentication',
    message: 'the token is not a bearer token',
    sent: [],
  });
});

test('without a token nothing is sent, and the failure is its source’s', async () => {
  const failure = new TokenFailure('unavailable', 'the token endpoint is away', 'ECONNREFUSED');
  await expect(logIn({ token: () => Promise.reject(failure) }, [])).rejects.toBe(failure);
  expect(failure).toMatchObject({ retriable: true, message: 'the token endpoint is away (ECONNREFUSED)' });
});
