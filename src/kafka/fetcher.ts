/**
 * Reads partitions from offsets that the caller names, without a consumer group: live subscriptions, stretches (loads and
 * rows read back) and offsets. It replaces kafkajs's consumer for reading; why: docs/decisions/0002-own-fetch-loop.md.
 *
 * Live: one request per broker carries all partitions that are neither paused nor asked for already; as soon as an answer
 * is handed out the next one goes. There are two lanes per broker, so that a partition that is new or resumed rides beside
 * a running long poll and waits at most `maxWaitMs`. Chunks are handed out synchronously; holding back is the
 * subscriber's part (`pause`). A leader that moves or a broker that is away is tried again and told to no one.
 */
import type { Kafka } from 'kafkajs';
import { assert } from '../lib/assert.ts';
import { type Clock, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { type BrokerAddress, BrokerConnections, type Lane } from './broker-connections.ts';
import { classify, KafkaFailure } from './errors.ts';
import { fetchCall, partitionFailure, retryDelayMs } from './fetch-call.ts';
import type { PartitionAnswer } from './fetch-response.ts';
import { PartitionLeaders } from './partition-leaders.ts';
import type { PartitionLog } from './partition-log.ts';
import { type PartitionOffsets, readPartitionOffsets } from './partition-offsets.ts';
import { type Range, readRange, worthRetrying } from './range-reader.ts';
import type { KafkaRecord } from './record.ts';
import { decodeBatches } from './record-batch.ts';

export interface Chunk {
  /** In offset order; may be empty when only `next` or the ends moved. Views into shared memory: copy what is kept. */
  readonly records: KafkaRecord[];
  /** The offset to read on from: after markers, aborted records and holes. */
  readonly next: number;
  readonly lastStableOffset: number;
  readonly highWatermark: number;
}

/** Both are called synchronously and must not throw. After `fail`, or after `close`, nothing is called any more. */
export interface Subscriber {
  deliver(chunk: Chunk): void;
  fail(failure: KafkaFailure): void;
}

export interface Subscription {
  /** Nothing is delivered from now on until `resume`; what is under way is dropped and read again. */
  pause(): void;
  resume(): void;
  close(): void;
  /** The offset after what was delivered. */
  readonly next: number;
}

export interface FetcherOptions {
  /** Milliseconds of a long poll. */
  readonly maxWaitMs: number;
  readonly bytesPerPartition: number;
  readonly bytesPerRequest: number;
  /** Milliseconds for which a topic that does not exist is asked for again before that is a failure. */
  readonly missingGraceMs: number;
}

export const FETCHER_DEFAULTS: FetcherOptions = {
  maxWaitMs: 250,
  bytesPerPartition: 1024 * 1024,
  bytesPerRequest: 4 * 1024 * 1024,
  missingGraceMs: 5_000,
};

interface Live {
  readonly topic: string;
  readonly partition: number;
  readonly committed: boolean;
  readonly subscriber: Subscriber;
  offset: number;
  paused: boolean;
  closed: boolean;
  /** In a request, or waiting after a failure. */
  busy: boolean;
  failures: number;
  missingSince: number | null;
  /** Ends of the log as last delivered; -1 before the first answer. */
  lastStableOffset: number;
  highWatermark: number;
}

const LIVE_LANES: readonly Lane[] = ['live-0', 'live-1'];

export class Fetcher implements PartitionLog {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #options: FetcherOptions;
  readonly #connections: BrokerConnections;
  readonly #leaders: PartitionLeaders;
  readonly #stopping = new AbortController();
  /** In the order in which they are asked for: who got records goes to the end, so that a size limit starves no one. */
  readonly #live = new Map<string, Live>();
  readonly #lanesBusy = new Set<string>();
  #scheduled = false;
  #learning = false;

  constructor(deps: { kafka: Kafka; log: Log; clock: Clock }, options: Partial<FetcherOptions> = {}) {
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#options = { ...FETCHER_DEFAULTS, ...options };
    this.#connections = new BrokerConnections(deps.kafka);
    this.#leaders = new PartitionLeaders(this.#connections);
  }

  /**
   * Starts reading a partition at `offset`. A partition has at most one subscription of a Fetcher at a time.
   * Failures that end the subscription: 'offset-out-of-range', 'topic-missing', 'authorization', and a batch that cannot
   * be read; they come by `subscriber.fail`, never by an exception.
   */
  subscribe(
    at: { topic: string; partition: number; offset: number; committed?: boolean },
    subscriber: Subscriber,
  ): Subscription {
    const key = `${at.partition} ${at.topic}`;
    assert(!this.#live.has(key), `partition ${at.partition} of ${at.topic} is subscribed to already`);
    assert(!this.#stopping.signal.aborted, 'subscribe after stop');
    const live: Live = {
      topic: at.topic,
      partition: at.partition,
      committed: at.committed ?? true,
      subscriber,
      offset: at.offset,
      paused: false,
      closed: false,
      busy: false,
      failures: 0,
      missingSince: null,
      lastStableOffset: -1,
      highWatermark: -1,
    };
    this.#live.set(key, live);
    this.#schedule();
    return {
      pause: () => {
        live.paused = true;
      },
      resume: () => {
        live.paused = false;
        this.#schedule();
      },
      close: () => this.#close(live),
      get next() {
        return live.offset;
      },
    };
  }

  /** Reads a stretch; see `readRange` of range-reader.ts. Stopping the Fetcher ends it with the reason of the stop. */
  read(range: Range, onRecords: (records: KafkaRecord[], next: number) => void | Promise<void>): Promise<void> {
    const signal = AbortSignal.any([range.signal, this.#stopping.signal]);
    return readRange(this.#readerDeps(), this.#options, { ...range, signal }, onRecords);
  }

  /** The ends of one partition; throws as `offsets`. */
  async ends(topic: string, partition: number): Promise<PartitionOffsets> {
    const [ends] = await this.offsets(topic, this.#stopping.signal, [partition]);
    assert(ends !== undefined, 'offsets answered without the partition that was asked for');
    return ends;
  }

  /**
   * The ends of every partition of a topic, or of the given ones.
   * @throws KafkaFailure 'topic-missing' or 'authorization'; `signal`'s reason when it aborts; brokers that are away are
   *   waited for
   */
  offsets(topic: string, signal: AbortSignal, partitions?: readonly number[]): Promise<PartitionOffsets[]> {
    const any = AbortSignal.any([signal, this.#stopping.signal]);
    return readPartitionOffsets(this.#readerDeps(), { topic, partitions: partitions ?? null, signal: any });
  }

  /** Closes all subscriptions and connections; nothing is delivered after the call. */
  async stop(): Promise<void> {
    for (const live of this.#live.values()) live.closed = true;
    this.#live.clear();
    this.#stopping.abort(new Error('the fetcher was stopped'));
    this.#connections.close();
  }

  #readerDeps() {
    return { leaders: this.#leaders, clock: this.#clock, missingGraceMs: this.#options.missingGraceMs };
  }

  #close(live: Live): void {
    if (live.closed) return;
    live.closed = true;
    this.#live.delete(`${live.partition} ${live.topic}`);
  }

  /** Many calls in a row make one request. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** Sends a request wherever there is a partition to ask for and a free lane to its leader. */
  #pump(): void {
    if (this.#stopping.signal.aborted) return;
    const groups = new Map<string, { leader: BrokerAddress; committed: boolean; lives: Live[] }>();
    const unknown: Live[] = [];
    for (const live of this.#live.values()) {
      if (live.paused || live.busy) continue;
      const leader = this.#leaders.known(live.topic, live.partition);
      if (leader === undefined) {
        unknown.push(live);
        continue;
      }
      const key = `${leader.host}:${leader.port} ${live.committed}`;
      const group = groups.get(key) ?? { leader, committed: live.committed, lives: [] };
      if (group.lives.push(live) === 1) groups.set(key, group);
    }
    for (const { leader, committed, lives } of groups.values()) {
      const lane = LIVE_LANES.find((name) => !this.#lanesBusy.has(`${leader.host}:${leader.port} ${name}`));
      if (lane !== undefined) void this.#poll({ leader, lane, committed }, lives);
    }
    if (unknown.length > 0 && !this.#learning) void this.#learn(unknown);
  }

  /** Looks for the leaders of partitions, and holds back those that have none. */
  async #learn(lives: readonly Live[]): Promise<void> {
    this.#learning = true;
    for (const live of lives) live.busy = true;
    let failure: KafkaFailure | null = null;
    try {
      await this.#leaders.learn([...new Set(lives.map((live) => live.topic))]);
    } catch (error) {
      failure = classify(error);
    }
    this.#learning = false;
    for (const live of lives) {
      if (this.#leaders.known(live.topic, live.partition) !== undefined) {
        live.busy = false;
        live.missingSince = null;
      } else {
        this.#failed(live, failure ?? this.#leaders.why(live.topic, live.partition));
      }
    }
    this.#schedule();
  }

  async #poll(to: { leader: BrokerAddress; lane: Lane; committed: boolean }, lives: readonly Live[]): Promise<void> {
    const laneKey = `${to.leader.host}:${to.leader.port} ${to.lane}`;
    this.#lanesBusy.add(laneKey);
    for (const live of lives) live.busy = true;
    const answer = await this.#leaders
      .send(to.leader, to.lane, fetchCall(lives, { ...this.#options, committed: to.committed }))
      .catch(classify);
    const found = new Map<string, PartitionAnswer>();
    if (!(answer instanceof KafkaFailure)) for (const p of answer.partitions) found.set(`${p.partition} ${p.topic}`, p);
    for (const live of lives) {
      const partition = found.get(`${live.partition} ${live.topic}`);
      if (partition !== undefined) await this.#take(live, partition);
      else if (answer instanceof KafkaFailure) this.#failed(live, answer);
      else this.#failed(live, this.#leaders.moved(live.topic, live.partition));
    }
    this.#lanesBusy.delete(laneKey);
    this.#pump();
  }

  /** Hands out what a partition's answer holds, unless it has been closed or paused meanwhile. */
  async #take(live: Live, answer: PartitionAnswer): Promise<void> {
    if (live.closed) return;
    if (answer.errorCode !== 0) {
      const failure = partitionFailure(live, answer.errorCode) ?? this.#leaders.moved(live.topic, live.partition);
      return this.#failed(live, failure);
    }
    const from = live.offset;
    const decoded = live.paused
      ? { records: [], next: from }
      : await decodeBatches({ ...answer, from }).catch(classify);
    if (decoded instanceof KafkaFailure) return this.#failed(live, decoded);
    live.failures = 0;
    live.busy = false;
    if (!live.closed && !live.paused) this.#deliver(live, { ...answer, ...decoded });
  }

  #deliver(live: Live, { records, next, lastStableOffset, highWatermark }: Chunk): void {
    const moved = lastStableOffset !== live.lastStableOffset || highWatermark !== live.highWatermark;
    if (next === live.offset && !moved) return;
    if (next !== live.offset) {
      const key = `${live.partition} ${live.topic}`;
      this.#live.delete(key);
      this.#live.set(key, live);
    }
    live.offset = next;
    live.lastStableOffset = lastStableOffset;
    live.highWatermark = highWatermark;
    live.subscriber.deliver({ records, next, lastStableOffset, highWatermark });
  }

  /** Ends the subscription, or asks again after a while with the leader learnt anew. */
  #failed(live: Live, failure: KafkaFailure): void {
    if (live.closed) return;
    live.missingSince = failure.code === 'topic-missing' ? (live.missingSince ?? this.#clock.now()) : null;
    const { topic, partition } = live;
    if (!worthRetrying(failure, live.missingSince, { clock: this.#clock, ...this.#options })) {
      this.#close(live);
      live.subscriber.fail(failure);
      return;
    }
    this.#leaders.forget(topic);
    const delayMs = retryDelayMs(++live.failures);
    const fields = { event: 'fetch_retry', topic, partition, code: failure.code, failures: live.failures, delayMs };
    if (live.failures === 5) this.#log.warn(fields, 'a partition cannot be read for now; trying on');
    else this.#log.debug(fields, 'a partition could not be read; trying again');
    void pause(this.#clock, delayMs, this.#stopping.signal).then(() => {
      live.busy = false;
      this.#schedule();
    });
  }
}
