/**
 * The metrics of docs/operating.md against /metrics of what runs: every family that is scraped is in the table, with that type, help
 * and those label names, and the other way round. Once on the demo as a person starts it, and once on three processes, one per stage,
 * with all the trouble that the remaining samples need.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, inject, test, vi } from 'vitest';
import { Receiver } from '../../src/dev/receiver.ts';
import { SourceDatabase } from '../support/change-events.ts';
import { DOCUMENTED, ONLY_WITH_TROUBLE, readExposition, type Scraped } from '../support/exposition.ts';
import { Installation, type Running } from '../support/installation.ts';
import { sourceAppointment, sourceLead } from '../support/source-rows.ts';

const PROGRAM = fileURLToPath(new URL('../../src/bin/lead-webhooks.ts', import.meta.url));
const TIMEOUT_MS = 180_000;
/** The endpoints of the demo stand in its code, not in a file or topic. */
const NOT_IN_DEMO = ['lead_webhooks_endpoint_definitions', 'lead_webhooks_endpoint_definitions_refused'];

async function scrape(url: string): Promise<Scraped> {
  return readExposition(await (await fetch(url)).text());
}

async function scrapeProcess(program: Running): Promise<Scraped> {
  const { port } = await program.logged(({ event }) => event === 'admin_listening');
  return scrape(`http://127.0.0.1:${String(port)}/metrics`);
}

/** What the table says of families, in the order of their names. */
const spelled = (families: Scraped['families']): string[] =>
  families.map(({ name, type, help }) => `${name} ${type} ${help}`).sort();

const labelsOf = (name: string): readonly string[] | undefined =>
  DOCUMENTED.find((metric) => metric.name === name)?.labels;

/** Every family of the table is there and no other, and every sample has the labels of the table. */
function expectDocumented({ families, samples }: Scraped): void {
  expect(DOCUMENTED.length).toBeGreaterThan(40);
  expect(spelled(families)).toEqual(spelled(DOCUMENTED));
  for (const [name, labels] of samples) expect([name, labels.toSorted()]).toEqual([name, labelsOf(name)?.toSorted()]);
}

const withoutSample = (...scraped: readonly Scraped[]): string[] =>
  DOCUMENTED.map(({ name }) => name).filter((name) => !scraped.some(({ samples }) => samples.has(name)));

test('the demo serves the metrics of the table and no other, and lacks samples only of those that need trouble', {
  timeout: TIMEOUT_MS,
}, async () => {
  const env = {
    PATH: process.env['PATH'] ?? '',
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    SCHEMA_REGISTRY_URL: inject('registryUrl'),
    TEST_RUN_ID: process.env['TEST_RUN_ID'] ?? '',
  };
  const child = spawn(process.execPath, [PROGRAM, 'demo'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  let url = '';
  let scraped: Scraped | null = null;
  for await (const line of createInterface(child.stdout)) {
    url ||= /http:\S+\/metrics/.exec(line)?.[0] ?? '';
    if (scraped === null && line.includes('The story is told')) {
      scraped = await scrape(url).finally(() => child.kill('SIGINT'));
    }
  }
  await ended;
  expectDocumented(scraped ?? { families: [], samples: new Map() });
  const excused = [...ONLY_WITH_TROUBLE, ...NOT_IN_DEMO];
  const missing = scraped === null ? [] : withoutSample(scraped);
  expect(missing.filter((name) => !excused.includes(name))).toEqual([]);
});

function endpointsFile(url: string): string {
  const common = 'dealership: 3, version: v3, retry: { baseMs: 3600000, capMs: 3600000 }';
  const allow = 'allow: { http: true, addresses: ["127.0.0.1/32"] }';
  return `endpoints:
  - { id: crm, url: "${url}/crm", ${common}, ${allow} }
  - { id: once, url: "${url}/once", on: create, ${common}, ${allow} }
`;
}

test('three processes in trouble have a sample of every metric of the table, with its labels', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using receiver = new Receiver();
  const endpoints = endpointsFile(await receiver.listen());
  await using installation = new Installation({ brokers: inject('kafkaBrokers'), registryUrl: null, endpoints });
  await installation.install();
  const source = new SourceDatabase();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  // Lead 1 is refused, 2 has to wait, the others are taken.
  const answers: Record<string, number> = { '/crm 1': 422, '/crm 2': 503 };
  receiver.answer = ({ leadId, path }) => ({ status: answers[`${path} ${leadId}`] ?? 204 });
  const nowhere = { SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1' };
  const programs = [installation.start('rekey', nowhere), installation.start('join'), installation.start('deliver')];
  const [rekey] = programs;
  await Promise.all(['rekey', 'join', 'deliver'].map((stage, at) => programs[at]?.tasksRunning(stage, 2)));

  const unknown = sourceLead({ id: 4, comments: '__debezium_unavailable_value' });
  const first = [1, 2, 3].map((id) => source.insert('lead', sourceLead({ id, lead_cluster_id: id })));
  await installation.pipe([
    ...first,
    source.insert('lead', unknown),
    source.insert('appointment', sourceAppointment()),
  ]);
  await receiver.until(
    () => ['1', '2', '3'].every((id) => receiver.received.some((one) => one.leadId === id && one.path === '/crm')),
    signal,
  );
  const state = installation.topic('delivery-state');
  await installation.until(state, (records) => records.some(({ key }) => key?.toString() === 'crm|2|pending'));
  await installation.until(installation.topic('dead-letters'), (records) => records.length === 1);
  // 2 waits and gets something newer; 3 moves.
  const later = (id: number, cluster: number) => sourceLead({ id, comments: 'later', lead_cluster_id: cluster });
  await installation.pipe([source.update('lead', later(2, 2)), source.update('lead', later(3, 30))]);
  await receiver.until(() => receiver.lastAccepted('/crm').get('3')?.body.includes('later') === true, signal);
  answers['/crm 1'] = 204;
  await installation.mustRun('dead-letters', 'redrive', '--endpoint', 'crm', '--wait', '60');
  // Bad bytes, and at last a record whose schema nobody can be asked for: rekey waits from then on.
  const lost = Buffer.from([0, 0, 0, 0, 7, 1]);
  await installation.append([
    { topic: installation.source('lead'), partition: 0, key: '{"id":9}', value: 'no JSON' },
    { topic: installation.source('lead'), partition: 1, key: '{"id":9}', value: lost },
  ]);
  await rekey?.logged(({ event }) => event === 'registry_away');
  await installation.until(installation.topic('dead-letters'), (records) => records.length >= 2);

  const scraped = await vi.waitFor(
    async () => {
      const all = await Promise.all(programs.map(scrapeProcess));
      expect(withoutSample(...all)).toEqual([]);
      return all;
    },
    { timeout: 90_000, interval: 500 },
  );
  for (const one of scraped) expectDocumented(one);
  for (const program of programs) program.kill('SIGKILL');
});
