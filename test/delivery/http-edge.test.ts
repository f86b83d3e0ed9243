/** Real HTTP on the loopback. */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ANSWER_BYTES_MAX, failureOf } from '../../src/delivery/flights.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Secret } from '../../src/lib/secret.ts';
import { testEndpoint } from '../support/deliver-world.ts';
import { edge, endpointAt, type Handler, receiver, REQUEST as request, timeout } from '../support/loopback.ts';
import { selfSigned } from '../support/self-signed.ts';

const answer = (code: number): Handler => {
  return (_request, response) => void response.writeHead(code).end();
};

test.each([200, 202, 204, 404, 410, 500])('an answer %i is the result', async (code) => {
  const port = await receiver(answer(code));
  expect(await edge().post(endpointAt(port), request)).toEqual({ kind: 'answer', status: code, retryAfter: null });
});

test('the request is a POST of the body, byte for byte, with exactly the documented headers', async () => {
  const seen: { line: string; headers: string[]; body: Buffer }[] = [];
  const port = await receiver((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const line = `${incoming.method} ${incoming.url}`;
      seen.push({ line, headers: incoming.rawHeaders, body: Buffer.concat(chunks) });
      response.end();
    });
  });
  await edge().post(endpointAt(port, { auth: { type: 'bearer', token: new Secret('tok') } }), request);
  const [post] = seen;
  expect(post?.line).toBe('POST /hooks?a=1');
  expect(post?.body).toEqual(request.body);
  const headers = new Map<string, string>();
  for (let i = 0; i < (post?.headers.length ?? 0); i += 2) {
    headers.set(post?.headers[i]?.toLowerCase() ?? '', post?.headers[i + 1] ?? '');
  }
  const timestamp = headers.get('webhook-timestamp') ?? '';
  expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(5);
  expect(Object.fromEntries(headers)).toEqual({
    host: `127.0.0.1:${port}`,
    connection: 'keep-alive',
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'lead-webhooks/1.2.3',
    authorization: 'Bearer tok',
    'webhook-id': 'orange-crm_138559_4294967297',
    'webhook-timestamp': timestamp,
    'lead-webhook-version': 'v3',
    'lead-webhook-revision': '4294967297',
    'lead-webhook-attempt': '2',
    'content-length': String(request.body.length),
  });
});

