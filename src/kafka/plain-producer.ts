/**
 * Writes records outside of transactions: for what may come twice or late without harm, such as requests and the
 * health of endpoints. At least once, in order per partition,
 * acknowledged by all in-sync replicas; what stages write goes through transactions.ts. Never creates a topic.
 */
import type { ICustomPartitioner, Kafka, Producer } from 'kafkajs';
import { assert } from '../lib/assert.ts';
import { classify } from './errors.ts';
import type { OutgoingRecord } from './record.ts';
import { portions, SentOffsets } from './send-portions.ts';

export class PlainProducer {
  readonly #producer: Producer;
  #connected: Promise<void> | null = null;

  /** Connects with the first send. `kafka` was made by `createKafka`. */
  constructor(kafka: Kafka) {
    this.#producer = kafka.producer({ createPartitioner: explicitPartition, allowAutoTopicCreation: false });
  }

  /** Where each record lies, once all are written. @throws KafkaFailure; some of the records may be written then. */
  async send(records: readonly OutgoingRecord[]): Promise<SentOffsets> {
    const sent = new SentOffsets(records.length);
    try {
      this.#connected ??= this.#producer.connect();
      await this.#connected;
      for (const portion of portions(records)) {
        portion.confirm(await this.#producer.sendBatch({ acks: -1, topicMessages: portion.topicMessages() }), sent);
      }
      return sent;
    } catch (error) {
      throw classify(error, { operation: 'WRITE', topics: records.map(({ topic }) => topic) });
    }
  }

  /** Ends the connections; never rejects. */
  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => undefined);
  }
}

const explicitPartition: ICustomPartitioner =
  () =>
  ({ message }) => {
    assert(message.partition !== undefined, 'every record has a partition');
    return message.partition;
  };
