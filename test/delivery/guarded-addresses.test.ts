/** The guard at work: which sockets the edge opens, with receivers on the loopback and names that the test resolves. */
import type { LookupAddress } from 'node:dns';
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { expect, test } from 'vitest';
import { edge, endpointAt, KeptLog, REQUEST, receiver } from '../support/loopback.ts';
import { selfSigned } from '../support/self-signed.ts';

const REFUSED = { kind: 'address', code: 'refused' };
const found = (...addresses: string[]): LookupAddress[] => {
  return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
};

interface Counting {
  readonly port: number;
  requests: number;
  readonly sockets: Set<Socket>;
  readonly hosts: (string | undefined)[];
}

async function counting(): Promise<Counting> {
  const counts = { requests: 0, sockets: new Set<Socket>(), hosts: [] as (string | undefined)[] };
  const port = await receiver((request, response) => {
    counts.requests += 1;
    counts.sockets.add(request.socket);
    counts.hosts.push(request.headers.host);
    request.resume().on('end', () => response.end());
  });
  return Object.assign(counts, { port });
}

test.each([
  '127.0.0.1',
  '127.1',
  '127.0.0.1.',
  '2130706433',
  '0x7f000001',
  '0x7f.0x0.0x0.0x1',
  '0177.0.0.1',
  '017700000001',
  '0',
  '\uff11\uff12\uff17.0.0.1',
  '\u2460\u2461\u2466.\u24ea.\u24ea.\u2460',
  '127%2e0%2e0%2e1',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::127.0.0.1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[64:ff9b::127.0.0.1]',
  '[2002:7f00:1::]',
])('a literal of this machine is refused however it is spelt: %s', async (host) => {
  const server = await counting();
  const nobody = async (): Promise<never> => expect.unreachable('a literal needs no resolver');
  const endpoint = endpointAt(server.port, { allow: { addresses: [] } }, host);
  expect(await edge({ resolve: nobody }).post(endpoint, REQUEST)).toEqual(REFUSED);
  expect(server.requests).toBe(0);
});

test.each(['localhost', 'LOCALHOST'])('the name %s is refused by what it means on this machine', async (host) => {
  const server = await counting();
  expect(await edge().post(endpointAt(server.port, { allow: { addresses: [] } }, host), REQUEST)).toEqual(REFUSED);
  expect(server.requests).toBe(0);
});

test.each([
  [['10.0.0.1']],
  [['127.0.0.1']],
  [['169.254.169.254']],
  [['::ffff:127.0.0.1']],
  [['64:ff9b::7f00:1']],
  [['2002:7f00:1::1']],
  [['2001:0:7f00:1::1']],
  [['fd00:ec2::254']],
  [['8.8.8.8', '127.0.0.1']],
  [['127.0.0.1', '2606:4700::1111']],
  [['8.8.8.8', 'fe80::1%lo']],
])('an answer of the resolver with one address that is not allowed is refused whole: %j', async (addresses) => {
  const server = await counting();
  const http = edge({ resolve: async () => found(...addresses) });
  const endpoint = endpointAt(server.port, { allow: { addresses: [] } }, 'hooks.example');
  expect(await http.post(endpoint, REQUEST)).toEqual(REFUSED);
  expect(server.requests).toBe(0);
});

test('a platform address is refused though everything is allowed', async () => {
  const http = edge({ resolve: async () => found('169.254.169.254') });
  const endpoint = endpointAt(80, { allow: { addresses: ['0.0.0.0/0', '::/0'] } }, 'metadata.example');
  expect(await http.post(endpoint, REQUEST)).toEqual(REFUSED);
});

test('a name is resolved once per socket, what was vetted is dialled, and keep-alive stays on', async () => {
  const server = await counting();
  const names: string[] = [];
  const resolve = async (name: string): Promise<LookupAddress[]> => {
    names.push(name);
    return found('127.0.0.1');
  };
  const http = edge({ resolve });
  const endpoint = endpointAt(server.port, {}, 'hooks.example');
  for (let i = 0; i < 3; i += 1) expect(await http.post(endpoint, REQUEST)).toMatchObject({ status: 200 });
  expect([names, server.sockets.size]).toEqual([['hooks.example'], 1]);
  expect(server.hosts).toEqual(new Array(3).fill(`hooks.example:${server.port}`));
});

