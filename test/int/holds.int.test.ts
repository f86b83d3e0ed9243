/**
 * What holds an endpoint as a whole, with a real Kafka and the real program: why a delivery waits is told by the commands, and a secret
 * that was changed leads to a probe at once. Holds are written into `endpoint-health` as another process would, and last for an hour, so
 * that no request can be taken for one that only came because a hold was over.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { type EndpointHealth, HEALTHY, operatorWord } from '../../src/core/endpoint-health.ts';
import { partitionOf } from '../../src/core/partition.ts';
import { Receiver } from '../../src/dev/receiver.ts';
import { decodeHealth, encodeHealth } from '../../src/kafka/internal-codec.ts';
import { Installation } from '../support/installation.ts';
import { testKafka } from '../support/kafka-topics.ts';

const HOUR_MS = 3_600_000;
const WAIT_MS = 60_000;
const TEST_MS = 150_000;

/** A payload as the join would write it. */
async function payload(installation: Installation, leadId: string, revision = 1): Promise<void> {
  await installation.append([
    {
      topic: installation.topic('outbound'),
      partition: partitionOf(leadId, installation.partitions),
      key: leadId,
      value: `{"id":${leadId},"revision":${revision}}`,
      headers: { version: 'v3', revision: String(revision), cause: 'changed', 'dealership-id': '3' },
    },
  ]);
}

/** Another process tells what it learnt of an endpoint. */
async function tell(installation: Installation, endpoint: string, health: Partial<EndpointHealth>): Promise<void> {
  const value = encodeHealth({ ...HEALTHY, ...health });
  await installation.append([{ topic: installation.topic('endpoint-health'), partition: 0, key: endpoint, value }]);
}

const definition = (id: string, url: string, more = ''): string =>
  `{ id: ${id}, dealership: 3, url: "${url}/${id}", version: v3, allow: { http: true, addresses: ["127.0.0.1/32"] }${more} }`;

test('why a delivery waits is told with the hold of its endpoint: by deliveries list, show, and as JSON', {
  timeout: TEST_MS,
}, async () => {
  await using receiver = new Receiver();
  const url = await receiver.listen();
  const ids = ['asked', 'broken', 'paused', 'refused'];
  const endpoints = [...ids.map((id) => definition(id, url)), definition('off', url, ', enabled: false')];
  await using installation = new Installation({
    brokers: inject('kafkaBrokers'),
    registryUrl: null,
    endpoints: `endpoints: [${endpoints.join(', ')}]\n`,
  });
  await installation.install();
  const since = Date.now();
  const hold = { since, until: since + HOUR_MS, pauseMs: HOUR_MS };
  await tell(installation, 'asked', { retryAfterUntil: since + HOUR_MS });
  await tell(installation, 'broken', { breaker: hold });
  await tell(installation, 'paused', operatorWord(true, since));
  receiver.answer = ({ path }) => ({ status: path === '/refused' ? 401 : 204 });
  const program = installation.start('deliver');
  await program.tasksRunning('deliver', installation.partitions);
  await payload(installation, '7');
  const waiting = (id: string): Promise<unknown> =>
    installation.until(installation.topic('delivery-state'), (records) =>
      records.some(({ key, value }) => key?.toString() === `${id}|7|pending` && value !== null),
    );
  for (const id of ids) await waiting(id);
  const told = (words: readonly { key: Buffer | null }[]): boolean =>
    words.some(({ key }) => key?.toString() === 'refused');
  await installation.until(installation.topic('endpoint-health'), told);

  const list = await installation.mustRun('deliveries', 'list');
  expect(list.out).toMatch(/^asked .* retry-after, in \d+ m$/m);
  expect(list.out).toMatch(/^broken .* breaker, probe in \d+ m$/m);
  expect(list.out).toMatch(/^paused .* waits for its turn {2,}operator$/m);
  expect(list.out).toMatch(/^refused .* 401 {2,}http-401 {2,}unauthorized, probe (in \d+ s|due)$/m);
  const { deliveries } = JSON.parse((await installation.mustRun('deliveries', 'list', '--json')).out) as {
    deliveries: { endpoint: string; hold: object }[];
  };
  const holds = new Map(deliveries.map(({ endpoint, hold: found }) => [endpoint, found]));
  const until = new Date(since + HOUR_MS).toISOString().replace(/\.\d+Z$/, 'Z');
  expect(holds.get('asked')).toEqual({ state: 'retry-after', since: null, until });
  expect(holds.get('broken')).toMatchObject({ state: 'breaker', until });
  expect(holds.get('paused')).toMatchObject({ state: 'operator', until: null });
  expect(holds.get('refused')).toMatchObject({ state: 'unauthorized' });
  expect((await installation.mustRun('deliveries', 'show', 'broken', '7')).out).toMatch(
    /^hold {2,}breaker, probe in \d+ m$/m,
  );
  expect(await program.stop()).toBe(0);
  expect(receiver.received.map(({ path }) => path)).toEqual(['/refused']);
});

