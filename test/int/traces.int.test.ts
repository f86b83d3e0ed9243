/**
 * Traces over a real Kafka and HTTP. The program is started as an operator does it, with a real OpenTelemetry SDK loaded before it
 * and without one; what is doubled is the collector: the spans go to a file.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { partitionOf } from '../../src/core/partition.ts';
import { Receiver } from '../../src/dev/receiver.ts';
import { type ChangeEvent, SourceDatabase } from '../support/change-events.ts';
import { Installation, type Running } from '../support/installation.ts';
import { type SeenSpan, traceparent } from '../support/recorded-spans.ts';
import { scratchFolder } from '../support/scratch.ts';
import { sourceLead } from '../support/source-rows.ts';

const SDK = fileURLToPath(new URL('../support/preloaded-sdk.ts', import.meta.url));
const TIMEOUT_MS = 120_000;

function endpointsFile(url: string): string {
  const allow = 'allow: { http: true, addresses: ["127.0.0.1/32"] }';
  return `endpoints:\n  - { id: crm, dealership: 3, version: v3, url: "${url}/crm?key=s3cret", ${allow} }\n`;
}

/** Appends a change whose record belongs to a trace. */
async function pipeTraced(
  installation: Installation,
  { table, id, value }: ChangeEvent,
  header: string,
): Promise<void> {
  const key = `{"id":${id}}`;
  const at = { topic: installation.source(table), partition: partitionOf(key, installation.partitions) };
  await installation.append([{ ...at, key, value, headers: { traceparent: header } }]);
}

async function running(program: Running, tasks: number): Promise<Running> {
  await Promise.all(['rekey', 'join', 'deliver'].map((stage) => program.tasksRunning(stage, tasks)));
  return program;
}

test('one change is one trace, from the source record over all stages to the header of the POST; without an SDK the header is carried', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using scratch = await scratchFolder();
  await using receiver = new Receiver();
  const endpoints = endpointsFile(await receiver.listen());
  const env = { LEAD_WEBHOOKS_PAYLOAD_VERSIONS: 'v3' };
  const brokers = inject('kafkaBrokers');
  await using installation = new Installation({ brokers, registryUrl: null, endpoints, env });
  await installation.install();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const source = new SourceDatabase();
  const file = join(scratch.folder, 'spans');

  const traced = installation.start('all', { NODE_OPTIONS: `--import ${SDK}`, SPANS_FILE: file });
  await running(traced, installation.partitions);
  await pipeTraced(installation, source.insert('lead', sourceLead({ id: 138559 })), traceparent(7, 8));
  await receiver.until(() => receiver.received.length === 1, signal);
  expect(await traced.stop()).toBe(0);
  expect(traced.lines.some(({ event }) => event === 'traces')).toBe(true);

  const plain = await running(installation.start('all'), installation.partitions);
  await pipeTraced(installation, source.insert('lead', sourceLead({ id: 2 })), traceparent(9));
  await receiver.until(() => receiver.received.length === 2, signal);
  expect(await plain.stop()).toBe(0);
  expect(plain.lines.some(({ event }) => event === 'traces')).toBe(false);

  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines.pop()).toBe('null'); // flushed
  const [, traceId, sourceSpan] = traceparent(7, 8).split('-');
  const spans = lines.map((line) => JSON.parse(line) as SeenSpan).filter((span) => span.traceId === traceId);
  const at = (start: string): SeenSpan | undefined => spans.find(({ name }) => name.startsWith(start));
  const names = [installation.source('lead'), installation.topic('cluster-changes'), installation.topic('outbound')];
  expect(spans.map(({ name }) => name).sort()).toEqual(
    ['POST', `create ${names[2]}`, `join ${names[1]}`, `rekey ${names[0]}`].sort(),
  );
  const post = at('POST');
  expect([at('rekey')?.parent, at('join')?.parent, at('create')?.parent]).toEqual([sourceSpan, sourceSpan, sourceSpan]);
  expect(post?.parent).toBe(at('create')?.spanId);
  expect(at('create')?.links).toEqual([`${traceId}-${at('join')?.spanId}`]);

  const sent = receiver.received.map(({ headers }) => headers['traceparent']);
  expect(sent).toEqual([`00-${traceId}-${post?.spanId}-01`, traceparent(9)]);
  const outbound = await installation.committed(installation.topic('outbound'));
  const carried = outbound.map(({ headers }) => headers['traceparent']?.toString());
  expect(carried.toSorted()).toEqual([`00-${traceId}-${at('create')?.spanId}-01`, traceparent(9)].toSorted());
  for (const word of ['138559', 's3cret', 'crm?']) expect(lines.join('\n')).not.toContain(word);
});
