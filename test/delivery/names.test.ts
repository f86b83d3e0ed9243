/** Names asked of a real DNS server on the loopback; files of hosts and resolv.conf are real files of the test's own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { candidatesOf, hostAddresses, Names, searchRules } from '../../src/delivery/names.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { edge, endpointAt, REQUEST, receiver } from '../support/loopback.ts';
import { type Answer, type NameServer, nameServer } from '../support/name-server.ts';

const KUBERNETES =
  'nameserver 10.0.0.10\nsearch web.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n';

/** Its waits never end, so both families are awaited, on a slow machine too. */
const NEVER: Pick<Clock, 'after'> = { after: () => () => undefined };

interface World {
  readonly names: Names;
  readonly server: NameServer;
  write(file: 'hosts' | 'resolv.conf', text: string): void;
}

async function world(
  answers: Record<string, Answer>,
  files: { hosts?: string; resolvConf?: string } = {},
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'names-'));
  const write: World['write'] = (file, text) => writeFileSync(join(folder, file), text);
  if (files.hosts !== undefined) write('hosts', files.hosts);
  if (files.resolvConf !== undefined) write('resolv.conf', files.resolvConf);
  const server = await nameServer((name) => answers[name] ?? []);
  const options = { hostsFile: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') };
  const names = new Names(NEVER, { ...options, servers: [server.address] });
  onTestFinished(() => {
    names.cancel();
    rmSync(folder, { recursive: true });
  });
  return { names, server, write };
}

const silent = (count: number): string[] => Array.from({ length: count }, (_, at) => `silent${at}.test`);

test('endpoints whose names nobody answers delay no other endpoint, however many they are', async () => {
  const hanging = silent(8);
  const answers = Object.fromEntries(hanging.map((name) => [name, 'silence' as const]));
  const { names, server } = await world({ ...answers, 'good.test': ['127.0.0.1'] });
  const port = await receiver((_request, response) => void response.end());
  const http = edge({ resolve: names.resolve });
  let ended = 0;
  const posts = hanging.map(async (host) => {
    const result = await http.post(endpointAt(port, {}, host), REQUEST);
    ended += 1;
    return result;
  });
  await expect.poll(() => hanging.every((name) => server.asked.includes(name))).toBe(true);
  expect(await http.post(endpointAt(port, {}, 'good.test'), REQUEST)).toMatchObject({ status: 200 });
  expect(ended).toBe(0);
  http.close();
  await Promise.all(posts);
});

test('all addresses of a name are told, of both families, whatever one of the two fails with', async () => {
  const { names } = await world({ 'both.test': ['::1', '127.0.0.1', '127.0.0.2'], 'six.test': ['::2'] });
  expect(await names.resolve('both.test')).toEqual([
    { address: '127.0.0.1', family: 4 },
    { address: '127.0.0.2', family: 4 },
    { address: '::1', family: 6 },
  ]);
  expect(await names.resolve('six.test')).toEqual([{ address: '::2', family: 6 }]);
});

test.each([
  ['none.test', 'ENOTFOUND'],
  ['broken.test', 'ESERVFAIL'],
  [`${'a'.repeat(64)}.test`, 'ENOTFOUND'],
])('a name without addresses fails as one, %s with %s', async (name, code) => {
  const { names } = await world({ 'broken.test': 'servfail' });
  const http = edge({ resolve: names.resolve });
  expect(await http.post(endpointAt(80, {}, name), REQUEST)).toEqual({ kind: 'dns', code });
});

test('a name server that nobody runs is a failure of the name, not of the receiver', async () => {
  const names = new Names(NEVER, { servers: ['127.0.0.1:1'], hostsFile: '/nowhere', resolvConf: '/nowhere' });
  const http = edge({ resolve: names.resolve });
  const result = await http.post(endpointAt(80, {}, 'crm.test'), REQUEST);
  expect(result).toEqual({ kind: 'dns', code: 'ECONNREFUSED' });
});

test('the file of hosts comes first and is read anew, and localhost needs neither it nor a server', async () => {
  const { names, server, write } = await world({ 'crm.test': ['127.0.0.9'] }, { hosts: '127.0.0.5 crm.test # ours\n' });
  expect(await names.resolve('crm.test.')).toEqual([{ address: '127.0.0.5', family: 4 }]);
  expect((await names.resolve('localhost')).map(({ address }) => address)).toEqual(['127.0.0.1', '::1']);
  expect(server.asked).toEqual([]);
  write('hosts', '');
  expect(await names.resolve('crm.test')).toEqual([{ address: '127.0.0.9', family: 4 }]);
});

