/** Tokens for Kafka from a real HTTP server on the loopback; only the time is the test's. */
import { createServer } from 'node:https';
import { expect, test } from 'vitest';
import { endpointTokens, type TokenEndpoint } from '../../src/kafka/token-endpoint.ts';
import { Secret } from '../../src/lib/secret.ts';
import { type Handler, rawReceiver, receiver } from '../support/loopback.ts';
import { selfSigned } from '../support/self-signed.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function at(port: number, overrides: Partial<TokenEndpoint> = {}): TokenEndpoint {
  const client = { clientId: 'us', clientSecret: new Secret('s3cret'), scope: 'kafka', credentials: 'header' } as const;
  return { url: `http://127.0.0.1:${port}/token?`, ca: null, ...client, ...overrides };
}

/** A token endpoint whose tokens are numbered. */
class Provider {
  readonly clock = new VirtualClock();
  asked = 0;
  status = 200;
  lifetimeSeconds = 3600;
  readonly answer: Handler = (_request, response) => {
    this.asked += 1;
    response.writeHead(this.status, { 'content-type': 'application/json' });
    const token = { access_token: `token-${this.asked}`, token_type: 'Bearer', expires_in: this.lifetimeSeconds };
    const refusal = { error: 'invalid_scope', error_description: 'of s3cret' };
    response.end(JSON.stringify(this.status === 200 ? token : refusal));
  };

  async tokens(): Promise<() => Promise<string>> {
    return endpointTokens(this.clock, at(await receiver(this.answer)));
  }
}

test('connections that log in at once share one request, and later ones the token', async () => {
  const provider = new Provider();
  const token = await provider.tokens();
  expect(await Promise.all([token(), token(), token()])).toEqual(['token-1', 'token-1', 'token-1']);
  provider.clock.advance(3_539_999);
  expect(await token()).toBe('token-1');
  provider.clock.advance(1);
  expect(await token()).toBe('token-2');
});

test('a short token is renewed while it still has the time that a login needs, but not before half of its time', async () => {
  for (const [seconds, renewedAfterMs] of [
    [40, 25_000],
    [20, 10_000],
  ] as const) {
    const provider = new Provider();
    provider.lifetimeSeconds = seconds;
    const token = await provider.tokens();
    await token();
    provider.clock.advance(renewedAfterMs - 1);
    expect(await token()).toBe('token-1');
    provider.clock.advance(1);
    expect(await token()).toBe('token-2');
  }
});

test('while the endpoint is down the token is used to its end, and then there is none', async () => {
  const provider = new Provider();
  const token = await provider.tokens();
  await token();
  provider.status = 503;
  provider.clock.advance(3_599_999);
  expect(await token()).toBe('token-1');
  provider.clock.advance(1);
  await expect(token()).rejects.toMatchObject({ code: 'unavailable', retriable: true });
  provider.status = 200;
  provider.clock.advance(1000);
  expect(await token()).toMatch(/^token-/);
});

test.each([
  [400, 'authentication'],
  [401, 'authentication'],
  [302, 'authentication'],
  [408, 'unavailable'],
  [429, 'unavailable'],
  [503, 'unavailable'],
])('status %i is a failure %s that names the host and nothing secret', async (status, code) => {
  const provider = new Provider();
  provider.status = status;
  const port = await receiver(provider.answer);
  const failure = await endpointTokens(provider.clock, at(port))().catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code,
    message: `the token endpoint 127.0.0.1:${port} answered with status ${status} (invalid_scope)`,
  });
});

test('an answer without a token, however large, is a wrong endpoint', async () => {
  for (const body of ['{"token_type":"Bearer"}', '<html>', `{"access_token":"a","x":"${'x'.repeat(70_000)}"}`]) {
    const port = await receiver((_request, response) => response.end(body));
    await expect(endpointTokens(new VirtualClock(), at(port))()).rejects.toMatchObject({
      code: 'authentication',
      message: `the token endpoint 127.0.0.1:${port} answered without a token`,
    });
  }
});

test('an endpoint that is away, hangs up or keeps silent is unavailable', async () => {
  const hangsUp = await rawReceiver((socket) => socket.destroy());
  await expect(endpointTokens(new VirtualClock(), at(hangsUp))()).rejects.toMatchObject({
    code: 'unavailable',
    message: `the token endpoint 127.0.0.1:${hangsUp} cannot be reached (ECONNRESET)`,
  });
  const halfway = await rawReceiver((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'));
  await expect(endpointTokens(new VirtualClock(), at(halfway))()).rejects.toMatchObject({ code: 'unavailable' });
  const silent = await rawReceiver(() => undefined);
  await expect(endpointTokens(new VirtualClock(), at(silent, { timeoutMs: 50 }))()).rejects.toMatchObject({
    code: 'unavailable',
    message: `the token endpoint 127.0.0.1:${silent} did not answer in time`,
  });
});

test('an endpoint with a certificate of an own authority is trusted when that is given', async () => {
  const { cert, key } = selfSigned();
  const provider = new Provider();
  // The type of a receiver's server is that of HTTP; both have the same events.
  const port = await receiver(provider.answer, createServer({ cert, key }) as never);
  const url = `https://127.0.0.1:${port}/token`;
  expect(await endpointTokens(provider.clock, at(port, { url, ca: cert }))()).toBe('token-1');
  await expect(endpointTokens(provider.clock, at(port, { url }))()).rejects.toMatchObject({
    code: 'authentication',
    message: `the token endpoint 127.0.0.1:${port} has a certificate that is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)`,
  });
});
