/** Access tokens: when one is asked for, how often, and what a failure means. First alone in virtual time, then over HTTP. */
import { expect, test } from 'vitest';
import type { AttemptResult } from '../../src/core/attempt.ts';
import { outcomeOf } from '../../src/core/attempt.ts';
import type { Endpoint, OAuthClient } from '../../src/delivery/endpoint.ts';
import { type AccessToken, OAuthTokens, type TokenRequest } from '../../src/delivery/oauth-tokens.ts';
import { Secret } from '../../src/lib/secret.ts';
import { settled } from '../support/deliver-world.ts';
import { edge, endpointAt, KeptLog, REQUEST, receiver, timeout } from '../support/loopback.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const OK: AttemptResult = { kind: 'answer', status: 200, retryAfter: null };

function client(overrides: Partial<OAuthClient> = {}): OAuthClient {
  const tokenUrl = new URL('https://id.example/token');
  return {
    tokenUrl,
    clientId: 'us',
    clientSecret: new Secret('s3cret'),
    scope: null,
    credentials: 'header',
    ...overrides,
  };
}

const token = (value: string, seconds?: number): string =>
  JSON.stringify({ access_token: value, token_type: 'Bearer', expires_in: seconds });

/** A token endpoint played by the test. */
class Provider {
  readonly clock = new VirtualClock();
  readonly requests: TokenRequest[] = [];
  readonly tokens: OAuthTokens;
  #answer: ((answer: { result: AttemptResult; body: Buffer }) => void) | null = null;

  constructor(overrides: Partial<OAuthClient> = {}) {
    const ask = (request: TokenRequest) => {
      this.requests.push(request);
      return new Promise<{ result: AttemptResult; body: Buffer }>((resolve) => {
        this.#answer = resolve;
      });
    };
    this.tokens = new OAuthTokens({ clock: this.clock, ask }, { client: client(overrides), timeoutMs: 5000 });
  }

  async answer(body: string, result = OK): Promise<void> {
    this.#answer?.({ result, body: Buffer.from(body) });
    await settled();
  }

  get(): AccessToken | Promise<unknown> {
    return this.tokens.get(this.clock.now() + 5000);
  }

  async first(seconds?: number): Promise<AccessToken> {
    const asked = this.get();
    await this.answer(token('first', seconds));
    return (await asked) as AccessToken;
  }
}

test('one token serves all until it is due for renewal, a minute before its end', async () => {
  const provider = new Provider();
  expect((await provider.first(3600)).value.reveal()).toBe('first');
  provider.clock.advance(3_539_999);
  expect(provider.get()).toMatchObject({ expiresAt: expect.any(Number) });
  expect(provider.requests).toHaveLength(1);
  provider.clock.advance(1);
  expect((provider.get() as AccessToken).value.reveal()).toBe('first');
  expect(provider.requests).toHaveLength(2);
  await provider.answer(token('second', 3600));
  expect((provider.get() as AccessToken).value.reveal()).toBe('second');
});

test('however many need the first token, it is asked for once', async () => {
  const provider = new Provider();
  const waiting = [provider.get(), provider.get(), provider.get()];
  await provider.answer(token('first', 60));
  expect(new Set(await Promise.all(waiting)).size).toBe(1);
  expect(provider.requests).toHaveLength(1);
});

test('a token that is renewed in vain is used to its end, and a failure holds for a second', async () => {
  const provider = new Provider();
  await provider.first(100);
  provider.clock.advance(80_000);
  void provider.get();
  await provider.answer('', { kind: 'network', code: 'ECONNREFUSED' });
  expect((provider.get() as AccessToken).value.reveal()).toBe('first');
  expect(provider.requests).toHaveLength(2);
  provider.clock.advance(20_000);
  const late = provider.get();
  await provider.answer('', { kind: 'network', code: 'ECONNREFUSED' });
  expect(await late).toEqual({ kind: 'oauth', code: 'network-ECONNREFUSED' });
  expect(await provider.get()).toEqual({ kind: 'oauth', code: 'network-ECONNREFUSED' });
  expect(provider.requests).toHaveLength(3);
  provider.clock.advance(1000);
  void provider.get();
  expect(provider.requests).toHaveLength(4);
});

test('who waits for a token waits no longer than the attempt may take; others may', async () => {
  const provider = new Provider();
  const hurried = provider.tokens.get(provider.clock.now() + 100);
  const patient = provider.get();
  provider.clock.advance(100);
  expect(await hurried).toEqual({ kind: 'oauth', code: 'timeout' });
  await provider.answer(token('first', 60));
  expect(await patient).toMatchObject({ expiresAt: expect.any(Number) });
});

