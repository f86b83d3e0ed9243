/**
 * Every metric of the program, once: name without the `lead_webhooks_` prefix, type, labels, buckets, meaning. The meter refuses what does
 * not stand here, and docs/operating.md is checked against it. Base units: seconds, bytes, records.
 *
 * Labels are bounded: stage, partition, table, endpoint id and closed sets of words. Never a lead, a cluster, a URL or a message.
 */

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, in the unit that the name ends in. */
  readonly buckets?: readonly number[];
  /** One sentence. */
  readonly help: string;
}

/** Stands before every name on the wire. */
export const METRIC_PREFIX = 'lead_webhooks_';

/** From a transaction on localhost to one that nearly times out. */
const TRANSACTION_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];
/** From an attempt on the same network to the longest timeout. */
const ATTEMPT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];
/** From what users feel as at once to a retry schedule of days. */
const END_TO_END_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600, 21_600, 86_400, 259_200];

const counter = (name: string, labels: readonly string[], help: string): Metric => ({
  name,
  type: 'counter',
  labels,
  help,
});
const gauge = (name: string, labels: readonly string[], help: string): Metric => ({
  name,
  type: 'gauge',
  labels,
  help,
});
const histogram = (name: string, labels: readonly string[], buckets: readonly number[], help: string): Metric => ({
  name,
  type: 'histogram',
  labels,
  buckets,
  help,
});

