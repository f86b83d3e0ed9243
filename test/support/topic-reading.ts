/** Makes topics for a test and reads what is committed in them, against a real broker. */
import { randomUUID } from 'node:crypto';
import { createTopics } from '../../src/dev/topics.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { Fetcher } from '../../src/kafka/fetcher.ts';
import { readAll } from '../../src/kafka/partition-log.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';

/** A client of the test's brokers that logs nothing. */
export function testKafka(brokers: readonly string[]): ReturnType<typeof createKafka> {
  return createKafka({ brokers, clientId: 'test' }, silentLog);
}

/** Makes a topic of a name that nobody else has; `config` as Kafka names it. Returns the name. */
export async function makeTopic(
  brokers: readonly string[],
  topic: { partitions: number; config?: Record<string, string> },
): Promise<string> {
  const name = `test-${randomUUID()}`;
  const { partitions, config: settings = {} } = topic;
  await createTopics({ kafka: testKafka(brokers), clock: systemClock }, [name], { partitions, settings });
  return name;
}

/** What is committed in a partition, and its last stable offset. */
export async function committedIn(
  brokers: readonly string[],
  at: { topic: string; partition: number },
): Promise<{ records: KafkaRecord[]; lastStable: number }> {
  const fetcher = new Fetcher({ kafka: testKafka(brokers), log: silentLog, clock: systemClock });
  const records: KafkaRecord[] = [];
  try {
    const signal = AbortSignal.timeout(30_000);
    const lastStable = await readAll(fetcher, { ...at, signal }, (record) => records.push(record));
    return { records, lastStable };
  } finally {
    await fetcher.stop();
  }
}
