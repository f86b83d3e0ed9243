/**
 * The topic `endpoint-health` in one process: read whole before the first attempt, followed from then on, and written when this
 * process learns something. One partition, read without a group, so every process sees every word. Written outside of
 * transactions: words about one endpoint merge to the same in any order (core/endpoint-health.ts), so one that comes twice or
 * late does no harm, and one that could not be written is written again. It decides nothing about endpoints.
 */
import type { EndpointHealth } from '../core/endpoint-health.ts';
import { type Clock, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { InputFetcher } from './batch-loop.ts';
import { classify } from './errors.ts';
import { decodeHealth, encodeHealth } from './internal-codec.ts';
import { type PartitionLog, readAll } from './partition-log.ts';
import type { PlainProducer } from './plain-producer.ts';
import type { KafkaRecord } from './record.ts';

export interface EndpointHealthDeps {
  readonly log: PartitionLog;
  readonly fetcher: InputFetcher;
  /** Makes a producer; a new one after each failure. */
  readonly producer: () => Pick<PlainProducer, 'send' | 'close'>;
  readonly clock: Clock;
  readonly logger: Log;
  /** What the topic says of an endpoint, in its order; null = its record was deleted. */
  readonly onWord: (endpointId: string, health: EndpointHealth | null) => void;
}

const PARTITION = 0;
const RETRY_MS = 1_000;

export class EndpointHealthTopic {
  readonly #deps: EndpointHealthDeps;
  readonly #topic: string;
  /** Newest word by endpoint that is not written yet. */
  readonly #unwritten = new Map<string, EndpointHealth>();
  readonly #stopping = new AbortController();
  #producer: Pick<PlainProducer, 'send' | 'close'> | null = null;
  #writing: Promise<void> | null = null;
  #subscription: { close(): void } | null = null;
  #loaded: Promise<void> | null = null;

  constructor(deps: EndpointHealthDeps, topic: string) {
    this.#deps = deps;
    this.#topic = topic;
  }

  /**
   * Resolves when the topic has been read whole; the first call begins, and from then on it is followed.
   * @throws KafkaFailure, UnknownFormat for a word of a later release.
   */
  load(): Promise<void> {
    this.#loaded ??= this.#read().catch((error: unknown) => {
      this.#loaded = null;
      throw error;
    });
    return this.#loaded;
  }

  /** Tells every process. Returns at once; written as soon as Kafka takes it, the newest word of an endpoint alone. */
  publish(endpointId: string, health: EndpointHealth): void {
    if (this.#stopping.signal.aborted) return;
    this.#unwritten.set(endpointId, health);
    this.#writing ??= this.#write();
  }

  /** Follows and writes no more; what was learnt last is written if Kafka takes it at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#subscription?.close();
    await this.#writing;
    await this.#producer?.close();
  }

  async #read(): Promise<void> {
    const { log, fetcher, onWord } = this.#deps;
    const at = { topic: this.#topic, partition: PARTITION };
    const words = new Map<string, EndpointHealth | null>();
    const next = await readAll(log, { ...at, signal: this.#stopping.signal }, (record) => {
      const id = record.key?.toString();
      if (id !== undefined) words.set(id, record.value && decodeHealth(record.value));
    });
    for (const [id, health] of words) onWord(id, health);
    if (this.#stopping.signal.aborted) return;
    this.#subscription = fetcher.subscribe(
      { ...at, offset: next },
      {
        deliver: ({ records }) => {
          for (const record of records) this.#follow(record);
        },
        fail: (failure) => {
          const { code, message } = failure;
          this.#deps.logger.error(
            { event: 'endpoint_health_lost', code },
            `endpoint-health is not followed: ${message}`,
          );
        },
      },
    );
  }

  #follow(record: KafkaRecord): void {
    const id = record.key?.toString();
    if (id === undefined) return;
    try {
      this.#deps.onWord(id, record.value && decodeHealth(record.value));
    } catch (error) {
      // A process of a later release wrote it while this one is being replaced: what it cannot read it cannot obey.
      const fields = { event: 'endpoint_health_unreadable', endpoint: id, offset: record.offset };
      this.#deps.logger.error(fields, error instanceof Error ? error.message : 'unreadable');
    }
  }

  async #write(): Promise<void> {
    const { signal } = this.#stopping;
    while (this.#unwritten.size > 0) {
      const batch = [...this.#unwritten];
      this.#unwritten.clear();
      this.#producer ??= this.#deps.producer();
      try {
        await this.#producer.send(
          batch.map(([key, health]) => ({
            topic: this.#topic,
            partition: PARTITION,
            key,
            value: encodeHealth(health),
          })),
        );
      } catch (error) {
        for (const [id, health] of batch) if (!this.#unwritten.has(id)) this.#unwritten.set(id, health);
        const { code, message } = classify(error);
        this.#deps.logger.warn(
          { event: 'endpoint_health_unwritten', code, error: message },
          'what was learnt of endpoints is not told to other processes yet; trying again',
        );
        await this.#producer.close();
        this.#producer = null;
        if (signal.aborted) break;
        await pause(this.#deps.clock, RETRY_MS, signal);
      }
    }
    this.#writing = null;
  }
}