export const METRICS: readonly Metric[] = [
  // Sources and rekey.
  counter(
    'source_records_total',
    ['table', 'outcome'],
    'Source records, by what became of them: `loud`, the reason why they announce nothing, `stale`, `deleted` and so on.',
  ),
  counter('bad_records_total', ['stage', 'code'], 'Input records that could not be used and went to the dead letters.'),
  counter('cluster_changes_total', ['kind'], 'Records written to cluster-changes: `upsert`, `remove`.'),
  counter('rekey_moves_total', ['table'], 'Rows that changed their cluster.'),
  counter('unknown_rows_total', ['table'], 'Rows with a value that the source did not send and nobody knows.'),
  gauge('rekey_rows', ['partition'], 'Rows and graves that rekey knows.'),
  gauge('row_cache_bytes', ['partition'], 'Size of the recent rows that rekey keeps.'),
  // Join.
  counter('emitted_total', ['version', 'cause'], 'Payloads put on the outbound topic.'),
  counter(
    'suppressed_total',
    ['version', 'reason'],
    'Renderings that were not emitted: `same`, `silent`, `unknown-field`.',
  ),
  counter('unknown_time_zones_total', [], 'Renderings with a time zone that is not known, shown in the default zone.'),
  counter('unresolved_test_drives_total', [], 'Appointments that refer to a test drive outside of their cluster.'),
  gauge('quarantined_clusters', ['partition'], 'Clusters with more rows than allowed, which are not announced.'),
  gauge('state_clusters', ['partition'], 'Clusters in memory.'),
  gauge('state_bytes', ['partition'], 'Size of the rows in memory.'),
  histogram(
    'announce_seconds',
    [],
    END_TO_END_SECONDS,
    'From the commit of a change at the source to the outbound topic.',
  ),
  // Tasks of every stage.
  counter('transactions_total', ['stage', 'outcome'], 'Kafka transactions: `committed`, `failed`.'),
  histogram('transaction_seconds', ['stage'], TRANSACTION_SECONDS, 'From the start of a transaction to its answer.'),
  gauge('task_state', ['stage', 'partition', 'state'], '1 for the state that a task is in, 0 for the others.'),
  gauge('lag_records', ['stage', 'partition'], 'Committed input that the task has not processed.'),
  gauge(
    'lag_seconds',
    ['stage', 'partition'],
    'Age of the oldest input that the task has not processed; 0 without lag.',
  ),
  gauge('load_records_left', ['stage', 'partition'], 'Records of the log that a loading task has still to read.'),
  histogram('load_seconds', ['stage'], [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600], 'Time to load the state of a task.'),
  counter('rebalances_total', ['stage'], 'New assignments of the group.'),
  counter('registry_errors_total', ['reason'], 'Failed requests to the schema registry.'),
  gauge(
    'registry_away',
    ['stage'],
    '1 while a stage waits for a schema registry that does not answer, else 0: `rekey` with the sources, `deliver` with the endpoints topic.',
  ),
  // Deliver.
  counter(
    'attempts_total',
    ['endpoint', 'outcome', 'status_class'],
    'POSTs, by outcome and by status class (`2xx` … `5xx`, or `timeout`, `dns`, `network`, `tls`, `address`, `oauth`, `unheard`).',
  ),
  histogram('attempt_seconds', ['endpoint'], ATTEMPT_SECONDS, 'Duration of a POST.'),
  histogram(
    'delivery_seconds',
    ['endpoint'],
    END_TO_END_SECONDS,
    'From the commit of a change at the source to its delivery.',
  ),
  counter('superseded_total', ['endpoint'], 'Waiting deliveries that a newer revision of the lead replaced.'),
  counter('stale_total', ['endpoint'], 'Payloads not newer than what the endpoint was already sent for the lead.'),
  counter(
    'redrives_total',
    ['endpoint', 'outcome'],
    'Dead letters asked for again: `taken`, `stale` (the endpoint has had it or something newer), `too-old`, `not-wanted`, `no-endpoint` (of endpoint `other`).',
  ),
  gauge('pending', ['endpoint'], 'Deliveries kept in delivery-state for a later attempt.'),
  gauge(
    'pending_bytes',
    ['endpoint'],
    'Memory that pending deliveries take: bodies packed, and what is known of each.',
  ),
  gauge(
    'endpoint_definitions',
    ['source'],
    'Endpoints defined by `file` and `topic`, those that are not enabled included.',
  ),
  gauge(
    'endpoint_definitions_refused',
    ['source'],
    'Definitions with mistakes in `file` (1 = the file has some) and `topic`: what was in effect before stays.',
  ),
  gauge(
    'endpoint_health_away',
    [],
    '1 while `endpoint-health` cannot be followed, so that what other processes learn of endpoints is not heard, else 0.',
  ),
  gauge(
    'pending_since_seconds',
    ['endpoint'],
    'When the oldest pending delivery was taken, in seconds since the epoch; 0 = nothing is pending.',
  ),
  gauge('in_flight', ['endpoint'], 'POSTs without an answer yet.'),
  gauge(
    'endpoint_state',
    ['endpoint', 'state'],
    '1 for what holds an endpoint: `open` (nothing), `breaker`, `retry-after`, `unauthorized`, `gone`, `operator`, `disabled`; 0 for the others.',
  ),
  counter('dead_letters_total', ['stage', 'code'], 'Records put on the dead letter topic.'),
  // The process.
  gauge('event_loop_delay_seconds', ['quantile'], 'How late the event loop ran, since the last scrape: 0.5, 0.99, 1.'),
  gauge(
    'event_loop_utilization_ratio',
    [],
    'Share of the time since the last scrape in which the event loop was busy.',
  ),
  counter('process_cpu_seconds_total', ['mode'], 'Processor time used since the start: user, system.'),
  gauge('process_resident_memory_bytes', [], 'Memory of the process.'),
  gauge('process_heap_used_bytes', [], 'JavaScript heap in use.'),
  gauge('process_external_memory_bytes', [], 'Buffers and other memory outside of the JavaScript heap.'),
  gauge('process_start_time_seconds', [], 'When the process started, in seconds since the epoch.'),
  gauge('build_info', ['version', 'node'], 'Always 1; the labels say what is running.'),
  gauge('stage_info', ['stage'], 'Always 1, from the start of the process on: the stages that it is there for.'),
];

/** The metrics as a Markdown table, for docs/operating.md. */
export function metricTable(): string {
  const rows = METRICS.map(({ name, type, labels, help }) => {
    const shown = labels.length === 0 ? '' : `\`${labels.join('`, `')}\``;
    return `| \`${METRIC_PREFIX}${name}\` | ${type} | ${shown} | ${help} |`;
  });
  return ['| name | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
