/** The code in the documents, run as it stands there: against our own signatures, our own requests over real HTTP, and the revision rule. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { parseEndpoints } from '../../src/delivery/endpoints.ts';
import { HttpEdge } from '../../src/delivery/http-edge.ts';
import { RequestHeaders } from '../../src/delivery/request-headers.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Secret } from '../../src/lib/secret.ts';
import { testEndpoint } from '../support/deliver-world.ts';
import { type Block, blocksOf, DOCUMENTS } from '../support/documents.ts';

const JS: readonly Block[] = DOCUMENTS.flatMap(blocksOf).filter(({ language }) => language === 'js');
const SECRETS = [1, 2].map((fill) => `whsec_${Buffer.alloc(32, fill).toString('base64')}`);
const NOW_MS = 1_750_000_000_000;

/** The one block that exports `name`. */
function codeOf(name: string): string {
  return JS.find(({ text }) => text.includes(`export function ${name}(`))?.text ?? '';
}

async function sample<T>(name: string): Promise<T> {
  const module = await import(`data:text/javascript,${encodeURIComponent(codeOf(name))}`);
  return module[name] as T;
}

type IsSigned = (headers: Record<string, unknown>, body: Buffer, secret: string, nowSeconds?: number) => boolean;

const BODY = Buffer.from('{"id":138559,"name":"Zoë"}');
const REQUEST = { leadId: '138559', version: 'v3', revision: 12, attempt: 1, body: BODY };

function signedHeaders(body: Buffer = BODY, nowMs = NOW_MS): Record<string, string> {
  const endpoint = testEndpoint({ signing: SECRETS.map((text) => new Secret(text)) });
  const flat = new RequestHeaders(endpoint, '1.0.0').of({ ...REQUEST, body }, nowMs);
  return Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])));
}

