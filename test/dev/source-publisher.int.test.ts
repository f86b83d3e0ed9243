/** Source topics on a real Kafka: made, filled in order, read again as a subscriber reads, and removed with what belongs to them. */
import { expect, inject, test } from 'vitest';
import { OutboundReader } from '../../src/dev/outbound-reader.ts';
import { SourceDatabase } from '../../src/dev/source-database.ts';
import { SourceEncoder } from '../../src/dev/source-encoder.ts';
import { SourcePublisher } from '../../src/dev/source-publisher.ts';
import { createTopics, deleteApplication, SOURCE_SETTINGS } from '../../src/dev/topics.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { Fetcher } from '../../src/kafka/fetcher.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { RecordedRegistry } from '../support/recorded-registry.ts';

test('changes lie in their topics in order, and an application can be removed without touching its neighbours', async () => {
  const app = `publisher-${process.pid}-${Date.now().toString(36)}`;
  const kafka = createKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }, silentLog);
  const topicOf = (name: string) => ({ topic: `${app}.public.${name}`, partitions: 1 });
  const topics = { lead: topicOf('leads'), appointment: topicOf('appointments'), test_drive: topicOf('test_drives') };
  const names = [...Object.values(topics).map(({ topic }) => topic), `${app}-neighbour`];
  await createTopics({ kafka, clock: systemClock }, names, { partitions: 1, settings: SOURCE_SETTINGS });

  const encoder = await SourceEncoder.register(new RecordedRegistry(), topics);
  const publisher = new SourcePublisher({ kafka, encoder, clock: systemClock });
  await publisher.connect();
  const database = new SourceDatabase();
  await publisher.publish([database.insert('lead', { id: 1 }), database.insert('appointment', { id: 4 })]);
  await publisher.publish([database.update('lead', 1, { comments: 'a' }), ...database.remove('lead', 1)]);
  await publisher.close();
  expect(publisher.published).toBe(4);

  const fetcher = new Fetcher({ kafka, log: silentLog, clock: systemClock });
  const signal = AbortSignal.timeout(30_000);
  const ends = await fetcher.offsets(topics.lead.topic, signal);
  expect(ends.map(({ lastStable }) => lastStable)).toEqual([4]);
  await fetcher.stop();

  const admin = kafka.admin();
  await admin.connect();
  await deleteApplication(kafka, app);
  const left = async (): Promise<string[]> => (await admin.listTopics()).filter((name) => name.startsWith(app));
  // A broker shows a deleted topic for a moment longer.
  await expect.poll(left, { timeout: 10_000 }).toEqual([`${app}-neighbour`]);
  await admin.deleteTopics({ topics: [`${app}-neighbour`] });
  await admin.disconnect();
});

test('a record that is none of ours on the outbound topic is told to who reads it', async () => {
  const topic = `reader-${process.pid}-${Date.now().toString(36)}`;
  const kafka = createKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }, silentLog);
  await createTopics({ kafka, clock: systemClock }, [topic], { partitions: 1, settings: {} });
  const producer = kafka.producer();
  await producer.connect();
  const headers = { version: 'v3', revision: '5', cause: 'changed', 'dealership-id': '3', 'changed-at': '77' };
  await producer.send({
    topic,
    messages: [
      { key: '8', value: '{}', headers },
      { key: '9', value: '{}' },
    ],
  });
  await producer.disconnect();

  const reader = new OutboundReader({ kafka, clock: systemClock, log: silentLog });
  const read: unknown[] = [];
  const failure = await new Promise<Error>((resolve) => {
    reader.start({ topic, partitions: 1 }, (record) => read.push(record), resolve);
  });
  await reader.close();
  expect(read).toMatchObject([{ leadId: '8', version: 'v3', revision: 5, cause: 'changed', changedAt: 77 }]);
  expect(failure.message).toBe(`${topic}/0: the headers version and dealership-id are required`);
});
