/**
 * Appends changes to the source topics, as a connector does: in order, each table in its topic, the commit time being the
 * moment before they are sent. Waits for the broker's acknowledgement. One call at a time.
 */
import type { createKafka } from '../kafka/client.ts';
import { kafkajs } from '../kafka/fixes.ts';
import type { OutgoingRecord } from '../kafka/record.ts';
import type { Clock } from '../lib/clock.ts';
import type { SourceChange } from './source-database.ts';
import type { SourceEncoder } from './source-encoder.ts';

type KafkaClient = ReturnType<typeof createKafka>;

export class SourcePublisher {
  readonly #encoder: SourceEncoder;
  readonly #clock: Clock;
  readonly #producer: ReturnType<KafkaClient['producer']>;
  #published = 0;

  constructor(deps: { kafka: KafkaClient; encoder: SourceEncoder; clock: Clock }) {
    this.#encoder = deps.encoder;
    this.#clock = deps.clock;
    // Every record names its partition: the partitioner is there to keep the client from warning about its default.
    this.#producer = deps.kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  }

  /** Changes of rows appended so far; a tombstone is no change of its own. */
  get published(): number {
    return this.#published;
  }

  /** Opens the connection. */
  async connect(): Promise<void> {
    await this.#producer.connect();
  }

  /** Appends changes in their order; returns when the broker has them. */
  async publish(changes: readonly SourceChange[]): Promise<void> {
    if (changes.length === 0) return;
    const commitMs = this.#clock.now();
    const records = changes.map((change) => this.#encoder.record(change, commitMs));
    await this.#producer.sendBatch({ topicMessages: byTopic(records) });
    this.#published += changes.filter(({ op }) => op !== 'tombstone').length;
  }

  /** Closes the connection; never rejects. */
  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => undefined);
  }
}

function byTopic(records: readonly OutgoingRecord[]) {
  const topics = Map.groupBy(records, ({ topic }) => topic);
  return Array.from(topics, ([topic, part]) => ({
    topic,
    messages: part.map(({ key, value, partition }) => ({ key, value, partition })),
  }));
}
