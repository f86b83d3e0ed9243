/** The meter as a scraper sees it, and what it refuses from our own code. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { AssertionFailed } from '../../src/lib/assert.ts';
import { METRIC_PREFIX, METRICS } from '../../src/ops/metric-table.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import { observeProcess } from '../../src/ops/process-metrics.ts';

test('counters add, gauges hold, histograms bucket, all under the own prefix', async () => {
  const metrics = new Metrics();
  metrics.count('emitted_total', { version: 'v3', cause: 'created' });
  metrics.count('emitted_total', { version: 'v3', cause: 'created' }, 2);
  metrics.gauge('state_clusters', { partition: 4 }, 17);
  metrics.observe('attempt_seconds', { endpoint: 'crm' }, 0.03);
  const text = await metrics.scrape();
  expect(text).toContain('lead_webhooks_emitted_total{version="v3",cause="created"} 3\n');
  expect(text).toContain('lead_webhooks_state_clusters{partition="4"} 17\n');
  expect(text).toContain('lead_webhooks_attempt_seconds_bucket{le="0.05",endpoint="crm"} 1\n');
  expect(text).toContain('lead_webhooks_attempt_seconds_bucket{le="0.025",endpoint="crm"} 0\n');
});

test('a gauge that is forgotten is gone, alone, and may come again', async () => {
  const metrics = new Metrics();
  for (const partition of [1, 2]) metrics.gauge('state_clusters', { partition }, 7);
  metrics.forget('state_clusters', { partition: 1 });
  metrics.forget('state_clusters', { partition: 3 });
  const text = await metrics.scrape();
  expect(text).not.toContain('state_clusters{partition="1"}');
  expect(text).toContain('state_clusters{partition="2"} 7\n');
  metrics.gauge('state_clusters', { partition: 1 }, 8);
  expect(await metrics.scrape()).toContain('state_clusters{partition="1"} 8\n');
});

test('all series with a label can be forgotten, counters and histograms too, and no others', async () => {
  const metrics = new Metrics();
  for (const endpoint of ['a', 'b']) {
    for (const status_class of ['2xx', '5xx'])
      metrics.count('attempts_total', { endpoint, outcome: 'x', status_class });
    metrics.observe('attempt_seconds', { endpoint }, 1);
    metrics.gauge('pending', { endpoint }, 1);
  }
  metrics.gauge('endpoint_definitions', { source: 'a' }, 1);
  metrics.forgetAll('endpoint', 'a');
  await turn();
  const text = await metrics.scrape();
  expect(text).not.toContain('endpoint="a"');
  expect(text).toContain('attempt_seconds_count{endpoint="b"} 1');
  expect(text).toContain('attempts_total{endpoint="b",outcome="x",status_class="5xx"} 1');
  expect(text).toContain('endpoint_definitions{source="a"} 1');
  metrics.count('attempts_total', { endpoint: 'a', outcome: 'x', status_class: '2xx' });
  expect(await metrics.scrape()).toContain('attempts_total{endpoint="a",outcome="x",status_class="2xx"} 1');
});

test.each<[string, (metrics: Metrics) => void]>([
  ['an unknown name', (metrics) => metrics.count('nonsense_total')],
  ['a missing label', (metrics) => metrics.count('emitted_total', { version: 'v3' })],
  ['an unknown label', (metrics) => metrics.gauge('state_clusters', { partition: 1, lead: '5' }, 1)],
  ['a misspelt label', (metrics) => metrics.gauge('state_clusters', { partitoin: 1 }, 1)],
  ['a wrong type', (metrics) => metrics.gauge('emitted_total', { version: 'v3', cause: 'created' }, 1)],
  ['a counter to be forgotten', (metrics) => metrics.forget('unknown_time_zones_total', {})],
  ['a label that is missing where a gauge is forgotten', (metrics) => metrics.forget('lag_records', { partition: 1 })],
  ['a counter that goes down', (metrics) => metrics.count('unknown_time_zones_total', {}, -1)],
])('%s is a bug and fails at once', (_what, use) => {
  expect(() => use(new Metrics())).toThrow(AssertionFailed);
});

test('two meters in one process share nothing', async () => {
  const first = new Metrics();
  first.gauge('state_clusters', { partition: 1 }, 1);
  expect(await new Metrics().scrape()).not.toContain('state_clusters{');
});

test('the table follows the conventions: snake case, counters end in _total, names and labels unique, histograms have rising buckets', () => {
  const names = METRICS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, type, labels, buckets = [], help } of METRICS) {
    expect(METRIC_PREFIX + name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    expect(new Set(labels).size, name).toBe(labels.length);
    expect(buckets.length > 0, name).toBe(type === 'histogram');
    expect(
      [...buckets].sort((a, b) => a - b),
      name,
    ).toEqual(buckets);
    expect(help, name).toMatch(/\.$/);
  }
});

test('each scrape reads the process afresh', async () => {
  const metrics = new Metrics();
  const stop = observeProcess(metrics, { version: '1.2.3', stages: ['rekey', 'join'] });
  const text = await metrics.scrape();
  stop();
  expect(text).toMatch(/lead_webhooks_build_info\{version="1\.2\.3",node="[\d.]+"\} 1/);
  const stages = [...text.matchAll(/^lead_webhooks_stage_info\{stage="(\w+)"\} 1$/gm)].map(([, stage]) => stage);
  expect(stages).toEqual(['rekey', 'join']);
  for (const name of METRICS.map(({ name }) => name).filter((each) => /^(process|event_loop)_/.test(each))) {
    expect(text, name).toMatch(new RegExp(`^${METRIC_PREFIX}${name}(\\{.*\\})? [\\d.e+-]+$`, 'm'));
  }
});
