/**
 * The procedures of docs/procedures that can be followed on one broker, with the real program: a source database that was restored, an
 * application that begins anew beside receivers that know the old one, and every lead told again to one receiver.
 */
import { expect, inject, test } from 'vitest';
import { Receiver } from '../../src/dev/receiver.ts';
import { SourceDatabase } from '../support/change-events.ts';
import { Installation } from '../support/installation.ts';
import { sourceLead } from '../support/source-rows.ts';

const brokers = inject('kafkaBrokers');
const TIMEOUT_MS = 240_000;

const lead = (id: number, comments: string) => sourceLead({ id, comments, lead_cluster_id: id });

function endpointsFile(url: string, id = 'crm'): string {
  return `endpoints:
  - { id: ${id}, dealership: 3, url: "${url}/${id}", version: v3, allow: { http: true, addresses: ["127.0.0.1/32"] } }
`;
}

/** `lead comments revision` of each request that was accepted, in their order. */
function taken(receiver: Receiver, path = '/crm'): string[] {
  const accepted = receiver.received.filter((one) => one.path === path && one.status === 204);
  return accepted.map(({ leadId, body, revision }) => `${leadId} ${JSON.parse(body).comments} ${revision}`);
}

test('changes of a restored database are stale until the epoch is raised, and a snapshot then brings what was missed', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using receiver = new Receiver();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const endpoints = endpointsFile(await receiver.listen());
  await using installation = new Installation({ brokers, registryUrl: null, endpoints });
  await installation.install();
  const lost = new SourceDatabase();
  const events = [1, 2, 3].map((id) => lost.insert('lead', lead(id, 'first')));
  const gone = [4, 5].map((id) => lost.insert('lead', lead(id, 'made after the backup')));
  let program = installation.start();
  await installation.pipe([...events, ...gone]);
  await receiver.until(() => taken(receiver).length === 5, signal);

  // The log positions of the restored database begin below those that are known; commit times do not.
  const restored = new SourceDatabase();
  restored.now = lost.now + 60_000;
  await installation.pipe([restored.update('lead', lead(1, 'missed'))]);
  await program.tasksRunning('rekey', 2);
  await installation.until(installation.topic('rekey-state'), (records) =>
    records.some(({ key, value }) => key?.toString() === 'position' && value !== null),
  );
  const drained = async (): Promise<boolean> =>
    (await installation.run('lag', '--stages', 'rekey', '--max-records', '0')).code === 0;
  await expect.poll(drained, { timeout: 60_000 }).toBe(true);
  expect(await program.stop()).toBe(0);
  expect(taken(receiver)).toHaveLength(5);

  // What the restored database does not have is deleted in either way; all that it has comes in a snapshot.
  const missing = [
    restored.tombstone('lead', 4),
    restored.insert('lead', { id: 5, deleted_at: '2026-01-01T00:00:00Z' }),
  ];
  const rows = [lead(1, 'missed'), lead(2, 'first'), lead(3, 'first')];
  program = installation.start('all', { LEAD_WEBHOOKS_SOURCE_EPOCH: '1' });
  await installation.pipe([...missing, ...rows.map((row) => restored.snapshot('lead', row))]);
  await installation.pipe([restored.update('lead', lead(2, 'after the restore'))]);
  await receiver.until(() => taken(receiver).length === 7, signal);
  expect(taken(receiver).slice(5).toSorted()).toEqual(['1 missed 2', '2 after the restore 2']);
  const removed = (records: readonly { key: Buffer | null; value: Buffer | null }[]): string[] =>
    records.filter(({ value }) => value === null).map(({ key }) => String(key));
  const rowsNow = await installation.until(installation.topic('cluster-changes'), (all) => removed(all).length === 2);
  expect(removed(rowsNow).toSorted()).toEqual(['cluster:4|lead|4', 'cluster:5|lead|5']);
  expect(await program.stop()).toBe(0);
});

