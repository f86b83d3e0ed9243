/** Endpoints as data, with a real Kafka and the real program: what changes in the topic or the file is in effect without a restart. */
import { writeFileSync } from 'node:fs';
import { expect, inject, test, vi } from 'vitest';
import { partitionOf } from '../../src/core/partition.ts';
import { Seal } from '../../src/delivery/seal.ts';
import { Receiver } from '../../src/dev/receiver.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { Secret } from '../../src/lib/secret.ts';
import { Installation, type Running } from '../support/installation.ts';
import { uniqueName } from '../support/kafka-topics.ts';

const KEY = Buffer.alloc(32, 9).toString('base64');
const WAIT_MS = 60_000;

function installationWith(topic: string, endpoints?: string): Installation {
  return new Installation({
    brokers: inject('kafkaBrokers'),
    registryUrl: null,
    ...(endpoints !== undefined && { endpoints }),
    env: {
      LEAD_WEBHOOKS_ENDPOINTS_TOPIC: topic,
      LEAD_WEBHOOKS_ENDPOINTS_TOPIC_ADDRESSES: '127.0.0.1/32',
      LEAD_WEBHOOKS_SEAL_KEY: KEY,
    },
  });
}

/** A payload as the join would write it. */
function payload(installation: Installation, leadId: string, revision: number): OutgoingRecord {
  return {
    topic: installation.topic('outbound'),
    partition: partitionOf(leadId, installation.partitions),
    key: leadId,
    value: `{"id":${leadId},"revision":${revision}}`,
    headers: { version: 'v3', revision: String(revision), cause: 'changed', 'dealership-id': '3' },
  };
}

