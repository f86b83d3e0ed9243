/**
 * The topic `endpoint-health` in one process: read whole before the first attempt, followed from then on, and written when this
 * process learns something. One partition, read without a group, so every process sees every word. Written outside of
 * transactions: words about one endpoint merge to the same in any order (core/endpoint-health.ts), so one that comes twice or
 * late does no harm, and one that could not be written is written again. While it cannot be followed (a right taken away, the topic
 * deleted) what is known stays known, `away` says so, and it is tried again with growing pauses; what a topic that was made anew has lost
 * is written to it once more. It decides nothing about endpoints.
 */
import type { EndpointHealth } from '../core/endpoint-health.ts';
import { type Clock, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { InputFetcher } from './batch-loop.ts';
import { classify, type KafkaFailure } from './errors.ts';
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
  readonly meter: Meter;
  /** What the topic says of an endpoint, in its order; null = its record was deleted. */
  readonly onWord: (endpointId: string, health: EndpointHealth | null) => void;
}

const PARTITION = 0;
const RETRY_MS = 1_000;
/** Longest pause before the topic is tried again, ms. */
const RETRY_MAX_MS = 60_000;

export class EndpointHealthTopic {
  readonly #deps: EndpointHealthDeps;
  readonly #topic: string;
  /** Newest word by endpoint that is not written yet. */
  readonly #unwritten = new Map<string, EndpointHealth>();
  /** What the topic said last of each endpoint, or is to say. */
  readonly #known = new Map<string, EndpointHealth>();
  readonly #stopping = new AbortController();
  #away: string | null = null;
  #producer: Pick<PlainProducer, 'send' | 'close'> | null = null;
  #writing: Promise<void> | null = null;
  #subscription: { close(): void } | null = null;
  #loaded: Promise<void> | null = null;

  constructor(deps: EndpointHealthDeps, topic: string) {
    this.#deps = deps;
    this.#topic = topic;
    deps.meter.gauge('endpoint_health_away', {}, 0);
  }

  /** Why the topic is not followed, though it was (a code); null = all is well. */
  get away(): string | null {
    return this.#away;
  }

  /**
   * Resolves when the topic has been read whole; the first call begins, and from then on it is followed.
   * @throws KafkaFailure, UnknownFormat for a word of a later release.
   */
  load(): Promise<void> {
    this.#loaded ??= this.#read((value) => decodeHealth(value)).catch((error: unknown) => {
      this.#loaded = null;
      throw error;
    });
    return this.#loaded;
  }

  /** Tells every process. Returns at once; written as soon as Kafka takes it, the newest word of an endpoint alone. */
  publish(endpointId: string, health: EndpointHealth): void {
    if (this.#stopping.signal.aborted) return;
    this.#unwritten.set(endpointId, health);
    this.#known.set(endpointId, health);
    this.#writing ??= this.#write();
  }

  /** Follows and writes no more; what was learnt last is written if Kafka takes it at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#subscription?.close();
    await this.#writing;
    await this.#producer?.close();
  }

  /** Reads the topic whole and follows it. @param decode what it gives null for is passed over. */
  async #read(decode: (value: Buffer, record: KafkaRecord) => EndpointHealth | null): Promise<void> {
    const { log, fetcher } = this.#deps;
    const at = { topic: this.#topic, partition: PARTITION };
    const words = new Map<string, EndpointHealth | null>();
    const next = await readAll(log, { ...at, signal: this.#stopping.signal }, (record) => {
      const id = record.key?.toString();
      if (id === undefined) return;
      const word = record.value && decode(record.value, record);
      if (word !== null || record.value === null) words.set(id, word);
    });
    if (this.#stopping.signal.aborted) return;
    const lost = [...this.#known].filter(([id]) => !words.has(id));
    for (const [id, health] of words) this.#hear(id, health);
    for (const [id, health] of lost) this.publish(id, health);
    this.#subscription = fetcher.subscribe(
      { ...at, offset: next },
      {
        deliver: ({ records }) => {
          for (const record of records) this.#follow(record);
        },
        fail: (failure) => void this.#startOver(failure),
      },
    );
  }

  async #startOver(first: KafkaFailure): Promise<void> {
    const { clock, logger, meter } = this.#deps;
    const { signal } = this.#stopping;
    this.#subscription?.close();
    this.#subscription = null;
    meter.gauge('endpoint_health_away', {}, 1);
    let pauseMs = RETRY_MS;
    for (let failure: KafkaFailure | null = first; failure !== null && !signal.aborted; ) {
      const { code, message } = failure;
      this.#away = code;
      const fields = { event: 'endpoint_health_lost', code, error: message };
      logger.error(fields, 'endpoint-health is not followed: others are not heard; what is known stays, trying again');
      await pause(clock, pauseMs, signal);
      if (signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS);
      failure = await this.#read((value, record) => this.#readable(value, record)).then(() => null, classify);
    }
    if (signal.aborted) return;
    this.#away = null;
    meter.gauge('endpoint_health_away', {}, 0);
    logger.info({ event: 'endpoint_health_found' }, 'endpoint-health is followed again');
  }

  #hear(id: string, health: EndpointHealth | null): void {
    if (health === null) this.#known.delete(id);
    else this.#known.set(id, health);
    this.#deps.onWord(id, health);
  }

  #follow(record: KafkaRecord): void {
    const id = record.key?.toString();
    if (id === undefined) return;
    const word = record.value && this.#readable(record.value, record);
    if (word !== null || record.value === null) this.#hear(id, word);
  }

  /** A process of a later release wrote it while this one is being replaced: what it cannot read (null) it cannot obey. */
  #readable(value: Buffer, { key, offset }: KafkaRecord): EndpointHealth | null {
    try {
      return decodeHealth(value);
    } catch (error) {
      const fields = { event: 'endpoint_health_unreadable', endpoint: key?.toString(), offset };
      this.#deps.logger.error(fields, error instanceof Error ? error.message : 'unreadable');
      return null;
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