test('a 401 to a token that worked is answered by a new token, once for all who got it', async () => {
  const provider = new Provider();
  const first = await provider.first(3600);
  provider.tokens.worked(first);
  const replaced = [provider.tokens.replace(first, 9e9), provider.tokens.replace(first, 9e9)];
  await provider.answer(token('second', 3600));
  expect((await Promise.all(replaced)).map((another) => another?.value.reveal())).toEqual(['second', 'second']);
  expect(provider.requests).toHaveLength(2);
});

test('a 401 to a token that never worked asks for no other one, until it is a minute old', async () => {
  const provider = new Provider();
  const first = await provider.first(3600);
  expect(await provider.tokens.replace(first, 9e9)).toBe(null);
  expect(provider.requests).toHaveLength(1);
  provider.clock.advance(60_000);
  const replaced = provider.tokens.replace(first, 9e9);
  await provider.answer(token('second'));
  expect((await replaced)?.value.reveal()).toBe('second');
});

test('a lifetime that is not said, or makes no sense, is five minutes, and none is longer than a day', async () => {
  for (const [said, seconds] of [
    [undefined, 300],
    [-1, 300],
    [0, 300],
    [1e12, 86_400],
  ] as const) {
    const provider = new Provider();
    const { obtainedAt, expiresAt } = await provider.first(said);
    expect([said, expiresAt - obtainedAt]).toEqual([said, seconds * 1000]);
  }
});

test.each([
  ['not JSON', 'bad-answer'],
  ['[]', 'bad-answer'],
  ['null', 'bad-answer'],
  ['{"token_type":"Bearer"}', 'bad-answer'],
  ['{"access_token":7}', 'bad-answer'],
  ['{"access_token":""}', 'bad-answer'],
  ['{"access_token":"a b"}', 'bad-answer'],
  ['{"access_token":"a\\r\\nx: y"}', 'bad-answer'],
  ['{"access_token":"abc","token_type":"mac"}', 'bad-answer'],
])('an answer without a token that can be sent is a failure: %s', async (body, code) => {
  const provider = new Provider();
  const asked = provider.get();
  await provider.answer(body);
  expect(await asked).toEqual({ kind: 'oauth', code });
});

test.each<[AttemptResult, string]>([
  [{ kind: 'answer', status: 400, retryAfter: null }, 'oauth-http-400'],
  [{ kind: 'answer', status: 302, retryAfter: null }, 'oauth-http-302'],
  [{ kind: 'timeout' }, 'oauth-timeout'],
  [{ kind: 'tls', code: 'CERT_HAS_EXPIRED' }, 'oauth-tls-CERT_HAS_EXPIRED'],
  [{ kind: 'address', code: 'refused' }, 'oauth-address-refused'],
])(
  'however the token endpoint fails, the delivery is tried again, with what it was as its code: %j',
  async (result, code) => {
    const provider = new Provider();
    const asked = provider.get();
    await provider.answer('', result);
    expect(outcomeOf((await asked) as AttemptResult, new Map())).toEqual({ kind: 'retry', code, status: null });
  },
);

test('id and secret go into the header, encoded as in a form, or into the body', async () => {
  const named = { clientId: 'a:b c', clientSecret: new Secret('p+%é'), scope: 'x y' };
  const inHeader = new Provider(named);
  await inHeader.first();
  const headers = inHeader.requests[0]?.headers ?? [];
  const basic = headers[headers.indexOf('authorization') + 1] ?? '';
  expect(Buffer.from(basic.replace('Basic ', ''), 'base64').toString()).toBe('a%3Ab+c:p%2B%25%C3%A9');
  expect(inHeader.requests[0]?.body).toBe('grant_type=client_credentials&scope=x+y');
  const inBody = new Provider({ ...named, credentials: 'body' });
  await inBody.first();
  expect(inBody.requests[0]?.headers).not.toContain('authorization');
  expect(Object.fromEntries(new URLSearchParams(inBody.requests[0]?.body))).toEqual({
    grant_type: 'client_credentials',
    scope: 'x y',
    client_id: 'a:b c',
    client_secret: 'p+%é',
  });
});

