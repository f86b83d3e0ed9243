/**
 * Topics and records for tests on the shared broker. Names are made unique per process and call, so that no test sees
 * another's. Producers are kafkajs's own: what reads is tested here, not what writes.
 */
import type { Kafka, Producer } from 'kafkajs';
import { createTopics } from '../../src/dev/topics.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import { systemClock } from '../../src/lib/clock.ts';
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

export async function withProducer<T>(kafka: Kafka, use: (producer: Producer) => Promise<T>): Promise<T> {
  const producer = kafka.producer({ idempotent: true, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
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
