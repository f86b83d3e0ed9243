/** The contract on a real broker. */
import { afterAll, beforeAll, inject, vi } from 'vitest';
import { Fetcher } from '../../src/kafka/fetcher.ts';
import { Membership } from '../../src/kafka/membership.ts';
import { PlainProducer } from '../../src/kafka/plain-producer.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { makeTopic, testKafka, withProducer } from '../support/kafka-topics.ts';
import { groupContract, type KafkaPlatform, kafkaContract, patientGroupContract } from './kafka-contract.ts';

const kafka = testKafka(inject('kafkaBrokers'), 'contract');
let fetcher: Fetcher;
beforeAll(() => {
  fetcher = new Fetcher({ kafka, log, clock });
});
afterAll(() => fetcher.stop());

const COMPACTED = {
  'cleanup.policy': 'compact',
  'segment.ms': '100',
  'min.cleanable.dirty.ratio': '0.01',
  'min.compaction.lag.ms': '0',
};

kafkaContract('Kafka', () => platform);
groupContract('Kafka', () => platform);
patientGroupContract('Kafka', () => platform);

const platform: KafkaPlatform = {
  log: {
    ends: (...at) => fetcher.ends(...at),
    read: (range, onRecords) => fetcher.read(range, onRecords),
  },
  fetcher: { subscribe: (at, subscriber) => fetcher.subscribe(at, subscriber) },
  topic: ({ partitions, compacted }) => makeTopic(kafka, partitions, compacted ? COMPACTED : {}),
  producer: (transactionalId, transactionTimeoutMs = 30_000) =>
    new TransactionalProducer({ kafka, log, clock }, { transactionalId, transactionTimeoutMs }),
  plainProducer: () => new PlainProducer(kafka),
  member: (groupId, topic) =>
    new Membership(
      { kafka, log, clock },
      {
        groupId,
        topics: [topic],
        instanceId: '',
        evictClientId: null,
        sessionTimeoutMs: 6_000,
        heartbeatIntervalMs: 100,
      },
    ),
  // Each write may roll the segment, which makes the one before it a matter for the cleaner.
  occasionToClean: (topic) =>
    withProducer(kafka, async (producer) => {
      await producer.send({ topic, messages: [{ key: 'filler', value: 'filler', partition: 0 }] });
    }),
  until: (holds) =>
    vi.waitFor(
      async () => {
        if (!(await holds())) throw new Error('what was waited for does not come');
      },
      { timeout: 60_000, interval: 50 },
    ),
};