/** An OAuth2 provider and a receiver on the loopback: tokens are t1, t2 …; `accepts` says which the receiver takes. */
async function world(
  overrides: { accepts?: (token: string) => boolean; tokenStatus?: number } & Partial<Endpoint> = {},
) {
  const { accepts = () => true, tokenStatus = 200, ...definition } = overrides;
  const seen = { asked: [] as string[], posts: [] as (string | undefined)[] };
  const provider = await receiver((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      seen.asked.push(`${request.method} ${request.url} ${Buffer.concat(parts)}`);
      response.writeHead(tokenStatus).end(token(`t${seen.asked.length}`, 3600));
    });
  });
  const port = await receiver((request, response) => {
    seen.posts.push(request.headers.authorization);
    const value = request.headers.authorization?.replace('Bearer ', '') ?? '';
    request.resume().on('end', () => response.writeHead(accepts(value) ? 200 : 401).end());
  });
  const auth = {
    type: 'oauth2-client-credentials',
    ...client({ tokenUrl: new URL(`http://127.0.0.1:${provider}/token?a=1`) }),
  } as const;
  return { seen, endpoint: endpointAt(port, { auth, ...definition }) };
}

test('over HTTP: the token is fetched once and sent with every delivery', async () => {
  const { seen, endpoint } = await world();
  const http = edge();
  const results = await Promise.all([1, 2, 3].map(() => http.post(endpoint, REQUEST)));
  results.push(await http.post(endpoint, REQUEST));
  expect(results.map((result) => result.kind === 'answer' && result.status)).toEqual([200, 200, 200, 200]);
  expect(seen.asked).toEqual(['POST /token?a=1 grant_type=client_credentials']);
  expect(seen.posts).toEqual(new Array(4).fill('Bearer t1'));
});

test('over HTTP: when a token is taken back, the next delivery gets a new one within the same attempt', async () => {
  const revoked = new Set<string>();
  const { seen, endpoint } = await world({ accepts: (value) => !revoked.has(value) });
  const http = edge();
  await http.post(endpoint, REQUEST);
  revoked.add('t1');
  expect(await http.post(endpoint, REQUEST)).toMatchObject({ status: 200 });
  expect(seen.posts).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
});

test('over HTTP: a receiver that takes no token gets one request, and its 401 is the result', async () => {
  const { seen, endpoint } = await world({ accepts: () => false });
  expect(await edge().post(endpoint, REQUEST)).toMatchObject({ kind: 'answer', status: 401 });
  expect([seen.asked.length, seen.posts.length]).toEqual([1, 1]);
});

test('over HTTP: without a token nothing is sent to the receiver', async () => {
  const { seen, endpoint } = await world({ tokenStatus: 503 });
  expect(await edge().post(endpoint, REQUEST)).toEqual({ kind: 'oauth', code: 'http-503' });
  expect(seen.posts).toEqual([]);
});

test('over HTTP: the token endpoint is guarded like the receiver, and a huge answer of it is no token', async () => {
  const log = new KeptLog();
  const guarded = await world({ allow: { addresses: [] } });
  expect(await edge({ log }).post(guarded.endpoint, REQUEST)).toEqual({ kind: 'oauth', code: 'address-refused' });
  expect([guarded.seen.asked, log.lines.map(({ fields }) => fields['event'])]).toEqual([[], ['address_refused']]);
  const huge = await receiver(
    (_request, response) => void response.end(`{"access_token":"t","x":"${'x'.repeat(20_000)}"}`),
  );
  const auth = {
    type: 'oauth2-client-credentials',
    ...client({ tokenUrl: new URL(`http://127.0.0.1:${huge}/`) }),
  } as const;
  expect(await edge().post(endpointAt(1, { auth }), REQUEST)).toEqual({ kind: 'oauth', code: 'bad-answer' });
});

test('over HTTP: a token endpoint that never answers takes no more time than the attempt has', async () => {
  const silent = await receiver(() => undefined);
  const auth = {
    type: 'oauth2-client-credentials',
    ...client({ tokenUrl: new URL(`http://127.0.0.1:${silent}/`) }),
  } as const;
  expect(await edge().post(endpointAt(1, { auth, ...timeout(150) }), REQUEST)).toEqual({
    kind: 'oauth',
    code: 'timeout',
  });
});

test('over HTTP: an attempt that waits for its token when the definition changes sends nothing, and uses up no attempt', async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const provider = await receiver((_request, response) => {
    asked.resolve();
    void answer.promise.then(() => response.end(token('t1', 3600)));
  });
  let posts = 0;
  const port = await receiver((request, response) => {
    posts += 1;
    request.resume().on('end', () => response.end());
  });
  const tokenUrl = new URL(`http://127.0.0.1:${provider}/`);
  const auth = { type: 'oauth2-client-credentials', ...client({ tokenUrl }) } as const;
  const http = edge();
  const result = http.post(endpointAt(port, { auth }), REQUEST);
  await asked.promise;
  const after = endpointAt(port, { auth, version: 'v2' });
  http.keepOnly([after]);
  answer.resolve();
  expect([await result, posts]).toEqual([{ kind: 'withheld' }, 0]);
  expect(await http.post(after, REQUEST)).toMatchObject({ status: 200 });
});