async function metrics(running: Running): Promise<string> {
  const { port } = await running.logged(({ event }) => event === 'admin_listening');
  return (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
}

const changedTo = (running: Running, fits: (line: Record<string, unknown>) => boolean) =>
  running.logged((line) => line['event'] === 'endpoints_changed' && fits(line));

test('a definition of the topic is in effect at once, a bad one changes nothing, a removal ends it', async () => {
  const topic = uniqueName('endpoints');
  await using receiver = new Receiver();
  const url = `${await receiver.listen()}/crm`;
  await using installation = installationWith(topic);
  await installation.install();
  await installation.createTopics([topic], 1);
  const running = installation.start('deliver');
  await running.tasksRunning('deliver', installation.partitions);

  const sealed = new Seal([new Secret(KEY)]).seal(new Secret('tok'), 'crm', Buffer.alloc(12, 1));
  const row = {
    ...{ id: 'crm', dealership: 3, url, version: 'v3', created_at: 1 },
    auth: JSON.stringify({ type: 'bearer', token: { sealed } }),
    allow: JSON.stringify({ http: true, addresses: ['127.0.0.1/32'] }),
  };
  const define = (value: object | null): Promise<void> =>
    installation.append([{ topic, partition: 0, key: '{"id":"crm"}', value: value && JSON.stringify(value) }]);
  const received = (count: number): Promise<void> =>
    receiver.until(() => receiver.received.length >= count, AbortSignal.timeout(WAIT_MS));

  await define({ op: 'c', before: null, after: row, source: {} });
  await changedTo(running, ({ added }) => String(added) === 'crm');
  await installation.append([payload(installation, '7', 1)]);
  await received(1);

  await define({
    op: 'u',
    before: null,
    after: { ...row, allow: { http: true, addresses: ['0.0.0.0/0'] } },
    source: {},
  });
  const refused = await running.logged((line) => line['event'] === 'endpoint_refused');
  expect(refused).toMatchObject({ origin: 'topic', endpoint: 'crm' });
  expect(String(refused['problems'])).toContain('LEAD_WEBHOOKS_ENDPOINTS_TOPIC_ADDRESSES');
  await installation.append([payload(installation, '7', 2)]);
  await received(2);

  await define({ op: 'd', before: { id: 'crm' }, after: null });
  await define(null);
  await changedTo(running, ({ removed }) => String(removed) === 'crm');
  expect(receiver.received.map(({ revision, headers }) => [revision, headers['authorization']])).toEqual([
    [1, 'Bearer tok'],
    [2, 'Bearer tok'],
  ]);
  expect(await running.stop()).toBe(0);
  expect(JSON.stringify(running.lines)).not.toContain('tok"');
});

test('a file that changes is in effect without a restart; what waits for a removed endpoint becomes dead letters, and its metrics go', async () => {
  const topic = uniqueName('endpoints');
  await using receiver = new Receiver();
  const url = await receiver.listen();
  const allow = { http: true, addresses: ['127.0.0.1/32'] };
  const definition = (id: string, to: string) => ({ id, dealership: 3, url: to, version: 'v3', allow });
  const file = (...endpoints: object[]): string => JSON.stringify({ endpoints });
  const down = { ...definition('down', 'http://127.0.0.1:1/'), retry: { baseMs: 3_600_000 } };
  await using installation = installationWith(topic, file(definition('crm', `${url}/old`), down));
  await installation.install();
  await installation.createTopics([topic], 2);
  const dms = definition('dms', `${url}/dms`);
  await installation.append([{ topic, partition: 1, key: 'dms', value: JSON.stringify(dms) }]);
  const seen = (...wanted: string[]): Promise<void> => {
    const holds = (): boolean => wanted.every((path) => receiver.received.some((one) => one.path === path));
    return receiver.until(holds, AbortSignal.timeout(WAIT_MS));
  };

  const running = installation.start('deliver');
  await running.tasksRunning('deliver', installation.partitions);
  await installation.append([payload(installation, '7', 1)]);
  await seen('/old', '/dms');
  await vi.waitFor(async () => expect(await metrics(running)).toContain('pending{endpoint="down"} 1'), {
    timeout: WAIT_MS,
  });
  writeFileSync(installation.env['LEAD_WEBHOOKS_ENDPOINTS_FILE'] ?? '', file(definition('crm', `${url}/new`)));
  await changedTo(running, ({ changed, removed }) => `${changed} ${removed}` === 'crm down');
  await installation.append([payload(installation, '7', 2)]);
  await receiver.until(() => receiver.received.length >= 4, AbortSignal.timeout(WAIT_MS));
  const code = 'lead-webhooks.errors.code';
  await installation.until(installation.topic('dead-letters'), (letters) =>
    letters.some(({ headers }) => headers[code]?.toString() === 'endpoint-removed'),
  );
  const after = await vi.waitFor(
    async () => {
      const text = await metrics(running);
      expect(text).not.toContain('endpoint="down"');
      return text;
    },
    { timeout: WAIT_MS },
  );
  expect(after).toContain('attempts_total{endpoint="crm"');
  expect(await running.stop()).toBe(0);
  const paths = receiver.received.map(({ path, revision }) => `${path} ${revision}`).sort();
  expect(paths).toEqual(['/dms 1', '/dms 2', '/new 2', '/old 1']);
});

test('a topic that is not compacted is warned about, since it forgets definitions', async () => {
  const topic = uniqueName('endpoints');
  await using installation = new Installation({
    brokers: inject('kafkaBrokers'),
    registryUrl: null,
    sourceCleanup: 'delete',
    env: { LEAD_WEBHOOKS_ENDPOINTS_TOPIC: topic },
  });
  await installation.install();
  await installation.createTopics([topic], 1);
  const running = installation.start('deliver');
  const warning = await running.logged((line) => line['topic'] === topic);
  expect(warning).toMatchObject({ event: 'topic', kind: 'cleanup', level: 'warn' });
  expect(await running.stop()).toBe(0);
});

test('an id in file and topic refuses the start by naming both, and so does a topic that is not there', async () => {
  const topic = uniqueName('endpoints');
  const file = 'endpoints: [{ id: crm, dealership: 3, url: "https://crm.example/", version: v3 }]\n';
  await using installation = installationWith(topic, file);
  await installation.install();
  const missing = await installation.run('run', '--stages', 'deliver');
  expect(missing.code).toBe(1);
  expect(missing.err).toMatch(
    /LEAD_WEBHOOKS_ENDPOINTS_TOPIC: .*does not exist|LEAD_WEBHOOKS_ENDPOINTS_TOPIC: .*missing/,
  );
  await installation.createTopics([topic], 1);
  const definition = { id: 'crm', dealership: 3, url: 'https://other.example/', version: 'v3' };
  await installation.append([{ topic, partition: 0, key: 'crm', value: JSON.stringify(definition) }]);
  const twice = await installation.run('run', '--stages', 'deliver');
  expect(twice.code).toBe(1);
  const path = installation.env['LEAD_WEBHOOKS_ENDPOINTS_FILE'];
  expect(twice.err).toContain(`crm is defined in the file ${path} and in the topic ${topic}; an id names one endpoint`);
});

test('a process that starts while a definition has mistakes loses nothing: what comes waits until it is mended', async () => {
  const topic = uniqueName('endpoints');
  await using receiver = new Receiver();
  const url = `${await receiver.listen()}/crm`;
  await using installation = installationWith(topic);
  await installation.install();
  await installation.createTopics([topic], 1);
  const good = { id: 'crm', dealership: 3, url, version: 'v3', allow: { http: true, addresses: ['127.0.0.1/32'] } };
  const define = (value: object): Promise<void> =>
    installation.append([{ topic, partition: 0, key: 'crm', value: JSON.stringify(value) }]);
  await define({ ...good, limits: { concurrency: 'many' } });
  const running = installation.start('deliver');
  await running.tasksRunning('deliver', installation.partitions);
  await installation.append([payload(installation, '7', 1)]);
  await installation.until(installation.topic('delivery-state'), (records) =>
    records.some(({ key, value }) => key?.toString() === 'crm|7|pending' && value !== null),
  );
  expect(receiver.received).toEqual([]);
  await define(good);
  await receiver.until(() => receiver.lastAccepted('/crm').has('7'), AbortSignal.timeout(WAIT_MS));
  expect(await running.stop()).toBe(0);

  await define({ ...good, dealership: 'three' });
  const again = installation.start('deliver');
  await again.tasksRunning('deliver', installation.partitions);
  await installation.append([payload(installation, '8', 1)]);
  await receiver.until(() => receiver.lastAccepted('/crm').has('8'), AbortSignal.timeout(WAIT_MS));
  expect(await again.stop()).toBe(0);
});

test('a definition that does not even say what is wanted refuses the start by name, until it is mended or removed', async () => {
  const topic = uniqueName('endpoints');
  await using installation = installationWith(topic);
  await installation.install();
  await installation.createTopics([topic], 1);
  const bad = { id: 'crm', dealership: 'three', url: 'https://crm.example/', version: 'v3' };
  await installation.append([{ topic, partition: 0, key: 'crm', value: JSON.stringify(bad) }]);
  const refused = await installation.run('run', '--stages', 'deliver');
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/LEAD_WEBHOOKS_ENDPOINTS_TOPIC: .*crm: dealership must be a whole number/);
  await installation.append([{ topic, partition: 0, key: 'crm', value: null }]);
  const running = installation.start('deliver');
  await running.tasksRunning('deliver', installation.partitions);
  expect(await running.stop()).toBe(0);
});

