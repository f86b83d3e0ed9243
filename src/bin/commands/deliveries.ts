/**
 * `deliveries list` and `deliveries show`: what waits in `delivery-state`, when it is due and why it waits: for itself, or because its
 * endpoint is held. A delivery that succeeds at its first attempt was never there. Bodies are personal data: shown on request alone.
 */
import type { StateKey } from '../../core/delivery.ts';
import type { Endpoint } from '../../delivery/endpoint.ts';
import { DeliveryView, type MarkView, type PendingView } from '../../kafka/delivery-view.ts';
import { readAll } from '../../kafka/partition-log.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Config } from '../../ops/config.ts';
import { type ArgumentSpec, type Arguments, readDoing } from '../arguments.ts';
import { columns, instant, until } from '../columns.ts';
import { type Command, ConfigInvalid, type Context, loadConfig, outJson } from '../command.ts';
import { definitionsInFile } from '../endpoint-definitions.ts';
import { type EndpointHold, holdJson, holdOf, holdText, readHealth } from '../endpoint-holds.ts';
import { wholeNumber } from '../option-values.ts';
import { type Reading, reading } from '../reading.ts';

const LIMIT = 100;

const USAGE = `
Usage: lead-webhooks deliveries list [--endpoint ID] [--lead ID] [--limit N] [--json]
       lead-webhooks deliveries show ENDPOINT LEAD [--body] [--json]

list    The deliveries that wait in Kafka for another attempt, the next due first: endpoint, lead, revision, attempts so
        far, when it is due, the code of the last failure, and what holds its endpoint. A delivery without attempts
        waits for its turn: its endpoint is slow or held. What is tried for the first time right now is not shown.
show    All that is known of one endpoint and lead: what is pending (several with "supersede: false"), and the marks:
        seen (the highest revision that was taken), done (an "on: create" endpoint has had the lead), dead (there is
        a dead letter; the highest revision delivered since).

HOLD is what holds the endpoint as a whole, however early the delivery is due: retry-after (it asked for a pause),
breaker (too many failures in a row), unauthorized (401 or 403), gone (410), operator (endpoints pause), disabled.
While breaker or unauthorized hold, single probes go out. Whether an endpoint is disabled is known only of one that
stands in the configured file without a mistake.

Used from the configuration: KAFKA_*, LEAD_WEBHOOKS_DELIVERY_STATE_TOPIC, LEAD_WEBHOOKS_ENDPOINT_HEALTH_TOPIC,
LEAD_WEBHOOKS_ENDPOINTS_FILE if it is set, with what its definitions need; its mistakes are told on stderr.

Options:
  --endpoint ID   only of this endpoint
  --lead ID       only of this lead
  --limit N       at most so many lines (${LIMIT}); the last line says how many there are
  --body          also the payload, which is personal data
  --json          one JSON document instead of text
  --help          this text

Exit codes: 0 good, 1 show found nothing, or Kafka cannot be reached, 2 wrong usage or configuration.

Examples:
  lead-webhooks deliveries list --endpoint orange-crm
  lead-webhooks deliveries show orange-crm 138559 --json
`;

const DOINGS = {
  list: { options: { endpoint: 'value', lead: 'value', limit: 'value', json: 'flag' } },
  show: { words: ['ENDPOINT', 'LEAD'], options: { body: 'flag', json: 'flag' } },
} as const satisfies Record<string, ArgumentSpec>;

export const command: Command = {
  name: 'deliveries',
  summary: 'show what waits to be delivered, when it is due and why',
  usage: USAGE,
  async run(context) {
    const { doing, args } = readDoing(context.args, DOINGS);
    const limit = wholeNumber(args, 'limit', 1) ?? LIMIT;
    const config = loadConfig(context);
    const { deliveryState, endpointHealth } = config.topics;
    const view = new DeliveryView({ wanted: wantedBy(args), bodies: args.has('body') });
    const health = await reading(config, 'deliveries', [deliveryState, endpointHealth], async (from) => {
      await readState(from, deliveryState, view);
      return readHealth(from, endpointHealth);
    });
    const endpoints = new Map(endpointsIn(context, config).map((endpoint) => [endpoint.id, endpoint]));
    const now = systemClock.now();
    const hold: Holds = (id) => holdOf(health.get(id), endpoints.get(id), now);
    return doing === 'list'
      ? list(context, args, { pending: view.pending, limit, now, hold })
      : show(context, args, { view, now, hold });
  },
};

/** What holds an endpoint, by its id. */
type Holds = (endpointId: string) => EndpointHold | null;

/** The file's endpoints, as far as they can be read here: what waits is to be seen all the same, and what is wrong is told beside it. */
function endpointsIn(context: Context, config: Config): readonly Endpoint[] {
  try {
    const { endpoints, problems } = definitionsInFile(context, config) ?? { endpoints: [], problems: [] };
    for (const problem of problems) context.err(problem);
    return endpoints;
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    for (const problem of error.problems) context.err(problem);
    return [];
  }
}

/** Feeds a view with all of `delivery-state`. */
async function readState({ fetcher, partitions, signal }: Reading, topic: string, view: DeliveryView): Promise<void> {
  for (let partition = 0; partition < (partitions.get(topic) ?? 0); partition++) {
    await readAll(fetcher, { topic, partition, signal }, (record) => view.take(record));
  }
}

