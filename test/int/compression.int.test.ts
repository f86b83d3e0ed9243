import { describe, expect, inject, it } from 'vitest';
import { kafkajs } from '../../src/kafka/fixes.ts';
import { connectedProducer } from '../support/kafka-topics.ts';
import { committedIn, makeTopic, testKafka } from '../support/topic-reading.ts';

const brokers = inject('kafkaBrokers');
const values = Array.from({ length: 300 }, (_, n) => `lead ${n} asked about a car, again and again and again`);
const { CompressionTypes } = kafkajs;

async function produce(topic: string, compression: number): Promise<void> {
  const producer = await connectedProducer(testKafka(brokers));
  try {
    const messages = values.map((value, n) => ({ key: String(n), value, partition: 0 }));
    await producer.send({ topic, compression, messages });
  } finally {
    await producer.disconnect();
  }
}

async function read(topic: string): Promise<(string | undefined)[]> {
  return (await committedIn(brokers, { topic, partition: 0 })).records.map(({ value }) => value?.toString());
}

describe('records that the broker has compressed with Java', () => {
  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('are read when it used %s', async (type) => {
    const topic = await makeTopic(brokers, { partitions: 1, config: { 'compression.type': type } });
    await produce(topic, CompressionTypes.None);
    expect(await read(topic)).toEqual(values);
  });
});

describe('records that were compressed here', () => {
  it.each([
    ['gzip', CompressionTypes.GZIP],
    ['snappy', CompressionTypes.Snappy],
    ['lz4', CompressionTypes.LZ4],
    ['zstd', CompressionTypes.ZSTD],
  ])('are understood by the broker, which unpacks them, when the codec is %s', async (_, type) => {
    const topic = await makeTopic(brokers, { partitions: 1, config: { 'compression.type': 'uncompressed' } });
    await produce(topic, type);
    expect(await read(topic)).toEqual(values);
  });
});
