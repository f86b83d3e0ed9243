/**
 * The life of a deliver task: read back what is pending and how far the predecessor may have sent, hand the outbound records
 * to the deliverer, and write what it has to say in transactions. HTTP never happens inside of one.
 *
 * The deliverer sends nothing before its first commit has succeeded, and nothing beyond the bound that a commit has written;
 * this loop only keeps its plans and their outcome in step. A commit that failed, or may have, ends the life: the deliverer is
 * abandoned and the next one starts from what Kafka holds.
 */
import {
  type Commit,
  type DeliverStart,
  formatStateKey,
  type OutboundRecord,
  type Redrives,
} from '../core/delivery.ts';
import { POSITION_KEY } from '../core/keys.ts';
import { type Clock, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { InputFetcher } from './batch-loop.ts';
import { deadLetter } from './dead-letter.ts';
import { loadDeliverStart } from './deliver-start.ts';
import type { KafkaFailure } from './errors.ts';
import { InputWatch, STALL_MS, watched } from './input-watch.ts';
import { encodeDeliverPosition, encodeMark, encodePending } from './internal-codec.ts';
import { LagGauges } from './lag-gauges.ts';
import type { Lease } from './lease.ts';
import { News, Rounds } from './news.ts';
import { deliveryDeadLetter, readOutbound } from './outbound-record.ts';
import type { PartitionLog } from './partition-log.ts';
import { PositionLag } from './position-lag.ts';
import type { KafkaRecord, OutgoingRecord } from './record.ts';
import { type RedriveInput, subscribeRedrives } from './redrive-input.ts';
import type { Life } from './task.ts';
import type { Chunk } from './task-queue.ts';

/** The deliverer as this loop uses it (see delivery/deliverer.ts). */
export interface TaskDeliverer {
  wants(): boolean;
  take(records: readonly OutboundRecord[], nextOffset: number): void;
  redrive(redrives: Redrives): void;
  readonly wantsRedrives: boolean;
  plan(): Commit | null;
  committed(commit: Commit): void;
  drain(deadline: number): Promise<void>;
  suspend(deadline: number): Promise<void>;
  resume(): void;
  readonly waitsOnPurpose: boolean;
  abandon(): void;
}

export interface DeliverLoopDeps {
  readonly log: PartitionLog;
  readonly fetcher: InputFetcher;
  /** Makes the deliverer of a life; `onNews` is called when `plan` has something to say. */
  readonly deliverer: (start: DeliverStart, onNews: () => void) => TaskDeliverer;
  /** The group's word that the task is ours, which every attempt needs. */
  readonly lease: Pick<Lease, 'admit'>;
  readonly clock: Clock;
  readonly logger: Log;
  readonly meter: Meter;
}

/** How often a task that hears nothing looks at the ages of what is pending: a little more than the deliverer itself leaves between looks. */
const QUIET_MS = 21_000;

export interface DeliverLoopOptions {
  readonly partition: number;
  readonly outboundTopic: string;
  readonly stateTopic: string;
  readonly redrivesTopic: string;
  readonly deadLetters: { topic: string; partitions: number };
  /** Least time between the starts of two transactions. */
  readonly commitIntervalMs: number;
  /** How long the task may stand still with input before it, ms (default 60,000). */
  readonly stallMs?: number;
  /** How long a stop waits for requests in flight. */
  readonly drainMs: number;
  readonly onCommitted: (next: ReadonlyMap<string, number>) => void;
}

/** Lives one life of a deliver task; returns after `life.signal` aborted and what was in flight is written down. */
export async function deliverLoop(life: Life, deps: DeliverLoopDeps, options: DeliverLoopOptions): Promise<void> {
  const news = new News();
  const { deliverer, position, lastTimestamp } = await begin(life, deps, { ...options, news });
  const newest = { timestamp: lastTimestamp };
  const gauges = new LagGauges(deps, { stage: 'deliver', partition: options.partition }, lastTimestamp);
  const lag = new PositionLag(gauges, position.nextOffset);
  news.tell(); // the first plan is due at once: nothing is sent before it has been committed
  const bad: OutgoingRecord[] = [];
  const limitMs = options.stallMs ?? STALL_MS;
  const watch = new InputWatch({ stage: 'deliver', partition: options.partition, limitMs });
  const reading = { deps, options, news, bad, watch, newest, lag };
  const { subscription, redrives, failed } = subscribe(deliverer, position, reading);
  const rounds = new Rounds();
  const leave = deps.lease.admit({
    async suspend(deadline) {
      await deliverer.suspend(deadline);
      const written = rounds.next();
      news.tell();
      await written;
    },
    resume: () => deliverer.resume(),
  });
  const wake = (): void => news.tell();
  const stopWaking = every(deps.clock, QUIET_MS, wake);
  life.signal.addEventListener('abort', wake);
  life.running();
  const sending = async (): Promise<void> => {
    for (let began = -Infinity; !life.signal.aborted; ) {
      await news.told();
      const restMs = began + options.commitIntervalMs - deps.clock.monotonic();
      if (restMs > 0) await pause(deps.clock, restMs, life.signal);
      if (failed.by !== null) throw failed.by;
      if (life.signal.aborted) break;
      began = deps.clock.monotonic();
      await rounds.run(() => commit(life, deliverer, { deps, options, bad, watch, newest, lag }));
      if (deliverer.wants()) subscription.resume();
      if (deliverer.wantsRedrives) redrives.resume();
    }
  };
  try {
    const excused = (): boolean => deliverer.waitsOnPurpose;
    await watched(sending(), { watch, clock: deps.clock, excused, onLook: () => lag.show() });
    subscription.close();
    redrives.close();
    await deliverer.drain(deps.clock.now() + options.drainMs);
    await commit(life, deliverer, { deps, options, bad, watch, newest, lag });
  } finally {
    leave();
    stopWaking();
    rounds.end();
    life.signal.removeEventListener('abort', wake);
    subscription.close();
    redrives.close();
    deliverer.abandon();
  }
}

/**
 * Loads the task and makes its deliverer. A function of its own, so that nothing of what was read, which may be much, is held by a
 * life that goes on.
 */
async function begin(
  life: Life,
  { log, deliverer }: DeliverLoopDeps,
  { news, ...places }: DeliverLoopOptions & { news: News },
): Promise<{ deliverer: TaskDeliverer; position: DeliverStart['position']; lastTimestamp: number }> {
  const { start, lastTimestamp } = await loadDeliverStart(log, life.signal, places);
  return { deliverer: deliverer(start, () => news.tell()), position: start.position, lastTimestamp };
}

/** Calls `tick` every `ms`, until the function returned is called. */
function every(clock: Clock, ms: number, tick: () => void): () => void {
  let cancel = clock.after(ms, function again() {
    tick();
    cancel = clock.after(ms, again);
  });
  return () => cancel();
}

interface Reading {
  deps: DeliverLoopDeps;
  options: DeliverLoopOptions;
  news: News;
  bad: OutgoingRecord[];
  watch: InputWatch;
  /** Newest record time read. */
  newest: { timestamp: number };
  lag: PositionLag;
}

function subscribe(deliverer: TaskDeliverer, position: DeliverStart['position'], reading: Reading) {
  const { deps, options, news, bad, watch, newest, lag } = reading;
  const failed: { by: KafkaFailure | null } = { by: null };
  const at = { topic: options.outboundTopic, partition: options.partition, offset: position.nextOffset };
  const subscription = deps.fetcher.subscribe(at, {
    deliver: (chunk: Chunk) => {
      const records: OutboundRecord[] = [];
      for (const record of chunk.records) {
        newest.timestamp = Math.max(newest.timestamp, record.timestamp);
        const read = readOutbound(record);
        if ('wrong' in read) bad.push(badLetter(record, read.wrong, reading));
        else records.push(read);
      }
      watch.fetched(options.outboundTopic, chunk, deps.clock.monotonic());
      deliverer.take(records, chunk.next);
      if (bad.length > 0) news.tell();
      if (!deliverer.wants()) subscription.pause();
      lag.fetched(chunk);
    },
    fail: (failure) => {
      failed.by = failure;
      news.tell();
    },
  });
  return { subscription, redrives: subscribeToRedrives(deliverer, position, { reading, failed }), failed };
}

function subscribeToRedrives(
  deliverer: TaskDeliverer,
  position: DeliverStart['position'],
  { reading, failed }: { reading: Reading; failed: { by: KafkaFailure | null } },
): RedriveInput {
  const { fetcher, logger } = reading.deps;
  const { redrivesTopic: topic, partition } = reading.options;
  const taken = (redrives: Redrives): void => deliverer.redrive(redrives);
  const fail = (failure: KafkaFailure): void => {
    failed.by = failure;
    reading.news.tell();
  };
  return subscribeRedrives({ fetcher, logger, taken, failed: fail }, { topic, partition, offset: position.redrives });
}

function badLetter(record: KafkaRecord, message: string, { deps, options }: Reading): OutgoingRecord {
  const { topic, partition, offset } = record;
  const code = 'undecodable';
  deps.meter.count('bad_records_total', { stage: 'deliver', code });
  deps.logger.warn(
    { event: 'bad_record', code, topic, partition, offset },
    `the record went to the dead letters: ${message}`,
  );
  return deadLetter(record, { stage: 'deliver', code, message }, options.deadLetters);
}

async function commit(
  life: Life,
  deliverer: TaskDeliverer,
  { deps, options, bad, watch, newest, lag }: Omit<Reading, 'news'>,
): Promise<void> {
  const plan = deliverer.plan();
  if (plan === null && bad.length === 0) return;
  const records = [...bad.splice(0), ...(plan === null ? [] : written(plan, options, newest.timestamp))];
  const startedAt = deps.clock.now();
  try {
    await life.producer.send(records);
    await life.producer.commit();
  } catch (error) {
    deps.meter.count('transactions_total', { stage: 'deliver', outcome: 'failed' });
    await life.producer.abort();
    throw error;
  }
  deps.meter.count('transactions_total', { stage: 'deliver', outcome: 'committed' });
  deps.meter.observe('transaction_seconds', { stage: 'deliver' }, (deps.clock.now() - startedAt) / 1000);
  if (plan === null) return;
  deliverer.committed(plan);
  lag.committed(plan.position.nextOffset);
  const next = new Map([[options.outboundTopic, plan.position.nextOffset]]);
  watch.committed(next, deps.clock.monotonic());
  options.onCommitted(next);
}

function written(plan: Commit, options: DeliverLoopOptions, lastTimestamp: number): OutgoingRecord[] {
  const { partition, stateTopic: topic, outboundTopic, deadLetters } = options;
  const from = { topic: outboundTopic, partition };
  const records = plan.deadLetters.map((letter) => deliveryDeadLetter(letter, from, deadLetters));
  for (const { key, delivery } of plan.pending) {
    records.push({
      topic,
      partition,
      key: formatStateKey(key),
      value: delivery === null ? null : encodePending(delivery),
    });
  }
  for (const { key, mark } of plan.marks) {
    records.push({ topic, partition, key: formatStateKey(key), value: mark === null ? null : encodeMark(mark) });
  }
  const position = encodeDeliverPosition({ ...plan.position, lastTimestamp });
  records.push({ topic, partition, key: POSITION_KEY, value: position });
  return records;
}
