/**
 * Starts that `run` refuses, as an operator meets them: one clear line, which says what mends it, and an exit code. The program
 * is the real one, and so are Kafka and the registry where it gets as far as that.
 */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { TABLES } from '../../src/core/source-event.ts';
import { freePorts } from '../../src/dev/free-ports.ts';
import { Installation, type Ran } from '../support/installation.ts';
import { testKafka } from '../support/kafka-topics.ts';
import { scratchFolder } from '../support/scratch.ts';

const brokers = inject('kafkaBrokers');
const registryUrl = inject('registryUrl');
/** Complete and sound; the tests leave it as it is. */
const installed = new Installation({ brokers, registryUrl });

beforeAll(() => installed.install());
afterAll(() => installed[Symbol.asyncDispose]());

/** What a process that would not start told its operator. */
function told({ code, out, err }: Ran): { code: number; lines: string[] } {
  expect(out).toBe('');
  expect(err).not.toContain('    at ');
  const lines = err.split('\n').filter((line) => line !== '');
  const logged = lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const errors = logged.filter(({ level }) => level === 'error').map(({ msg }) => String(msg));
  return { code, lines: [...errors, ...lines.filter((line) => !line.startsWith('{'))] };
}

async function alter(topic: string, name: string, value: string): Promise<void> {
  const admin = testKafka(brokers).admin();
  await admin.connect();
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: topic, configEntries: [{ name, value }] }],
  });
  await admin.disconnect();
}

test('without source topics each of them is named, with what to do', async () => {
  await using installation = new Installation({ brokers, registryUrl });
  const { code, lines } = told(await installation.run('run'));
  expect(code).toBe(1);
  expect(lines).toHaveLength(1);
  for (const table of TABLES) {
    expect(lines[0]).toContain(
      `source topic ${installation.source(table)} does not exist: create it or start its connector`,
    );
  }
});

test('without own topics the command that makes them is named; without schemas, the one that registers them', async () => {
  await using installation = new Installation({ brokers, registryUrl });
  await installation.createTopics(TABLES.map((table) => installation.source(table)));
  const topicless = told(await installation.run('run'));
  expect(topicless.code).toBe(1);
  expect(topicless.lines).toEqual([
    expect.stringMatching(/\.outbound does not exist: .* Mend it with: lead-webhooks topics apply$/),
  ]);

  await installation.mustRun('topics', 'apply');
  expect(told(await installation.run('run'))).toEqual({
    code: 1,
    lines: [
      `schema ${installation.topic('outbound')}-v1 is not registered. Mend it with: lead-webhooks schemas register`,
    ],
  });
});

test('a wrong setting of an own topic is named with the command that sets it', async () => {
  await using installation = new Installation({ brokers, registryUrl });
  await installation.createTopics(TABLES.map((table) => installation.source(table)));
  await installation.mustRun('topics', 'apply');
  const topic = installation.topic('cluster-changes');
  await alter(topic, 'cleanup.policy', 'delete');
  const { code, lines } = told(await installation.run('run'));
  expect(code).toBe(1);
  expect(lines).toEqual([expect.stringContaining(`topic ${topic} has cleanup.policy=delete, it needs compact`)]);
  expect(lines[0]).toMatch(/Mend it with: lead-webhooks topics apply$/);
});

test('a number of partitions that does not fit the configuration is named with the number to set', async () => {
  const ran = await installed.runIn({ LEAD_WEBHOOKS_OUTBOUND_PARTITIONS: '5' }, 'run');
  const { code, lines } = told(ran);
  expect(code).toBe(1);
  expect(lines).toEqual([
    expect.stringContaining(
      `topic ${installed.topic('outbound')} has 2 partitions, the configuration says 5: set the number back to 2`,
    ),
  ]);
});

test('an admin port in use is named with the setting to change', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  const ran = await installed.runIn({ LEAD_WEBHOOKS_ADMIN_PORT: String(port) }, 'run');
  await new Promise((resolve) => server.close(resolve));
  expect(told(ran)).toEqual({
    code: 1,
    lines: [
      `cannot listen on 127.0.0.1 port ${port}: it is in use. Set LEAD_WEBHOOKS_ADMIN_PORT to a free port, or to 0 for any`,
    ],
  });
});

test('brokers that nobody answers at are named by their setting', async () => {
  const [port] = await freePorts(1);
  const ran = await installed.runIn({ KAFKA_BROKERS: `127.0.0.1:${port}` }, 'run');
  expect(told(ran)).toEqual({
    code: 1,
    lines: ['no broker of KAFKA_BROKERS can be used: Kafka request failed (ECONNREFUSED)'],
  });
});

test('a registry that nobody answers at is named by its setting: the join needs it to start', async () => {
  const [port] = await freePorts(1);
  const ran = await installed.runIn({ SCHEMA_REGISTRY_URL: `http://127.0.0.1:${port}` }, 'run', '--stages', 'join');
  expect(told(ran)).toEqual({
    code: 1,
    lines: ['SCHEMA_REGISTRY_URL cannot be used: the schema registry cannot be reached (ECONNREFUSED)'],
  });
});

test('every mistake of an endpoints file is told at once, with its line, before anything is started', async () => {
  await using scratch = await scratchFolder();
  const file = join(scratch.folder, 'endpoints.yaml');
  const lines = [
    'endpoints:',
    '  - id: Crm',
    '    dealership: everywhere',
    '    url: http://crm.example/leads',
    '    version: v9',
    '    onn: change',
  ];
  writeFileSync(file, lines.join('\n'));
  const ran = told(await installed.runIn({ LEAD_WEBHOOKS_ENDPOINTS_FILE: file }, 'run'));
  expect(ran.code).toBe(2);
  expect(ran.lines.map((line) => line.slice(0, `lead-webhooks: ${file}:2: endpoints[0].`.length))).toEqual(
    [2, 3, 4, 5, 6].map((line) => `lead-webhooks: ${file}:${line}: endpoints[0].`),
  );
  expect(ran.lines[4]).toMatch(/did you mean on\?$/);
});

test('an endpoint that wants a version which is not emitted is a mistake of the configuration', async () => {
  await using scratch = await scratchFolder();
  const file = join(scratch.folder, 'endpoints.yaml');
  writeFileSync(file, 'endpoints: [{ id: crm, dealership: 3, url: "https://crm.example/leads", version: v1 }]\n');
  const env = { LEAD_WEBHOOKS_PAYLOAD_VERSIONS: 'v3', LEAD_WEBHOOKS_ENDPOINTS_FILE: file };
  expect(told(await installed.runIn(env, 'run'))).toEqual({
    code: 2,
    lines: [`lead-webhooks: ${file}:1: endpoints[0].version v1 is not emitted here; emitted are v3`],
  });
});
