/** The feed with a real file and real secrets, as far as no Kafka is needed; the topic is tested on a real one. */
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConfigInvalid } from '../../src/bin/command.ts';
import { EndpointFeed, fixedEndpoints } from '../../src/bin/endpoint-feed.ts';
import { parseConfig } from '../../src/ops/config.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { testEndpoint } from '../support/deliver-world.ts';
import { KeptLog } from '../support/loopback.ts';
import { scratchFolder } from '../support/scratch.ts';

const entry = (id: string, more = ''): string =>
  `  - { id: ${id}, dealership: 3, url: "https://${id}.example/", version: v3${more} }\n`;

function feedOf(env: Readonly<Record<string, string>>): EndpointFeed {
  const readFile = (path: string): string => readFileSync(path, 'utf8');
  const parsed = parseConfig({ KAFKA_BROKERS: '127.0.0.1:1', ...env }, readFile);
  if (!('config' in parsed)) throw new Error(parsed.problems.join());
  return new EndpointFeed({ env, readFile }, parsed.config);
}

/** A feed that follows a file in `folder`, and the next change of it. */
async function following(folder: string, ...entries: string[]) {
  const file = join(folder, 'endpoints.yaml');
  const write = (...all: string[]): void => writeFileSync(file, `endpoints:\n${all.join('') || '  []\n'}`);
  write(...entries);
  const feed = feedOf({ LEAD_WEBHOOKS_ENDPOINTS_FILE: file });
  const [log, meter] = [new KeptLog(), new CountingMeter()];
  await feed.follow({ log, meter }, new AbortController().signal);
  onTestFinished(() => feed.close());
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      feed.onChange = resolve;
    });
  const told = (event: string) =>
    log.lines.filter(({ fields }) => fields['event'] === event).map(({ fields }) => fields);
  return { feed, write, next, told, meter, log };
}

test('a file that changes is in effect a moment later, and what has changed is told by its ids', async () => {
  await using scratch = await scratchFolder();
  const { feed, write, next, told } = await following(scratch.folder, entry('a'), entry('b'));
  const [a] = feed.current;
  const changed = next();
  write(entry('a'), entry('c'));
  await changed;
  expect([feed.current.map(({ id }) => id), feed.current[0] === a]).toEqual([['a', 'c'], true]);
  expect(told('endpoints_changed')).toEqual([
    { event: 'endpoints_changed', added: ['c'], changed: [], removed: ['b'] },
  ]);
});

test('a secret that changes behind links, as Kubernetes brings it, makes a new definition', async () => {
  await using scratch = await scratchFolder();
  const { folder } = scratch;
  for (const version of ['v1', 'v2']) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'token'), `${version}\n`);
  }
  symlinkSync('v1', join(folder, '..data'));
  symlinkSync('..data/token', join(folder, 'token'));
  const { feed, next, told } = await following(
    folder,
    entry('a', `, auth: { type: bearer, token: { file: "${folder}/token" } }`),
  );
  const token = (): unknown => feed.current.map(({ auth }) => auth.type === 'bearer' && auth.token.reveal());
  expect(token()).toEqual(['v1']);
  const changed = next();
  symlinkSync('v2', join(folder, '..new'));
  renameSync(join(folder, '..new'), join(folder, '..data'));
  await changed;
  expect(token()).toEqual(['v2']);
  expect(JSON.stringify(told('endpoints_changed'))).not.toContain('v2');
});

test('a mistake is told once, by line and by metric, changes nothing, and is over when it is mended', async () => {
  await using scratch = await scratchFolder();
  const { feed, write, next, told, meter } = await following(scratch.folder, entry('a'), entry('b'));
  expect(meter.counts.get('endpoint_definitions file')).toBe(2);
  const changed = next();
  write(entry('a', ', on: never'), entry('b', ', on: create'));
  await changed;
  expect(feed.current.map(({ id, on }) => [id, on])).toEqual([
    ['b', 'create'],
    ['a', 'change'],
  ]);
  const problem = expect.stringMatching(/endpoints\.yaml:2: endpoints\[0\]\.on must be one of change, create$/);
  expect(told('endpoint_refused')).toEqual([
    { event: 'endpoint_refused', origin: 'file', endpoint: null, problems: [problem] },
  ]);
  expect(meter.counts.get('endpoint_definitions_refused file')).toBe(1);
  const mended = next();
  write(entry('a', ', on: create'));
  await mended;
  expect(feed.current.map(({ id }) => id)).toEqual(['a']);
  expect(meter.counts.get('endpoint_definitions_refused file')).toBe(0);
  expect(told('endpoint_refused')).toHaveLength(1);
});

test('at the start every mistake of the file refuses it, and so does a configuration that names no endpoints', async () => {
  await using scratch = await scratchFolder();
  const file = join(scratch.folder, 'e.yaml');
  writeFileSync(file, `endpoints:\n${entry('a', ', on: never')}${entry('B')}`);
  expect(() => feedOf({ LEAD_WEBHOOKS_ENDPOINTS_FILE: file })).toThrow(/:2: .*\n.*:3: /);
  expect(() => feedOf({})).toThrow(ConfigInvalid);
  expect(() => feedOf({ LEAD_WEBHOOKS_ENDPOINTS_FILE: `${file}.not` })).toThrow(/cannot be read \(ENOENT\)/);
});

test('fixed endpoints stay what they are', async () => {
  const fixed = fixedEndpoints([testEndpoint()]);
  await fixed.follow({ log: new KeptLog(), meter: new CountingMeter() }, new AbortController().signal);
  await fixed.close();
  expect(fixed.current).toHaveLength(1);
});