test('an application that begins anew with more partitions goes on for receivers: higher revisions, and nothing twice', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using receiver = new Receiver();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const endpoints = endpointsFile(await receiver.listen());
  await using installation = new Installation({ brokers, registryUrl: null, endpoints });
  await installation.install();
  const source = new SourceDatabase();
  source.now = Date.now();
  const old = installation.start();
  await installation.pipe([1, 2].map((id) => source.insert('lead', lead(id, 'first'))));
  await receiver.until(() => taken(receiver).length === 2, signal);
  await installation.pipe([source.update('lead', lead(1, 'second'))]);
  await receiver.until(() => taken(receiver).length === 3, signal);
  expect(await old.stop()).toBe(0);

  const stoppedAt = source.now;
  const env = {
    LEAD_WEBHOOKS_APP_ID: `${installation.appId}-2`,
    LEAD_WEBHOOKS_GENERATION: '1',
    LEAD_WEBHOOKS_ANNOUNCE_SINCE: new Date(stoppedAt).toISOString(),
    LEAD_WEBHOOKS_PARTITIONS: '5',
    LEAD_WEBHOOKS_OUTBOUND_TOPIC: installation.topic('outbound'),
    LEAD_WEBHOOKS_DELIVERY_STATE_TOPIC: installation.topic('delivery-state'),
    LEAD_WEBHOOKS_ENDPOINT_HEALTH_TOPIC: installation.topic('endpoint-health'),
    LEAD_WEBHOOKS_REDRIVES_TOPIC: installation.topic('redrives'),
    LEAD_WEBHOOKS_DEAD_LETTERS_TOPIC: installation.topic('dead-letters'),
  };
  await installation.pipe([source.update('lead', lead(2, 'while nothing ran'))]);
  const applied = await installation.runIn(env, 'topics', 'apply');
  expect([applied.code, applied.out.match(/created/g)?.length]).toEqual([0, 4]);
  const anew = installation.start('all', env);
  await receiver.until(() => taken(receiver).length === 4, signal);
  await installation.pipe([source.update('lead', lead(1, 'third'))]);
  await receiver.until(() => taken(receiver).length === 5, signal);

  const began = 65_536 * 2 ** 32 + 1;
  expect(taken(receiver).slice(2)).toEqual(['1 second 2', `2 while nothing ran ${began}`, `1 third ${began}`]);
  expect(receiver.ledger).toEqual({ olderAfterNewer: 0, overlapping: 0, duplicates: 0 });
  expect(await anew.stop()).toBe(0);
});

test('a second application tells one receiver every lead again, and the first one takes no notice', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using receiver = new Receiver();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const url = await receiver.listen();
  await using installation = new Installation({
    brokers,
    registryUrl: null,
    endpoints: endpointsFile(url),
    env: { LEAD_WEBHOOKS_ANNOUNCE_SINCE: 'first-start' },
  });
  await installation.install();
  const source = new SourceDatabase();
  await installation.pipe([1, 2, 3].map((id) => source.snapshot('lead', lead(id, 'old'))));
  const program = installation.start();
  source.now = Date.now() + 60_000;
  await installation.pipe([source.update('lead', lead(3, 'new'))]);
  await receiver.until(() => taken(receiver).length === 1, signal);

  await using again = new Installation({
    brokers,
    registryUrl: null,
    endpoints: endpointsFile(url, 'crm-again'),
    env: {
      LEAD_WEBHOOKS_LEADS_TOPIC: installation.source('lead'),
      LEAD_WEBHOOKS_APPOINTMENTS_TOPIC: installation.source('appointment'),
      LEAD_WEBHOOKS_TEST_DRIVES_TOPIC: installation.source('test_drive'),
    },
  });
  await again.mustRun('topics', 'apply');
  const second = again.start();
  await receiver.until(() => ['1', '2', '3'].every((id) => receiver.lastAccepted('/crm-again').has(id)), signal);
  await receiver.until(() => receiver.lastAccepted('/crm-again').get('3')?.body.includes('new') === true, signal);
  expect(await second.stop()).toBe(0);
  expect(await program.stop()).toBe(0);
  expect(taken(receiver)).toEqual(['3 new 1']);
  expect(
    [...receiver.lastAccepted('/crm-again').values()].map(({ body }) => JSON.parse(body).comments).toSorted(),
  ).toEqual(['new', 'old', 'old']);
});