test('every code sample is one that is run here', () => {
  const names = JS.flatMap(({ text }) => [...text.matchAll(/export function (\w+)\(/g)].map(([, name]) => name));
  expect(names.toSorted()).toEqual(['isSigned', 'keepNewest', 'receiver']);
  expect(JS).toHaveLength(names.length);
});

test('the sample verifies our signatures, with either secret while two are in use', async () => {
  const isSigned = await sample<IsSigned>('isSigned');
  for (const secret of SECRETS) expect(isSigned(signedHeaders(), BODY, secret, NOW_MS / 1000)).toBe(true);
});

test('the sample refuses another body, id, secret or time, and a request without a signature', async () => {
  const isSigned = await sample<IsSigned>('isSigned');
  const headers = signedHeaders();
  const [secret = ''] = SECRETS;
  const now = NOW_MS / 1000;
  expect(isSigned(headers, Buffer.from('{}'), secret, now)).toBe(false);
  expect(isSigned({ ...headers, 'webhook-id': 'crm_1_1' }, BODY, secret, now)).toBe(false);
  expect(isSigned({ ...headers, 'webhook-timestamp': String(now + 1) }, BODY, secret, now)).toBe(false);
  expect(isSigned(headers, BODY, `whsec_${Buffer.alloc(32, 3).toString('base64')}`, now)).toBe(false);
  expect(isSigned(headers, BODY, secret, now + 301)).toBe(false);
  expect(isSigned({ ...headers, 'webhook-signature': undefined }, BODY, secret, now)).toBe(false);
  expect(isSigned({ ...headers, 'webhook-signature': 'v1,AAAA' }, BODY, secret, now)).toBe(false);
  expect(isSigned({}, BODY, secret, now)).toBe(false);
});

type Leads = Map<number, { id: string; revision: bigint; lead: unknown }>;
type MakeReceiver = (leads: Leads, isGenuine: (headers: object, body: Buffer) => boolean) => Server & RequestListener;

test('the sample receiver takes our requests, answers 2xx to what is old, and keeps the newest', async () => {
  const makeReceiver = await sample<MakeReceiver>('receiver');
  const isSigned = await sample<IsSigned>('isSigned');
  const leads: Leads = new Map();
  const [secret = ''] = SECRETS;
  const server = makeReceiver(leads, (headers, body) => isSigned({ ...headers }, body, secret));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const edge = new HttpEdge({ clock: systemClock, log: silentLog }, { productVersion: '1.0.0' });
  onTestFinished(async () => {
    edge.close();
    server.close();
    await once(server, 'close');
  });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const endpoint = testEndpoint({ url, signing: [new Secret(secret)] });
  const send = (revision: number, name: string) =>
    edge.post(endpoint, { ...REQUEST, revision, body: Buffer.from(`{"id":138559,"name":"${name}"}`) });

  for (const [revision, name] of [
    [1, 'a'],
    [2, 'b'],
    [1, 'a'],
    [2 ** 32 + 1, 'c'],
    [3, 'b2'],
  ] as const) {
    expect(await send(revision, name)).toMatchObject({ kind: 'answer', status: 204 });
  }
  const newest = { id: 'crm_138559_4294967297', revision: 4294967297n, lead: { id: 138559, name: 'c' } };
  expect(leads.get(138559)).toEqual(newest);
  // The same id again changes nothing, whatever it brings, and neither does a trial of an operator.
  expect(await send(2 ** 32 + 1, 'repeated')).toMatchObject({ status: 204 });
  const trial = { onBody: () => {} };
  const body = Buffer.from('{"id":138559,"name":"sample"}');
  expect(await edge.post(endpoint, { ...REQUEST, revision: 2 ** 33, body, trial })).toMatchObject({ status: 204 });
  expect(leads.get(138559)).toEqual(newest);
  expect(await edge.post(testEndpoint({ url }), REQUEST)).toMatchObject({ kind: 'answer', status: 401 });
});

/** Both samples in a process of their own, which ends as Node ends programs when something is not handled. */
async function runningReceiver() {
  const program = `${codeOf('isSigned')}${codeOf('receiver')}
    const server = receiver(new Map(), (headers, body) => isSigned(headers, body, process.argv[1]));
    server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, SECRETS[0] ?? ''], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const [port] = await Promise.race([once(child.stdout, 'data'), ended]);
  const stop = (): Promise<unknown[]> => {
    child.kill('SIGTERM');
    return ended;
  };
  return { port: Number(port), stop };
}

/** A sender that goes away in the middle of the body, when the receiver has begun to read it. */
async function breakOff(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const closed = once(socket, 'close');
  socket.write('POST / HTTP/1.1\r\nhost: crm\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n');
  const [begun] = await once(socket, 'data');
  expect(String(begun)).toMatch(/^HTTP\/1\.1 100 /);
  socket.write('{"id":');
  socket.resetAndDestroy();
  await closed;
}

test('the sample receiver outlives senders that break off, and answers rubbish and missing headers', async () => {
  const { port, stop } = await runningReceiver();
  const post = async (body: Buffer, headers: Record<string, string>): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: new Uint8Array(body), headers })).status;
  const signed = (text: string, without = 'nothing') => {
    const body = Buffer.from(text);
    const { [without]: _, ...headers } = signedHeaders(body, Date.now());
    return post(body, headers);
  };
  for (let round = 0; round < 3; round++) {
    await breakOff(port);
    expect(await signed('{"id":138559}')).toBe(204);
  }
  for (const rubbish of ['', '{"id":', 'null', '5', '{}', '[]']) expect(await signed(rubbish), rubbish).toBe(400);
  expect(await signed('{"id":138559}', 'lead-webhook-revision')).toBe(400);
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature'])
    expect(await signed('{"id":138559}', name), name).toBe(401);
  expect(await post(Buffer.from('{"id":138559}'), {})).toBe(401);
  expect(await signed(`{"id":${' '.repeat(2 ** 20)}138559}`)).toBe(413);
  expect(await signed('{"id":138559}')).toBe(204);
  // It was there to be stopped: the signal ended it, not a fault.
  expect(await stop()).toEqual([null, 'SIGTERM']);
});

interface OutboundSample {
  key: string;
  value: Buffer;
  headers: Record<string, string>;
}
type KeepNewest = (newest: Map<string, { body: string }>, record: OutboundSample) => boolean;

test('the revision rule takes and drops what its example says, framed or plain', async () => {
  const keepNewest = await sample<KeepNewest>('keepNewest');
  const payloads = DOCUMENTS.find(({ path }) => path === 'docs/payloads.md')?.text ?? '';
  const example = [...payloads.matchAll(/^\| \d+ \| `(\d+)` \| .*?(take|drop) it \|$/gm)];
  expect(example).toHaveLength(5);
  for (const frame of [[], [0, 0, 0, 0, 7]]) {
    const newest = new Map<string, { body: string }>();
    const tell = (version: string, revision = ''): boolean =>
      keepNewest(newest, {
        key: '138559',
        value: Buffer.concat([Buffer.from(frame), Buffer.from(`{"revision":"${revision}"}`)]),
        headers: { version, revision },
      });
    for (const [row, revision, verdict] of example) expect(tell('v3', revision), row).toBe(verdict === 'take');
    expect(newest.get('138559|v3')?.body).toBe(`{"revision":"${example.at(-1)?.[1]}"}`);
    expect(tell('v1', '1')).toBe(true);
  }
});

test('every endpoints file in the documents is valid', () => {
  const files = DOCUMENTS.flatMap(blocksOf).filter(({ text }) => text.startsWith('endpoints:'));
  expect(files.length).toBeGreaterThan(1);
  const secrets = { env: () => SECRETS[0] ?? null, file: () => null };
  for (const { path, text } of files) {
    const { endpoints, mistakes } = parseEndpoints(text, { secrets, emittedVersions: ['v1', 'v2', 'v3'] });
    expect(mistakes, path).toEqual([]);
    expect(endpoints, path).toHaveLength(1);
  }
});
