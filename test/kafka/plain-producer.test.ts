/** The producer without transactions, its client played by the test. */
import type { Kafka, ProducerBatch, RecordMetadata } from 'kafkajs';
import { expect, test } from 'vitest';
import { PlainProducer } from '../../src/kafka/plain-producer.ts';

function clientThat(answer: (batch: ProducerBatch) => RecordMetadata[]) {
  const calls: string[] = [];
  const producer = {
    connect: async () => void calls.push('connect'),
    sendBatch: async (batch: ProducerBatch) => {
      calls.push(`send acks ${batch.acks}`);
      return answer(batch);
    },
    disconnect: async () => {
      calls.push('disconnect');
      throw new Error('gone already');
    },
  };
  return { calls, kafka: { producer: () => producer } as unknown as Kafka };
}

const RECORD = { topic: 't', partition: 2, key: 'k', value: 'v' };
const written = (batch: ProducerBatch): RecordMetadata[] =>
  (batch.topicMessages ?? []).map(({ topic }) => ({ topicName: topic, partition: 2, errorCode: 0, baseOffset: '17' }));

test('connects with the first send, waits for all replicas, and tells where each record lies', async () => {
  const { calls, kafka } = clientThat(written);
  const producer = new PlainProducer(kafka);
  expect((await producer.send([RECORD, RECORD])).offset(1)).toBe(18);
  await producer.send([RECORD]);
  await producer.close();
  expect(calls).toEqual(['connect', 'send acks -1', 'send acks -1', 'disconnect']);
});

test('a send that was not confirmed for every partition fails', async () => {
  const { kafka } = clientThat(() => []);
  await expect(new PlainProducer(kafka).send([RECORD])).rejects.toMatchObject({ code: 'incomplete-send' });
});
