/**
 * Carries a redrive out: reads each chosen dead letter, writes a request for it, in order and at the rate asked for, and afterwards finds
 * out from Kafka what became of each. The owning deliver task decides (docs/semantics.md, S5); nothing is sent to an endpoint from here.
 */
import { partitionOf } from '../core/partition.ts';
import { DeliveryView } from '../kafka/delivery-view.ts';
import { encodeRedrive } from '../kafka/internal-codec.ts';
import { type Letter, readLetter, redrivable } from '../kafka/letter.ts';
import { PlainProducer } from '../kafka/plain-producer.ts';
import type { KafkaRecord, OutgoingRecord } from '../kafka/record.ts';
import { type Clock, pause } from '../lib/clock.ts';
import type { Config } from '../ops/config.ts';
import type { Reading } from './reading.ts';

/** A dead letter that was asked for, and where its request lies. */
export interface Asked {
  readonly letter: Letter;
  readonly request: { readonly partition: number; readonly offset: number };
}

/**
 * What became of a request. `delivered` and `newer-delivered`: nothing is left to do. `pending`: it waits for another attempt, or for a
 * newer revision that does. `dead-again`: there is a new dead letter. `not-sent`: the endpoint is not defined, or wants another version or
 * dealership by now. `not-read`: no deliver task has come to it in time.
 */
export type Fate = 'delivered' | 'newer-delivered' | 'pending' | 'dead-again' | 'not-sent' | 'not-read';

const CHUNK_MAX = 100;
const LOOK_MS = 500;

/**
 * Writes the requests.
 * @param rate requests a second, at least 1.
 * @returns those that were written; a dead letter that is gone meanwhile is left out.
 */
export async function askFor(
  reading: Reading,
  config: Config,
  letters: readonly Letter[],
  pace: { rate: number; clock: Clock },
): Promise<Asked[]> {
  const { rate, clock } = pace;
  const chunk = Math.max(1, Math.min(CHUNK_MAX, Math.floor(rate / 5)));
  const producer = new PlainProducer(reading.kafka);
  const asked: Asked[] = [];
  try {
    for (let at = 0; at < letters.length; at += chunk) {
      if (at > 0) await pause(clock, (chunk / rate) * 1000);
      const part = letters.slice(at, at + chunk);
      const requests = (
        await Promise.all(part.map((letter) => requestOf(reading, config, letter, clock.now())))
      ).flat();
      const sent = await producer.send(requests.map(({ record }) => record));
      for (const [index, { letter, record }] of requests.entries()) {
        asked.push({ letter, request: { partition: record.partition, offset: sent.offset(index) } });
      }
    }
    return asked;
  } finally {
    await producer.close();
  }
}

async function requestOf(
  { fetcher, partitions, signal }: Reading,
  { topics }: Config,
  letter: Letter,
  now: number,
): Promise<{ letter: Letter; record: OutgoingRecord }[]> {
  const { partition, offset, endpoint, lead, writtenAt: deadAt } = letter;
  const place = { topic: topics.deadLetters, partition, from: offset, to: offset + 1 };
  const found: KafkaRecord[] = [];
  await fetcher.read({ ...place, committed: true, signal }, (records) => void found.push(...records));
  const [original] = found;
  const record = original === undefined ? null : redrivable(original, now);
  if (record === null || 'not' in record || endpoint === null || lead === null) return [];
  const value = encodeRedrive({
    endpointId: endpoint,
    record,
    letter: { partition, offset },
    deadAt,
    requestedAt: now,
  });
  const target = partitionOf(lead, partitions.get(topics.redrives) ?? 1);
  return [{ letter, record: { topic: topics.redrives, partition: target, key: `${endpoint}|${lead}`, value } }];
}

/**
 * Waits until every request is settled, or until `deadline` (ms since the epoch).
 * @param newLetters called at the end: dead letters written since the requests were.
 */
export async function fates(
  reading: Reading,
  config: Config,
  asked: readonly Asked[],
  until: { deadline: number; clock: Clock; newLetters: () => Promise<readonly Letter[]> },
): Promise<Map<Asked, Fate>> {
  const { clock, deadline } = until;
  const pairs = new Set(asked.map(({ letter }) => `${letter.endpoint}|${letter.lead}`));
  const wanted = ({ endpointId, leadId }: { endpointId: string; leadId: string }): boolean =>
    pairs.has(`${endpointId}|${leadId}`);
  const view = new DeliveryView({ wanted, bodies: false });
  const read = new Map(asked.map(({ request }) => [request.partition, 0]));
  for (;;) {
    for (const [partition, from] of read) read.set(partition, await readOn(reading, config, view, { partition, from }));
    const found = new Map(asked.map((one) => [one, fateOf(view, one)]));
    const open = [...found.values()].some((fate) => fate === 'not-read' || fate === 'pending');
    if (!open || clock.now() >= deadline) return withNewLetters(found, await until.newLetters());
    await pause(clock, Math.min(LOOK_MS, Math.max(1, deadline - clock.now())));
  }
}

async function readOn(
  { fetcher, signal }: Reading,
  { topics }: Config,
  view: DeliveryView,
  at: { partition: number; from: number },
): Promise<number> {
  const { partition } = at;
  const { earliest, lastStable } = await fetcher.ends(topics.deliveryState, partition);
  const from = Math.max(at.from, earliest);
  if (from >= lastStable) return from;
  await fetcher.read(
    { topic: topics.deliveryState, partition, from, to: lastStable, committed: true, signal },
    (records) => {
      for (const record of records) view.take(record);
    },
  );
  return lastStable;
}

/** What `delivery-state` says of a request. */
export function fateOf(view: DeliveryView, { letter, request }: Asked): Fate {
  const { endpoint, lead, revision } = letter;
  if (endpoint === null || lead === null || revision === null) return 'not-sent';
  if (view.redrivesRead(request.partition) <= request.offset) return 'not-read';
  const delivered = view.deliveredSince(endpoint, lead) ?? -1;
  if (delivered === revision) return 'delivered';
  if (delivered > revision) return 'newer-delivered';
  return view.pendingOf(endpoint, lead).some(({ delivery }) => delivery.record.revision >= revision)
    ? 'pending'
    : 'not-sent';
}

function withNewLetters(found: Map<Asked, Fate>, letters: readonly Letter[]): Map<Asked, Fate> {
  const dead = new Set(letters.map(({ endpoint, lead, revision }) => `${endpoint}|${lead}|${revision}`));
  for (const [asked, fate] of found) {
    const { endpoint, lead, revision } = asked.letter;
    if (fate === 'not-sent' && dead.has(`${endpoint}|${lead}|${revision}`)) found.set(asked, 'dead-again');
  }
  return found;
}

/** The dead letters written at or after the offsets `from`, one for each partition. */
export async function lettersSince(
  { fetcher, signal }: Reading,
  topic: string,
  from: ReadonlyMap<number, number>,
): Promise<Letter[]> {
  const letters: Letter[] = [];
  for (const [partition, offset] of from) {
    const { lastStable } = await fetcher.ends(topic, partition);
    if (offset >= lastStable) continue;
    await fetcher.read({ topic, partition, from: offset, to: lastStable, committed: true, signal }, (records) => {
      letters.push(...records.map(readLetter));
    });
  }
  return letters;
}