test('a name that changes its meaning gets nothing: each new socket is vetted anew', async () => {
  const server = await counting();
  const answers = ['127.0.0.1', '127.0.0.2'];
  const http = edge({ resolve: async () => found(answers.shift() ?? expect.unreachable('resolved too often')) });
  const endpoint = endpointAt(server.port, {}, 'rebind.example');
  expect(await http.post(endpoint, REQUEST)).toMatchObject({ status: 200 });
  for (const socket of server.sockets) socket.destroy();
  expect(await http.post(endpoint, REQUEST)).toEqual(REFUSED);
  expect(server.requests).toBe(1);
});

test('over TLS the certificate is asked for and checked by the name of the URL, not by the address that is dialled', async () => {
  const { cert, key } = selfSigned(); // for 127.0.0.1
  const names: string[] = [];
  let requests = 0;
  const SNICallback = (name: string, done: (error: null, context: SecureContext) => void): void => {
    names.push(name);
    done(null, createSecureContext({ cert, key }));
  };
  const port = await receiver(
    (_request, response) => {
      requests += 1;
      response.end();
    },
    createTlsServer({ cert, key, SNICallback }) as unknown as Server,
  );
  const url = new URL(`https://hooks.example:${port}/`);
  const tls = { ca: cert, cert: null, key: null };
  const http = edge({ resolve: async () => found('127.0.0.1') });
  const result = await http.post(endpointAt(port, { url, tls }), REQUEST);
  expect(result).toEqual({ kind: 'tls', code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  expect([names, requests]).toEqual([['hooks.example'], 0]);
});

test('of several allowed addresses the next one is tried when one does not answer', async () => {
  const server = await counting();
  const http = edge({ resolve: async () => found('127.0.0.9', '127.0.0.1') });
  const endpoint = endpointAt(server.port, { allow: { addresses: ['127.0.0.0/8'] } }, 'hooks.example');
  expect(await http.post(endpoint, REQUEST)).toMatchObject({ status: 200 });
});

test('a resolver without an answer, and one that fails, are failures of the name', async () => {
  const endpoint = endpointAt(80, {}, 'hooks.example');
  expect(await edge({ resolve: async () => [] }).post(endpoint, REQUEST)).toEqual({ kind: 'dns', code: 'ENOTFOUND' });
  const failing = async (): Promise<never> => {
    throw Object.assign(new Error('no'), { code: 'EAI_AGAIN' });
  };
  expect(await edge({ resolve: failing }).post(endpoint, REQUEST)).toEqual({ kind: 'dns', code: 'EAI_AGAIN' });
});

test('attempts at a name whose resolver hangs end by their deadline', async () => {
  const http = edge({ resolve: () => new Promise<never>(() => undefined) });
  const limits = { ...endpointAt(80).limits, timeoutMs: 200 };
  const endpoint = endpointAt(80, { limits }, 'hooks.example');
  const results = await Promise.all([1, 2, 3, 4].map(() => http.post(endpoint, REQUEST)));
  expect(results).toEqual(new Array(4).fill({ kind: 'timeout' }));
});

test('a refused address is told once for as long as it stays the same, with the endpoint and why', async () => {
  const log = new KeptLog();
  const answers = ['10.0.0.1', '10.0.0.1', '10.0.0.2'];
  const http = edge({ log, resolve: async () => found(answers.shift() ?? '10.0.0.2') });
  const endpoint = endpointAt(80, { allow: { addresses: [] } }, 'hooks.example');
  for (let i = 0; i < 3; i += 1) await http.post(endpoint, REQUEST);
  expect(log.lines.map(({ level, fields }) => [level, fields])).toEqual(
    ['10.0.0.1', '10.0.0.2'].map((address) => {
      const fields = {
        event: 'address_refused',
        endpoint: 'orange-crm',
        host: 'hooks.example',
        address,
        refusal: 'private',
      };
      return ['warn', fields];
    }),
  );
});
