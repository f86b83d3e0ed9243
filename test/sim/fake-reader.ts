/**
 * The Fetcher's two sides over the fake brokers: stretches for loads and rows read back, and live subscriptions. Answers take
 * their time and what they hold was true when they left the broker; per partition they come in order, and nothing comes after
 * a subscription was closed, or while it is paused.
 */
import type { InputFetcher } from '../../src/kafka/batch-loop.ts';
import type { KafkaFailure } from '../../src/kafka/errors.ts';
import type { PartitionLog } from '../../src/kafka/partition-log.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { Chunk } from '../../src/kafka/task-queue.ts';
import { assert } from '../../src/lib/assert.ts';
import { pause } from '../../src/lib/clock.ts';
import type { Chance } from './chance.ts';
import type { FakeKafka } from './fake-kafka.ts';
import type { FakeLog } from './fake-log.ts';
import type { Network } from './network.ts';
import type { SimProcess } from './sim-process.ts';
import type { Timeline } from './timeline.ts';

export interface ReaderDeps {
  readonly process: SimProcess;
  readonly network: Network;
  readonly kafka: FakeKafka;
  readonly chance: Chance;
  readonly timeline: Timeline;
}

export interface ReaderSettings {
  /** Records of one answer, at most. */
  readonly recordsMax: number;
  /** Probability that an answer of a stretch takes `slowMs`. */
  readonly slowRead: number;
  readonly slowMs: number;
}

const ASK_AGAIN_MS = 100;

export class FakeReader implements PartitionLog, InputFetcher {
  readonly #deps: ReaderDeps;
  readonly #settings: ReaderSettings;
  readonly #subscribed = new Set<string>();

  constructor(deps: ReaderDeps, settings: ReaderSettings) {
    this.#deps = deps;
    this.#settings = settings;
  }

  ends(topic: string, partition: number): Promise<{ earliest: number; lastStable: number }> {
    const { process, network, kafka } = this.#deps;
    return network.request(process, `ends ${topic}/${partition}`, { losable: false }, () => {
      return { earliest: 0, lastStable: kafka.log(topic, partition).lastStable };
    });
  }

  async read(
    at: { topic: string; partition: number; from: number; to: number; committed: boolean; signal: AbortSignal },
    onRecords: (records: readonly KafkaRecord[]) => void,
  ): Promise<void> {
    const { process, network, kafka, chance } = this.#deps;
    const log = kafka.log(at.topic, at.partition);
    for (let from = at.from; from < at.to; ) {
      at.signal.throwIfAborted();
      if (at.to - at.from > 1) await process.at('during load');
      if (network.faulty && chance.happens(this.#settings.slowRead)) await pause(process.clock, this.#settings.slowMs);
      const { records, next } = await network.request(process, `read ${log.name}@${from}`, { losable: false }, () =>
        log.read({ from, to: at.to, recordsMax: this.#settings.recordsMax, committed: at.committed }),
      );
      at.signal.throwIfAborted();
      onRecords(records);
      if (next === from) await pause(process.clock, ASK_AGAIN_MS, at.signal);
      from = next;
    }
  }

  subscribe(
    at: { topic: string; partition: number; offset: number },
    subscriber: { deliver(chunk: Chunk): void; fail(failure: KafkaFailure): void },
  ): { pause(): void; resume(): void; close(): void } {
    const log = this.#deps.kafka.log(at.topic, at.partition);
    assert(!this.#subscribed.has(log.name), `${log.name} is subscribed to already`);
    this.#subscribed.add(log.name);
    const live = new Subscription(this.#deps, this.#settings, { log, offset: at.offset, deliver: subscriber.deliver });
    return {
      pause: () => live.pause(),
      resume: () => live.resume(),
      close: () => {
        this.#subscribed.delete(log.name);
        live.close();
      },
    };
  }
}

class Subscription {
  readonly #deps: ReaderDeps;
  readonly #settings: ReaderSettings;
  readonly #log: FakeLog;
  readonly #deliver: (chunk: Chunk) => void;
  readonly #unwatch: () => void;
  #offset: number;
  #asked = false;
  #paused = false;
  #closed = false;

  constructor(
    deps: ReaderDeps,
    settings: ReaderSettings,
    at: { log: FakeLog; offset: number; deliver: (chunk: Chunk) => void },
  ) {
    this.#deps = deps;
    this.#settings = settings;
    this.#log = at.log;
    this.#offset = at.offset;
    this.#deliver = at.deliver;
    this.#unwatch = deps.kafka.watch(at.log, () => this.#ask());
    this.#ask();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#ask();
  }

  close(): void {
    this.#closed = true;
    this.#unwatch();
  }

  #ask(): void {
    const { process, network, timeline } = this.#deps;
    if (this.#asked || this.#paused || this.#closed || process.dead) return;
    if (this.#offset >= this.#log.lastStable) return; // a long poll: the log's watcher asks again
    this.#asked = true;
    timeline.after(network.way(), () => {
      const { recordsMax } = this.#settings;
      const chunk = this.#log.read({ from: this.#offset, recordsMax, committed: true });
      timeline.after(network.way(), () =>
        process.enter(() => {
          this.#asked = false;
          if (this.#closed || this.#paused) return;
          if (chunk.next !== this.#offset) {
            this.#offset = chunk.next;
            this.#deliver(chunk);
          }
          this.#ask();
        }),
      );
    });
  }
}
