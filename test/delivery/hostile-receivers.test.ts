/**
 * What a hostile or broken receiver may do to a sender, each trick played by a real server on the loopback. Whatever it does, the
 * attempt ends in its time, with little memory, and nothing goes where it should not.
 */
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { ANSWER_BYTES_MAX } from '../../src/delivery/flights.ts';
import { Secret } from '../../src/lib/secret.ts';
import { edge, endpointAt, REQUEST, rawReceiver, receiver, timeout } from '../support/loopback.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';

test.each([301, 302, 303, 307, 308])('a redirect with %i is not followed', async (code) => {
  let elsewhere = 0;
  const other = await receiver((_request, response) => {
    elsewhere += 1;
    response.end();
  });
  let requests = 0;
  const port = await receiver((_request, response) => {
    requests += 1;
    response.writeHead(code, { location: `http://127.0.0.1:${other}/` }).end();
  });
  expect(await edge().post(endpointAt(port), REQUEST)).toMatchObject({ kind: 'answer', status: code });
  expect([requests, elsewhere]).toEqual([1, 0]);
});

test('a gzip bomb stays packed: nothing asks for compression, nothing is unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
  expect(bomb.length).toBeLessThan(ANSWER_BYTES_MAX);
  const asked: (string | undefined)[] = [];
  const port = await receiver((request, response) => {
    asked.push(request.headers['accept-encoding'] as string | undefined);
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
  });
  expect(await edge().post(endpointAt(port), REQUEST)).toMatchObject({ status: 200 });
  expect(asked).toEqual([undefined]);
});

test('a body without an end is cut off, at the latest by the limit of bytes', async () => {
  let written = 0;
  const port = await rawReceiver((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    const more = (): void => {
      while (!socket.destroyed && socket.write(chunk)) written += 1;
    };
    socket.on('drain', more);
    more();
  });
  expect(await edge().post(endpointAt(port), REQUEST)).toMatchObject({ status: 200 });
  expect(written).toBeLessThan(1000);
});

test('a flood of headers ends the connection, as a failure of the network', async () => {
  const port = await rawReceiver((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const more = (): void => {
      while (!socket.destroyed && socket.write(`x-flood: ${'x'.repeat(1000)}\r\n`));
    };
    socket.on('drain', more);
    more();
  });
  expect(await edge().post(endpointAt(port), REQUEST)).toEqual({ kind: 'network', code: 'UND_ERR_HEADERS_OVERFLOW' });
});

test('a flood of 103 answers does not extend the deadline', async () => {
  const closed = Promise.withResolvers<void>();
  const port = await rawReceiver((socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'), 10);
    socket.on('close', () => {
      clearInterval(timer);
      closed.resolve();
    });
  });
  expect(await edge().post(endpointAt(port, timeout(200)), REQUEST)).toEqual({ kind: 'timeout' });
  await closed.promise;
});

test.each([
  ['an answer that is no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
  ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
])('%s is a failure of the network', async (_what, bytes) => {
  const port = await rawReceiver((socket) => void socket.write(bytes));
  expect(await edge().post(endpointAt(port), REQUEST)).toMatchObject({ kind: 'network' });
});

test('what a receiver sends unasked after its answer answers no later request', async () => {
  let connections = 0;
  const port = await rawReceiver((socket) => {
    connections += 1;
    socket.write(connections === 1 ? OK + OK.replace('200', '299') : OK);
  });
  const http = edge();
  const endpoint = endpointAt(port);
  expect(await http.post(endpoint, REQUEST)).toMatchObject({ status: 200 });
  expect(await http.post(endpoint, REQUEST)).toMatchObject({ status: 200 });
});

test('a reset before the answer on a reused socket is made good once, by the same request on a fresh one', async () => {
  const bodies: string[] = [];
  let connections = 0;
  const port = await rawReceiver((socket: Socket) => {
    connections += 1;
    socket.write(OK);
    socket.on('data', (bytes) => {
      bodies.push(bytes.toString());
      socket.resetAndDestroy();
    });
  });
  const http = edge();
  const endpoint = endpointAt(port);
  expect(await http.post(endpoint, REQUEST)).toMatchObject({ status: 200 });
  expect(await http.post(endpoint, REQUEST)).toMatchObject({ status: 200 });
  expect([connections, bodies.length > 0]).toEqual([2, true]);
});

test.each(['a\r\nx-evil: 1', 'a\nb', 'a\0b'])(
  'a token that would break out of its header is never sent: %j',
  async (token) => {
    let requests = 0;
    const port = await receiver((_request, response) => {
      requests += 1;
      response.end();
    });
    const auth = { type: 'bearer', token: new Secret(token) } as const;
    expect((await edge().post(endpointAt(port, { auth }), REQUEST)).kind).toBe('network');
    expect(requests).toBe(0);
  },
);

test('a path with blanks and line ends goes out as one encoded line', async () => {
  const seen: (string | undefined)[] = [];
  const port = await receiver((request, response) => {
    seen.push(request.url);
    response.end();
  });
  const url = new URL(`http://127.0.0.1:${port}/a b\r\nx: y?q=\u00e9 z`);
  expect(await edge().post(endpointAt(port, { url }), REQUEST)).toMatchObject({ status: 200 });
  expect(seen).toEqual(['/a%20bx:%20y?q=%C3%A9%20z']);
});

test('an upgrade that nobody asked for is no delivery', async () => {
  const port = await rawReceiver((socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  });
  const result = await edge().post(endpointAt(port, timeout(300)), REQUEST);
  expect(result.kind).not.toBe('answer');
});