test('a service of the cluster is found by the search list, and a changed list is in effect at once', async () => {
  const { names, write } = await world({ 'crm.web.svc.cluster.local': ['127.0.0.7'] }, { resolvConf: KUBERNETES });
  expect(await names.resolve('crm')).toEqual([{ address: '127.0.0.7', family: 4 }]);
  expect(await names.resolve('crm.web.svc')).toEqual([{ address: '127.0.0.7', family: 4 }]);
  await expect(names.resolve('crm.')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  write('resolv.conf', 'search elsewhere.test\n');
  await expect(names.resolve('crm')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

test('in the search list a domain whose server fails is passed over, and silence gives the name no other meaning', async () => {
  const resolvConf = 'search first.test second.test\n';
  const second = { 'crm.second.test': ['127.0.0.7'] };
  const failing = await world({ ...second, 'crm.first.test': 'servfail' }, { resolvConf });
  expect(await failing.names.resolve('crm')).toEqual([{ address: '127.0.0.7', family: 4 }]);
  const silentOne = await world({ ...second, 'crm.first.test': 'silence' }, { resolvConf });
  const asking = silentOne.names.resolve('crm');
  await expect.poll(() => silentOne.server.asked.length).toBeGreaterThan(0);
  silentOne.names.cancel();
  await expect(asking).rejects.toMatchObject({ code: 'ECANCELLED' });
  expect(new Set(silentOne.server.asked)).toEqual(new Set(['crm.first.test']));
});

/** Names of these servers alone, with a clock whose waits end at once, as if they were long. */
function namesOf(servers: readonly NameServer[]): { names: Names; waits: number[] } {
  const waits: number[] = [];
  const after: Clock['after'] = (delayMs, callback) => {
    waits.push(delayMs);
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  };
  const addresses = servers.map(({ address }) => address);
  const names = new Names({ after }, { servers: addresses, hostsFile: '/nowhere', resolvConf: '/nowhere' });
  onTestFinished(() => names.cancel());
  return { names, waits };
}

test.each(['servfail', 'refused', 'notimp'] as const)(
  'a name server that says %s is followed by the next one, and so is one that nobody runs',
  async (said) => {
    const unable = await nameServer(() => said);
    const able = await nameServer((name) => (name === 'crm.test' ? ['127.0.0.1'] : []));
    const { names } = namesOf([unable, { address: '127.0.0.1:1', asked: [] }, able]);
    expect(await names.resolve('crm.test')).toEqual([{ address: '127.0.0.1', family: 4 }]);
    await expect(names.resolve('none.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    expect(unable.asked).toContain('none.test');
  },
);

test('that there is no such name is an answer, and no other server is asked', async () => {
  const first = await nameServer(() => []);
  const second = await nameServer(() => ['127.0.0.1']);
  await expect(namesOf([first, second]).names.resolve('crm.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  expect(first.asked).toEqual(['crm.test', 'crm.test']); // A and AAAA
  const unable = await nameServer(() => 'servfail');
  await expect(namesOf([unable, first, second]).names.resolve('crm.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  expect(second.asked).toEqual([]);
});

test('when no server can tell, the name fails as the last one says', async () => {
  const { names } = namesOf([await nameServer(() => 'servfail'), await nameServer(() => 'refused')]);
  await expect(names.resolve('crm.test')).rejects.toMatchObject({ code: 'EREFUSED' });
});

test.each([
  [4, '127.0.0.1'],
  [6, '::1'],
] as const)('addresses of IPv%i wait for those of the other family for a moment only', async (answered, address) => {
  const server = await nameServer((_name, family) => (family === answered ? [address] : 'silence'));
  const { names, waits } = namesOf([server]);
  expect(await names.resolve('crm.test')).toEqual([{ address, family: answered }]);
  expect(waits).toEqual([250]);
  expect(server.asked.length).toBeLessThan(1 + 4); // the silent family was not given all its tries
});

test('a name is asked for once while an answer is awaited, and again when it is needed again, however long it would count', async () => {
  const { names, server } = await world({ 'crm.test': ['127.0.0.1'] });
  await Promise.all([names.resolve('crm.test'), names.resolve('crm.test'), names.resolve('crm.test')]);
  expect(server.asked).toEqual(['crm.test', 'crm.test']); // A and AAAA
  await names.resolve('crm.test');
  expect(server.asked).toHaveLength(4);
});

test.each([
  ['crm', ['crm.a.test', 'crm.b.test', 'crm']],
  ['crm.svc', ['crm.svc.a.test', 'crm.svc.b.test', 'crm.svc']],
  ['hooks.crm.example', ['hooks.crm.example', 'hooks.crm.example.a.test', 'hooks.crm.example.b.test']],
  ['crm.', ['crm']],
])('%s is looked for as %j where two dots make a name look whole', (name, candidates) => {
  expect(candidatesOf(name, { domains: ['a.test', 'b.test.', '.'], ndots: 2 })).toEqual(candidates);
});

test.each([
  ['', { domains: [], ndots: 1 }],
  [KUBERNETES, { domains: ['web.svc.cluster.local', 'svc.cluster.local', 'cluster.local'], ndots: 5 }],
  ['domain a.test b.test\r\noptions rotate ndots:99 ndots:x\r\n', { domains: ['a.test'], ndots: 15 }],
  ['search a.test\n# search b.test\nsearch c.test ; d.test\n', { domains: ['c.test'], ndots: 1 }],
])('resolv.conf %j means %j', (text, rules) => {
  expect(searchRules(text)).toEqual(rules);
});

test('a file of hosts may have comments, blanks, tabs, several names of an address and lines that mean nothing', () => {
  const text = '# 127.0.0.2 crm\n\n::5\tCRM  other\r\n127.0.0.3 other crm\nnonsense crm\n127.0.0.4 crm.example\n';
  expect(hostAddresses(text, 'crm').map(({ address }) => address)).toEqual(['127.0.0.3', '::5']);
  expect(hostAddresses(text, 'nobody')).toEqual([]);
  expect(hostAddresses('127.0.0.8 localhost\n', 'localhost')).toEqual([{ address: '127.0.0.8', family: 4 }]);
  expect(hostAddresses('', 'a.localhost')).toHaveLength(2);
});