test('a redirect is an answer and is not followed', async () => {
  const paths: (string | undefined)[] = [];
  const port = await receiver((incoming, response) => {
    paths.push(incoming.url);
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  expect(await edge().post(endpointAt(port), request)).toMatchObject({ status: 307 });
  expect(paths).toEqual(['/hooks?a=1']);
});

test('Retry-After comes with the answer', async () => {
  const port = await receiver((_incoming, response) => void response.writeHead(503, { 'retry-after': '120' }).end());
  expect(await edge().post(endpointAt(port), request)).toEqual({ kind: 'answer', status: 503, retryAfter: '120' });
});

test('an informational answer before the final one is not the result', async () => {
  const port = await receiver((_incoming, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.writeHead(201).end();
  });
  expect(await edge().post(endpointAt(port), request)).toMatchObject({ status: 201 });
});

test('of a huge answer 16 KiB are read, then the connection is closed; the status counts', async () => {
  let written = 0;
  const closed = Promise.withResolvers<void>();
  const port = await receiver((_incoming, response) => {
    const chunk = Buffer.alloc(ANSWER_BYTES_MAX);
    const more = (): void => {
      while (!response.destroyed && written < 500 * chunk.length) {
        written += chunk.length;
        if (!response.write(chunk)) return;
      }
    };
    response.on('drain', more).on('close', () => closed.resolve());
    response.writeHead(200);
    more();
  });
  expect(await edge().post(endpointAt(port), request)).toMatchObject({ status: 200 });
  await closed.promise;
  expect(written).toBeLessThan(500 * ANSWER_BYTES_MAX);
});

test('a receiver that never answers ends in a timeout, and its connection is closed', async () => {
  const closed = Promise.withResolvers<void>();
  const port = await receiver((incoming) => void incoming.socket.on('close', () => closed.resolve()));
  const { limits } = timeout(100);
  const startedAt = Date.now();
  expect(await edge().post(endpointAt(port, { limits }), request)).toEqual({ kind: 'timeout' });
  expect(Date.now() - startedAt).toBeLessThan(2000);
  await closed.promise;
});

test.each([
  ['back', -3_600_000, 100],
  ['forward', 3_600_000, 60_000],
])('a wall clock that is set %s in the midst of an attempt makes it no longer', async (_, stepMs, timeoutMs) => {
  let aheadMs = 0;
  const port = await receiver(() => {
    aheadMs = stepMs;
  });
  const clock = { ...systemClock, now: () => Date.now() + aheadMs };
  const { limits } = timeout(timeoutMs);
  expect(await edge({ clock }).post(endpointAt(port, { limits }), request)).toEqual({ kind: 'timeout' });
  expect(aheadMs).toBe(stepMs);
});

test('headers that drip beyond the deadline are a timeout', async () => {
  const port = await receiver((incoming) => {
    incoming.socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => incoming.socket.write('x-drip: 1\r\n'), 20);
    incoming.socket.on('close', () => clearInterval(timer));
  });
  const { limits } = timeout(150);
  expect(await edge().post(endpointAt(port, { limits }), request)).toEqual({ kind: 'timeout' });
});

test('a body that drips beyond the deadline is cut off; the status that came in time stands', async () => {
  const closed = Promise.withResolvers<void>();
  const port = await receiver((_incoming, response) => {
    response.writeHead(200).write('.');
    const timer = setInterval(() => response.write('.'), 20);
    response.on('close', () => {
      clearInterval(timer);
      closed.resolve();
    });
  });
  const { limits } = timeout(150);
  expect(await edge().post(endpointAt(port, { limits }), request)).toMatchObject({ status: 200 });
  await closed.promise;
});

test('a refused connection is a network failure', async () => {
  const server = createServer();
  const port = await receiver(answer(200), server);
  await new Promise((resolve) => server.close(resolve));
  expect(await edge().post(endpointAt(port), request)).toEqual({ kind: 'network', code: 'ECONNREFUSED' });
});

test('a name that does not resolve is a dns failure', async () => {
  const url = new URL('http://no-such-host.invalid/');
  expect(await edge().post(testEndpoint({ url }), request)).toMatchObject({ kind: 'dns' });
});

test('connections are kept alive, one for requests in turn', async () => {
  const sockets = new Set<Socket>();
  const port = await receiver((incoming, response) => {
    sockets.add(incoming.socket);
    incoming.resume().on('end', () => response.end('thanks'));
  });
  const http = edge();
  const endpoint = endpointAt(port);
  for (let i = 0; i < 5; i += 1) await http.post(endpoint, request);
  expect(sockets.size).toBe(1);
});

test('a reused socket that dies before the answer is retried once at once, on a fresh one', async () => {
  const answers = new Map<Socket, number>();
  let requests = 0;
  const port = await receiver((incoming, response) => {
    requests += 1;
    const before = answers.get(incoming.socket) ?? 0;
    answers.set(incoming.socket, before + 1);
    if (before > 0) incoming.socket.destroy();
    else incoming.resume().on('end', () => response.end());
  });
  const http = edge();
  const endpoint = endpointAt(port);
  expect(await http.post(endpoint, request)).toMatchObject({ status: 200 });
  expect(await http.post(endpoint, request)).toMatchObject({ status: 200 });
  expect([requests, answers.size]).toEqual([3, 2]);
});

test('a fresh socket that dies before the answer is a network failure and is not retried', async () => {
  let requests = 0;
  const port = await receiver((incoming) => {
    requests += 1;
    incoming.socket.destroy();
  });
  expect(await edge().post(endpointAt(port), request)).toMatchObject({ kind: 'network' });
  expect(requests).toBe(1);
});

test('a certificate that nobody vouches for is refused, and accepted with the configured authority', async () => {
  const { cert, key } = selfSigned();
  let requests = 0;
  const handler: Handler = (_incoming, response) => {
    requests += 1;
    response.end();
  };
  const port = await receiver(handler, createTlsServer({ cert, key }) as unknown as Server);
  const url = new URL(`https://127.0.0.1:${port}/`);
  const refused = await edge().post(testEndpoint({ url }), request);
  expect(refused).toMatchObject({ kind: 'tls' });
  expect(requests).toBe(0);
  const trusting = testEndpoint({ url, tls: { ca: cert, cert: null, key: null } });
  expect(await edge().post(trusting, request)).toMatchObject({ status: 200 });
});

test('a client certificate is presented where one is configured', async () => {
  const { cert, key } = selfSigned();
  const server = createTlsServer({ cert, key, ca: cert, requestCert: true, rejectUnauthorized: true });
  const port = await receiver(answer(204), server as unknown as Server);
  const url = new URL(`https://127.0.0.1:${port}/`);
  const withCert = testEndpoint({ url, tls: { ca: cert, cert, key: new Secret(key) } });
  expect(await edge().post(withCert, request)).toMatchObject({ status: 204 });
  const without = testEndpoint({ url, tls: { ca: cert, cert: null, key: null } });
  expect((await edge().post(without, request)).kind).not.toBe('answer');
});

test('when a definition changes, requests under way still end, and the next one takes the new definition', async () => {
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const seen: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const port = await receiver((incoming, response) => {
    seen.push(incoming.headers.authorization);
    sockets.add(incoming.socket);
    arrived.resolve();
    void answer.promise.then(() => response.end());
  });
  const http = edge();
  const [before, after] = ['old', 'new'].map((token) =>
    endpointAt(port, { auth: { type: 'bearer', token: new Secret(token) } }),
  );
  if (!before || !after) return expect.unreachable();
  const result = http.post(before, request);
  await arrived.promise;
  http.keepOnly([after]);
  answer.resolve();
  expect(await result).toMatchObject({ status: 200 });
  expect(await http.post(after, request)).toMatchObject({ status: 200 });
  expect([seen, sockets.size]).toEqual([['Bearer old', 'Bearer new'], 2]);
});

test('closing the edge ends what is under way, and nothing goes out any more', async () => {
  const arrived = Promise.withResolvers<void>();
  let requests = 0;
  const port = await receiver(() => {
    requests += 1;
    arrived.resolve();
  });
  const http = edge();
  const endpoint = endpointAt(port);
  const result = http.post(endpoint, request);
  await arrived.promise;
  http.close();
  expect(await result).toMatchObject({ kind: 'network' });
  expect(await http.post(endpoint, request)).toEqual({ kind: 'network', code: 'EDGE_CLOSED' });
  expect(requests).toBe(1);
});

test.each([
  ['ECONNRESET', 'network'],
  ['EHOSTUNREACH', 'network'],
  ['UND_ERR_SOCKET', 'network'],
  ['ETIMEDOUT', 'timeout'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
  ['EPROTO', 'tls'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
])('an error with code %s is a failure of kind %s', (code, kind) => {
  expect(failureOf(Object.assign(new Error('text with an address'), { code }))).toMatchObject({ kind });
});

test('an error without a code is a network failure under its name, never its text', () => {
  expect(failureOf(new TypeError('secret'))).toEqual({ kind: 'network', code: 'TypeError' });
});

test('a request whose leave was withdrawn while its connection was made is withheld: the receiver sees nothing of it', async () => {
  let requests = 0;
  const port = await receiver((incoming, response) => {
    requests += 1;
    incoming.resume().on('end', () => response.end());
  });
  let asked = 0;
  const permitted = (): boolean => {
    asked += 1;
    return false;
  };
  const http = edge();
  const endpoint = endpointAt(port);
  expect(await http.post(endpoint, { ...request, permitted })).toEqual({ kind: 'withheld' });
  expect(await http.post(endpoint, { ...request, permitted: () => true })).toMatchObject({ status: 200 });
  expect(await http.post(endpoint, { ...request, permitted })).toEqual({ kind: 'withheld' });
  expect([requests, asked]).toEqual([1, 2]);
});

test('a request that may have arrived and must not be repeated is unheard of: neither withheld nor a failure of the receiver', async () => {
  const answered = new Set<Socket>();
  const port = await receiver((incoming, response) => {
    if (answered.has(incoming.socket)) incoming.socket.destroy();
    else incoming.resume().on('end', () => response.end());
    answered.add(incoming.socket);
  });
  const http = edge();
  const endpoint = endpointAt(port);
  await http.post(endpoint, request);
  let asked = 0;
  const permitted = (): boolean => {
    asked += 1;
    return asked === 1;
  };
  const result = await http.post(endpoint, { ...request, permitted });
  expect([result, asked, answered.size]).toEqual([{ kind: 'unheard' }, 2, 1]);
});