test('a token that was changed is tried at once: when its file is read again, and after a restart', {
  timeout: TEST_MS,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lead-webhooks-token-'));
  const file = join(folder, 'token');
  await using receiver = new Receiver();
  const url = await receiver.listen();
  let good = 'second';
  receiver.answer = ({ headers }) => ({ status: headers['authorization'] === `Bearer ${good}` ? 204 : 401 });
  await using installation = new Installation({
    brokers: inject('kafkaBrokers'),
    registryUrl: null,
    endpoints: `endpoints: [${definition('crm', url, `, auth: { type: bearer, token: { file: ${file} } }`)}]\n`,
  });
  try {
    await installation.install();
    writeFileSync(file, 'first');
    const accepted = (leadId: string): Promise<void> =>
      receiver.until(() => receiver.lastAccepted('/crm').has(leadId), AbortSignal.timeout(WAIT_MS));
    const hold = (): Partial<EndpointHealth> => {
      const since = Date.now();
      return { unauthorized: { since, until: since + HOUR_MS, pauseMs: HOUR_MS } };
    };
    const program = installation.start('deliver');
    await program.tasksRunning('deliver', installation.partitions);
    await payload(installation, '7');
    await receiver.until(() => receiver.received.length > 0, AbortSignal.timeout(WAIT_MS));
    await tell(installation, 'crm', hold());
    writeFileSync(file, 'second');
    await accepted('7');

    good = 'third';
    await payload(installation, '8');
    await receiver.until(() => receiver.received.at(-1)?.status === 401, AbortSignal.timeout(WAIT_MS));
    expect(await program.stop()).toBe(0);
    await tell(installation, 'crm', hold());
    writeFileSync(file, 'third');
    const again = installation.start('deliver');
    await accepted('8');
    expect(await again.stop()).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a process whose endpoint-health is deleted says so, follows the one that is made anew, and writes to it what it knew', {
  timeout: TEST_MS,
}, async () => {
  await using receiver = new Receiver();
  const url = await receiver.listen();
  await using installation = new Installation({
    brokers: inject('kafkaBrokers'),
    registryUrl: null,
    endpoints: `endpoints: [${definition('crm', url)}]\n`,
  });
  await installation.install();
  const topic = installation.topic('endpoint-health');
  const program = installation.start('deliver');
  await program.tasksRunning('deliver', installation.partitions);
  await tell(installation, 'crm', operatorWord(true, Date.now()));
  await program.logged(({ event, state }) => event === 'endpoint_hold' && state === 'operator');
  const { port } = await program.logged(({ event }) => event === 'admin_listening');
  const ready = () => fetch(`http://127.0.0.1:${String(port)}/readyz`);

  const admin = testKafka(inject('kafkaBrokers')).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
  await program.logged(({ event, code }) => event === 'endpoint_health_lost' && code === 'topic-missing');
  const answer = await ready();
  expect([answer.status, await answer.json()]).toMatchObject([
    503,
    { checks: { 'endpoint-health': { ok: false, reason: 'not followed: topic-missing' } } },
  ]);
  await installation.mustRun('topics', 'apply');
  await program.logged(({ event }) => event === 'endpoint_health_found');
  expect((await ready()).status).toBe(200);
  const words = await installation.until(topic, ({ length }) => length > 0);
  const word = words[0]?.value;
  expect(word && decodeHealth(word)).toMatchObject({ operator: { paused: true } });

  await payload(installation, '7');
  await tell(installation, 'crm', operatorWord(false, Date.now()));
  await receiver.until(() => receiver.lastAccepted('/crm').has('7'), AbortSignal.timeout(WAIT_MS));
  expect(await program.stop()).toBe(0);
});