test('endpoints test tries an endpoint of the topic under the rules of the topic, and names what is wrong with a definition', async () => {
  const topic = uniqueName('endpoints');
  await using receiver = new Receiver();
  const url = `${await receiver.listen()}/crm`;
  await using installation = installationWith(topic, 'endpoints: []\n');
  await installation.install();
  await installation.createTopics([topic], 2);
  const sealed = new Seal([new Secret(KEY)]).seal(new Secret('tok'), 'crm', Buffer.alloc(12, 1));
  const allow = { http: true, addresses: ['127.0.0.1/32'] };
  const good = { id: 'crm', dealership: 3, url, version: 'v3', auth: { type: 'bearer', token: { sealed } }, allow };
  const define = (id: string, value: object): Promise<void> =>
    installation.append([{ topic, partition: 1, key: id, value: JSON.stringify({ ...value, id }) }]);
  await define('crm', good);
  await define('bad', { ...good, auth: { type: 'bearer', token: { env: 'HOME' } } });
  expect((await installation.mustRun('endpoints', 'test', 'crm')).out).toMatch(
    /^crm: delivered \(http-204\) by 127\.0\.0\.1/,
  );
  expect(receiver.received[0]?.headers).toMatchObject({ authorization: 'Bearer tok', 'lead-webhook-test': 'true' });
  const bad = await installation.run('endpoints', 'test', 'bad');
  expect([bad.code, bad.err]).toEqual([2, expect.stringContaining(`${topic}: bad: auth.token.env`)]);
  const unknown = await installation.run('endpoints', 'test', 'crn');
  expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('did you mean "crm"?')]);
  await define('crm', { ...good, limits: { concurrency: 'many' } });
  const older = await installation.mustRun('endpoints', 'test', 'crm');
  expect(older.err).toContain(`${topic}: crm: limits.concurrency must be`);
  expect(receiver.received).toHaveLength(2);
});
