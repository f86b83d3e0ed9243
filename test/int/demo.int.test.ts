/** The demo as a person starts it, on the Kafka and the registry of this run: its story, its last line, and Ctrl-C. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { install } from '../../src/bin/demo-installation.ts';
import { Notices } from '../../src/dev/demo/notices.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { silentLog } from '../../src/lib/log.ts';

const PROGRAM = fileURLToPath(new URL('../../src/bin/lead-webhooks.ts', import.meta.url));
const LAST_LINE = /^demo: (\d+) changes, (\d+) deliveries, (\d+) retried, p50 (\d+) ms, p99 (\d+) ms, story ok$/;

/** Runs the demo to its end; `onLine` sees each line of stdout as it comes, and may press Ctrl-C. */
async function demo(args: readonly string[], onLine: (line: string, interrupt: () => void) => void = () => undefined) {
  const env = {
    PATH: process.env['PATH'] ?? '',
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    SCHEMA_REGISTRY_URL: inject('registryUrl'),
    TEST_RUN_ID: process.env['TEST_RUN_ID'] ?? '',
  };
  const child = spawn(process.execPath, [PROGRAM, 'demo', ...args], { env });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const errors: string[] = [];
  createInterface(child.stderr).on('line', (line) => errors.push(line));
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    onLine(line, () => child.kill('SIGINT'));
  }
  const [code] = await ended;
  return { code, lines, errors };
}

async function topicsOfDemos(): Promise<string[]> {
  const kafka = createKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }, silentLog);
  const admin = kafka.admin();
  await admin.connect();
  const topics = await admin.listTopics();
  await admin.disconnect();
  return topics.filter((name) => name.startsWith('demo-'));
}

/** A broker shows a deleted topic for a moment longer. */
async function expectNothingLeft(): Promise<void> {
  await expect.poll(topicsOfDemos, { timeout: 10_000 }).toEqual([]);
}

test('the story comes out as it should, and nothing of it is left on brokers of somebody else', async () => {
  const { code, lines, errors } = await demo(['--once']);
  const [, changes, deliveries, retried] = LAST_LINE.exec(lines.at(-1) ?? '') ?? [];
  expect([code, lines.at(-1)], [...lines, ...errors].join('\n')).toEqual([0, expect.stringMatching(LAST_LINE)]);
  expect([changes, retried]).toEqual(['14', '2']);
  expect(Number(deliveries)).toBeGreaterThanOrEqual(12);
  expect(errors.filter((line) => !line.includes('endpoint fails'))).toEqual([]);
  await expectNothingLeft();
});

test('without --once the generator goes on after the story, and Ctrl-C stops everything with 0', async () => {
  let deliveries = 0;
  const { code, lines, errors } = await demo([], (line, interrupt) => {
    if (!/ lead 2\d{5} /.test(line)) return;
    deliveries += 1;
    if (deliveries === 5) interrupt();
  });
  expect([code, lines.at(-1)], [...lines, ...errors].join('\n')).toEqual([0, expect.stringMatching(LAST_LINE)]);
  await expectNothingLeft();
});

test('a start that fails half way takes back what it made', async () => {
  const lines: string[] = [];
  const context = {
    args: [],
    env: { KAFKA_BROKERS: inject('kafkaBrokers').join(','), SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1' },
    out: (text: string) => lines.push(text),
    err: (text: string) => lines.push(text),
    isTerminal: false,
    readFile: () => '',
    readInput: async () => '',
    version: '0.0.0',
    attach: () => () => undefined,
    exit: () => undefined,
  };
  const deps = { context, notices: new Notices(context.err), say: context.out };
  const stack = new AsyncDisposableStack();
  const installing = install(deps, stack, 'http://127.0.0.1:1', new AbortController().signal);
  await expect(installing).rejects.toThrow('registry');
  expect((await topicsOfDemos()).length).toBeGreaterThan(0);
  await stack.disposeAsync();
  await expectNothingLeft();
});
