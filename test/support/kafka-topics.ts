/**
 * Topics and records for tests on the shared broker. Names are made unique per process and call, so that no test sees
 * another's. Producers are kafkajs's own: what reads is tested here, not what writes.
 */
import type { Kafka, Producer } from 'kafkajs';
import { createTopics } from '../../src/dev/topics.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { classify } from '../../src/kafka/errors.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import { pause, systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';

let made = 0;

/** A name that no other test uses. */
export function uniqueName(what: string): string {
  made++;
  return `test.${what}.${process.pid}.${Date.now().toString(36)}.${made}`;
}

export function testKafka(brokers: readonly string[], clientId = 'test'): Kafka {
  return createKafka({ brokers, clientId }, silentLog);
}

/** Creates a topic and returns its name. */
export async function makeTopic(
  kafka: Kafka,
  partitions = 1,
  configs: Readonly<Record<string, string>> = {},
): Promise<string> {
  const topic = uniqueName('topic');
  await createTopics({ kafka, clock: systemClock }, [topic], { partitions, settings: configs });
  return topic;
}

/**
 * A connected producer of the client's own, idempotent: with a topic that its broker has just heard of it sends again what was
 * written already. A broker that has just started gives out no producer ids yet; it is asked again.
 */
export async function connectedProducer(kafka: Kafka): Promise<Producer> {
  for (;;) {
    const producer = kafka.producer({ idempotent: true, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    try {
      await producer.connect();
      return producer;
    } catch (error) {
      if (!classify(error).retriable) throw error;
      await pause(systemClock, 50);
    }
  }
}

export async function withProducer<T>(kafka: Kafka, use: (producer: Producer) => Promise<T>): Promise<T> {
  const producer = await connectedProducer(kafka);
  try {
    return await use(producer);
  } finally {
    await producer.disconnect();
  }
}

/** A transactional producer whose transactions the caller ends. */
export async function openProducer(kafka: Kafka): Promise<TransactionalProducer> {
  const producer = new TransactionalProducer(
    { kafka, log: silentLog, clock: systemClock },
    { transactionalId: uniqueName('transaction'), transactionTimeoutMs: 30_000 },
  );
  await producer.fence(new AbortController().signal);
  return producer;
}
