/**
 * `deliveries list` and `deliveries show`: what waits in `delivery-state`, when it is due and why it waits. Reads Kafka only: a delivery
 * that succeeds at its first attempt was never there. Bodies are personal data: shown on request alone.
 */
import type { StateKey } from '../../core/delivery.ts';
import { DeliveryView, type MarkView, type PendingView } from '../../kafka/delivery-view.ts';
import { readAll } from '../../kafka/partition-log.ts';
import { systemClock } from '../../lib/clock.ts';
import { type ArgumentSpec, type Arguments, readDoing } from '../arguments.ts';
import { columns, instant, until } from '../columns.ts';
import { type Command, type Context, loadConfig, outJson } from '../command.ts';
import { wholeNumber } from '../option-values.ts';
import { type Reading, reading } from '../reading.ts';

const LIMIT = 100;

const USAGE = `
Usage: lead-webhooks deliveries list [--endpoint ID] [--lead ID] [--limit N] [--json]
       lead-webhooks deliveries show ENDPOINT LEAD [--body] [--json]

list    The deliveries that wait in Kafka for another attempt, the next due first: endpoint, lead, revision, attempts so
        far, when it is due, and the code of the last failure. A delivery without attempts waits for its turn: its
        endpoint is slow, paused or disabled. What is tried for the first time right now is not shown.
show    All that is known of one endpoint and lead: what is pending (several with "supersede: false"), and the marks:
        seen (the highest revision that was taken), done (an "on: create" endpoint has had the lead), dead (there is
        a dead letter; the highest revision delivered since).

Used from the configuration: KAFKA_*, LEAD_WEBHOOKS_DELIVERY_STATE_TOPIC.

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
    const topic = config.topics.deliveryState;
    const view = new DeliveryView({ wanted: wantedBy(args), bodies: args.has('body') });
    await reading(config, 'deliveries', [topic], (from) => readState(from, topic, view));
    const now = systemClock.now();
    return doing === 'list'
      ? list(context, args, { pending: view.pending, limit, now })
      : show(context, args, { view, now });
  },
};

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
  { pending, limit, now }: { pending: readonly PendingView[]; limit: number; now: number },
): number {
  const shown = pending.slice(0, limit);
  if (args.has('json')) {
    outJson(context, { pending: pending.length, deliveries: shown.map(pendingJson) });
    return 0;
  }
  const head = ['ENDPOINT', 'LEAD', 'VERSION', 'REVISION', 'ATTEMPTS', 'DUE', 'STATUS', 'WHY'];
  const rows = shown.map(({ key, delivery }) => [
    ...[key.endpointId, key.leadId, delivery.record.version, delivery.record.revision, delivery.attempts],
    ...[until(delivery.dueAt, now), delivery.lastStatus, why(delivery)],
  ]);
  if (rows.length > 0) for (const line of columns(head, rows)) context.out(line);
  const more = pending.length > shown.length ? `, ${shown.length} shown` : '';
  context.out(`${pending.length} pending${more}`);
  return 0;
}

/** Why a delivery waits: the code of its last failure, or that it has had no turn yet. */
function why({ lastCode, attempts }: PendingView['delivery']): string {
  if (lastCode !== '') return lastCode;
  return attempts === 0 ? 'waits for its turn' : 'in flight when it was written';
}

function show(context: Context, args: Arguments, { view, now }: { view: DeliveryView; now: number }): number {
  const [endpoint = '', lead = ''] = args.words;
  const pending = view.pendingOf(endpoint, lead);
  const { marks } = view;
  const hasBody = args.has('body');
  if (args.has('json')) {
    outJson(context, {
      endpoint,
      lead,
      pending: pending.map((one) => ({ ...pendingJson(one), ...(hasBody ? { body: bodyOf(one) } : {}) })),
      marks: marks.map(({ mark }) => ({ ...mark, expiresAt: instant(mark.expiresAt) })),
    });
  } else {
    for (const one of pending) {
      for (const line of pendingLines(one, now)) context.out(line);
      if (hasBody) context.out(bodyOf(one));
    }
    for (const line of marks.map(markLine)) context.out(line);
    if (pending.length + marks.length === 0) context.out(`${endpoint} ${lead}: nothing waits and nothing is marked`);
  }
  return pending.length + marks.length === 0 ? 1 : 0;
}

function pendingLines({ key, delivery, partition, bytes }: PendingView, now: number): string[] {
  const { record, attempts, since, dueAt, firstFailureAt, lastFailureAt, lastStatus } = delivery;
  const fields: [string, string | number | null][] = [
    ['endpoint', key.endpointId],
    ['lead', key.leadId],
    ['version', record.version],
    ['revision', record.revision],
    ['attempts', attempts],
    ['due', `${instant(dueAt)} (${until(dueAt, now)})`],
    ['why', why(delivery)],
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

function pendingJson({ key, delivery, partition, bytes }: PendingView) {
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
