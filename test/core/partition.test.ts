/** Where keys go: Kafka's own vectors, and the Kafka client's partitioner as the judge of everything else. */
import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { expect, test } from 'vitest';
import { murmur2, partitionOf } from '../../src/core/partition.ts';

/** Vectors of Kafka's own unit test of its hash. */
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('the hash of %j is that of the Java client', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
});

function byClient(key: string, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => {
    return { partitionId, partitionErrorCode: 0, leader: 1, replicas: [1], isr: [1] };
  });
  return Partitioners.DefaultPartitioner()({ topic: 'outbound', partitionMetadata, message: { key, value: null } });
}

test('every key lies in the partition that the Kafka client chooses, whatever its length and letters', () => {
  const key = fc.oneof(fc.string({ unit: 'binary' }), fc.nat().map(String));
  fc.assert(
    fc.property(key, fc.integer({ min: 1, max: 200 }), (text, partitions) => {
      expect(partitionOf(text, partitions)).toBe(byClient(text, partitions));
    }),
  );
});
