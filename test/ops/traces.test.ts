/** The tracer on the real API and SDK of OpenTelemetry; whether an SDK is found is tried in processes of their own. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { silentTracer } from '../../src/lib/tracer.ts';
import { openTraces, tracerOf, tracesOf } from '../../src/ops/traces.ts';
import { RecordedSpans, traceparent } from '../support/recorded-spans.ts';
import { scratchFolder } from '../support/scratch.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SDK = fileURLToPath(new URL('../support/preloaded-sdk.ts', import.meta.url));
test('without an SDK nobody takes spans, and there is nothing to flush', async () => {
  const { tracer, flush } = openTraces('1.0.0');
  expect(tracer).toBe(silentTracer);
  await flush(systemClock);
});

test.each([
  traceparent(1),
  traceparent(1).replace(/^00/, 'cc'), // of a version to come
  null,
])('the API alone keeps a traceparent as it came, also when it is asked for spans: %s', (parent) => {
  const tracer = tracerOf(trace.getTracer('test'));
  expect(tracer.start('a', { kind: 'client', parent, attributes: {} }).traceparent).toBe(parent);
});

test('a span continues its parent, is linked to others, and its own traceparent is carried on', () => {
  const spans = new RecordedSpans();
  const start = { kind: 'producer', parent: traceparent(7, 8), links: [traceparent(9)], attributes: { a: 1 } } as const;
  const span = spans.tracer.start('create x', start);
  span.set({ b: 'two' });
  span.end();
  const [seen] = spans.ended;
  expect(seen).toMatchObject({
    name: 'create x',
    kind: 3,
    parent: traceparent(7, 8).split('-')[2],
    links: [traceparent(9).slice(3, -3)],
    attributes: { a: 1, b: 'two' },
    status: 0,
  });
  expect(span.traceparent).toBe(`00-${traceparent(7).split('-')[1]}-${seen?.spanId}-01`);
});

test('a span without a parent begins a trace', () => {
  const spans = new RecordedSpans();
  const span = spans.tracer.start('x', { kind: 'consumer', parent: null, attributes: {} });
  span.end('fenced');
  expect(spans.ended).toMatchObject([{ parent: undefined, status: 2, attributes: { 'error.type': 'fenced' } }]);
  expect(span.traceparent).toBe(`00-${spans.ended[0]?.traceId}-${spans.ended[0]?.spanId}-01`);
});

test('a span that is not sampled says so to those that follow', () => {
  const spans = new RecordedSpans(new AlwaysOffSampler());
  const { traceparent: carried } = spans.tracer.start('x', {
    kind: 'client',
    parent: traceparent(7, 8),
    attributes: {},
  });
  expect(carried).toMatch(new RegExp(`^${traceparent(7).slice(0, 35)}-[0-9a-f]{16}-00$`));
  expect(carried).not.toContain(traceparent(8).split('-')[2]);
  expect(spans.ended).toEqual([]);
});

test('an SDK that was loaded before is found by the program, makes its spans, and is flushed', async () => {
  await using scratch = await scratchFolder();
  const file = join(scratch.folder, 'spans');
  const code = `
    import { openTraces } from '${ROOT}src/ops/traces.ts';
    import { systemClock } from '${ROOT}src/lib/clock.ts';
    const { tracer, flush } = openTraces('1.0.0');
    tracer.start('POST', { kind: 'client', parent: null, attributes: {} }).end();
    await flush(systemClock);
  `;
  const env = { ...process.env, NODE_OPTIONS: `--import ${SDK}`, SPANS_FILE: file };
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', code], { env, encoding: 'utf8' });
  expect([ran.stderr, ran.stdout]).toEqual(['', '']);
  const [span, flushed] = readFileSync(file, 'utf8').split('\n');
  expect(JSON.parse(span ?? '')).toMatchObject({ name: 'POST', scope: 'lead-webhooks' });
  expect(flushed).toBe('null');
});

test('a collector that does not answer keeps a stop waiting for two seconds and no longer', async () => {
  const clock = new VirtualClock();
  let flushed = false;
  const provider = { getTracer: () => trace.getTracer('test'), forceFlush: () => new Promise<void>(() => undefined) };
  const flush = tracesOf(provider, '1.0.0')
    .flush(clock)
    .then(() => {
      flushed = true;
    });
  clock.advance(1_999);
  await Promise.resolve();
  expect(flushed).toBe(false);
  clock.advance(1);
  await flush;
  const broken = { ...provider, forceFlush: () => Promise.reject(new Error('refused')) };
  await tracesOf(broken, '1.0.0').flush(clock);
  expect(clock.waiting).toBe(0);
});
