/** Logins that fail, or last only so long. The connection is played; a real broker says the same in test/int/oauth.int.test.ts. */
import { describe, expect, it } from 'vitest';
import '../../../src/kafka/fixes.ts';
import { TokenFailure } from '../../../src/kafka/bearer-login.ts';
import { KafkaFailure } from '../../../src/kafka/errors.ts';
import { internal } from '../../../src/kafka/fixes/internals.ts';
import { unfixed } from '../../support/unfixed-client.ts';

type Authenticator = new (...parameters: unknown[]) => { authenticate(): Promise<void> };

const REFUSED = new KafkaFailure('authentication', 'the broker refuses the token', 'invalid_token');
const { KafkaJSSASLAuthenticationError } = internal('errors') as {
  KafkaJSSASLAuthenticationError: new (message: string) => Error;
};
const VERSIONS = { 17: { minVersion: 0, maxVersion: 1 }, 36: { minVersion: 0, maxVersion: 1 } };

/** A connection that is logged in since `authenticatedAt`, and whose next login ends with `error`. */
function connection(authenticatedAt: unknown, error: Error) {
  const done: string[] = [];
  return {
    ...{ done, authenticatedAt, host: 'b', port: 1 },
    sasl: {
      mechanism: 'oauthbearer',
      authenticationProvider: () => ({ authenticate: () => Promise.reject(error) }),
    },
    send: async () => ({ enabledMechanisms: ['OAUTHBEARER'] }),
    rejectRequests: (reason: Error) => void done.push(`rejected: ${reason.name}`),
    disconnect: async () => void done.push('disconnected'),
    socket: { destroy: () => void done.push('destroyed') },
  };
}

function logIn(Class: Authenticator, on: ReturnType<typeof connection>): Promise<void> {
  return new Class(on, { namespace: () => ({}) }, VERSIONS, true).authenticate();
}

const fixed = internal('broker/saslAuthenticator') as Authenticator;
const LOGGED_IN = [1, 0];
const ENDED = ['rejected: KafkaJSConnectionClosedError', 'disconnected', 'destroyed'];

describe('a broker that refuses to renew a session', () => {
  it('unfixed, is a wrong login, and the connection stays', async () => {
    const on = connection(LOGGED_IN, REFUSED);
    await expect(logIn(unfixed('broker/saslAuthenticator'), on)).rejects.toBe(REFUSED);
    expect(on.done).toEqual([]);
  });

  it.each([
    ['a login of ours', REFUSED],
    ['a login of the client', new KafkaJSSASLAuthenticationError('Cannot change principals')],
    ['out of turn', Object.assign(new Error('current SASL state'), { type: 'ILLEGAL_SASL_STATE' })],
  ])('fixed, is a connection that was closed: %s', async (_whose, error) => {
    const on = connection(LOGGED_IN, error);
    await expect(logIn(fixed, on)).rejects.toMatchObject({ name: 'KafkaJSConnectionClosedError', retriable: true });
    expect(on.done).toEqual(ENDED);
  });
});

describe('a session', () => {
  /** What the client takes the session's lifetime for, when the broker said so many milliseconds. */
  async function taken(Class: Authenticator, lifetimeMs: string): Promise<unknown> {
    const on = connection(null, REFUSED);
    on.sasl.authenticationProvider = () => ({ authenticate: () => Promise.resolve() as Promise<never> });
    const login = new Class(on, { namespace: () => ({}) }, VERSIONS, true);
    Reflect.set(login, 'sessionLifetime', lifetimeMs);
    await login.authenticate();
    expect(on.done).toEqual([]);
    return Reflect.get(login, 'sessionLifetime');
  }

  it('unfixed, is renewed with each request when it is not longer than ten seconds', async () => {
    expect(await taken(unfixed('broker/saslAuthenticator'), '9000')).toBe('9000');
  });

  it.each([
    ['0', '0'],
    ['3600000', '3600000'],
    ['20001', '20001'],
    ['20000', '20000'],
    ['9000', '14500'],
    ['1000', '11100'],
  ])(
    'fixed, of %s ms, is renewed ten seconds before the client believes that it ends, in %s ms',
    async (said, lifetime) => {
      expect(await taken(fixed, said)).toBe(lifetime);
    },
  );
});

describe('any other failure of a login stays what it is, and ends the connection', () => {
  it.each([
    ['the first login of a connection', null, REFUSED],
    ['no token', LOGGED_IN, new TokenFailure('authentication', 'the token endpoint refuses us')],
    ['a broker that is away', LOGGED_IN, new KafkaFailure('unavailable', 'away')],
  ])('%s', async (_what, authenticatedAt, error) => {
    const on = connection(authenticatedAt, error);
    await expect(logIn(fixed, on)).rejects.toBe(error);
    expect(on.done).toEqual(ENDED);
  });
});