function wantedBy(args: Arguments): (key: StateKey) => boolean {
  const endpoint = args.words[0] ?? args.value('endpoint');
  const lead = args.words[1] ?? args.value('lead');
  return ({ endpointId, leadId }) =>
    (endpoint === null || endpointId === endpoint) && (lead === null || leadId === lead);
}

function list(
  context: Context,
  args: Arguments,
  { pending, limit, now, hold }: { pending: readonly PendingView[]; limit: number; now: number; hold: Holds },
): number {
  const shown = pending.slice(0, limit);
  if (args.has('json')) {
    outJson(context, { pending: pending.length, deliveries: shown.map((one) => pendingJson(one, hold)) });
    return 0;
  }
  const head = ['ENDPOINT', 'LEAD', 'VERSION', 'REVISION', 'ATTEMPTS', 'DUE', 'STATUS', 'WHY', 'HOLD'];
  const rows = shown.map(({ key, delivery }) => [
    ...[key.endpointId, key.leadId, delivery.record.version, delivery.record.revision, delivery.attempts],
    ...[until(delivery.dueAt, now), delivery.lastStatus, why(delivery), holdCell(hold(key.endpointId), now)],
  ]);
  if (rows.length > 0) for (const line of columns(head, rows)) context.out(line);
  const more = pending.length > shown.length ? `, ${shown.length} shown` : '';
  context.out(`${pending.length} pending${more}`);
  return 0;
}

function holdCell(hold: EndpointHold | null, now: number): string | null {
  return hold && holdText(hold, now);
}

/** Why a delivery waits: the code of its last failure, or that it has had no turn yet. */
function why({ lastCode, attempts }: PendingView['delivery']): string {
  if (lastCode !== '') return lastCode;
  return attempts === 0 ? 'waits for its turn' : 'in flight when it was written';
}

function show(
  context: Context,
  args: Arguments,
  { view, now, hold }: { view: DeliveryView; now: number; hold: Holds },
): number {
  const [endpoint = '', lead = ''] = args.words;
  const pending = view.pendingOf(endpoint, lead);
  const { marks } = view;
  const hasBody = args.has('body');
  if (args.has('json')) {
    outJson(context, {
      endpoint,
      lead,
      pending: pending.map((one) => ({ ...pendingJson(one, hold), ...(hasBody ? { body: bodyOf(one) } : {}) })),
      marks: marks.map(({ mark }) => ({ ...mark, expiresAt: instant(mark.expiresAt) })),
    });
  } else {
    for (const one of pending) {
      for (const line of pendingLines(one, now, hold)) context.out(line);
      if (hasBody) context.out(bodyOf(one));
    }
    for (const line of marks.map(markLine)) context.out(line);
    if (pending.length + marks.length === 0) context.out(`${endpoint} ${lead}: nothing waits and nothing is marked`);
  }
  return pending.length + marks.length === 0 ? 1 : 0;
}

function pendingLines({ key, delivery, partition, bytes }: PendingView, now: number, hold: Holds): string[] {
  const { record, attempts, since, dueAt, firstFailureAt, lastFailureAt, lastStatus } = delivery;
  const fields: [string, string | number | null][] = [
    ['endpoint', key.endpointId],
    ['lead', key.leadId],
    ['version', record.version],
    ['revision', record.revision],
    ['attempts', attempts],
    ['due', `${instant(dueAt)} (${until(dueAt, now)})`],
    ['why', why(delivery)],
    ['hold', holdCell(hold(key.endpointId), now)],
    ['status', lastStatus],
    ['taken', instant(since)],
    ['changed', instant(record.changedAt)],
    ['first failure', instant(firstFailureAt)],
    ['last failure', instant(lastFailureAt)],
    ['partition', partition],
    ['offset', `${record.offset} of the outbound topic`],
    ['bytes', bytes],
  ];
  return fields.filter(([, value]) => value !== null).map(([name, value]) => `${name.padEnd(13)}  ${value}`);
}

function markLine({ mark }: MarkView): string {
  const revision = mark.revision < 0 ? 'nothing delivered since' : `revision ${mark.revision}`;
  return `${`mark ${mark.kind}`.padEnd(13)}  ${revision}, until ${instant(mark.expiresAt)}`;
}

function pendingJson({ key, delivery, partition, bytes }: PendingView, hold: Holds) {
  const { record, dueAt, since, firstFailureAt, lastFailureAt, lastStatus, lastCode, attempts } = delivery;
  return {
    endpoint: key.endpointId,
    lead: key.leadId,
    version: record.version,
    revision: record.revision,
    attempts,
    dueAt: instant(dueAt),
    lastCode: lastCode === '' ? null : lastCode,
    lastStatus,
    hold: holdJson(hold(key.endpointId)),
    takenAt: instant(since),
    changedAt: instant(record.changedAt),
    firstFailureAt: instant(firstFailureAt),
    lastFailureAt: instant(lastFailureAt),
    outbound: { partition, offset: record.offset },
    bytes,
  };
}

function bodyOf({ delivery: { record }, value }: PendingView): string {
  return value?.toString('utf8', record.bodyStart) ?? '';
}
