/** Ends of partitions. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BrokerConnections } from '../../src/kafka/broker-connections.ts';
import { PartitionLeaders } from '../../src/kafka/partition-leaders.ts';
import { readPartitionOffsets } from '../../src/kafka/partition-offsets.ts';
import { FakeBrokers, settled } from '../support/fake-brokers.ts';
import { ManualClock } from '../support/manual-clock.ts';

let brokers: FakeBrokers;
let clock: ManualClock;
let connections: BrokerConnections;

beforeEach(() => {
  brokers = new FakeBrokers();
  clock = new ManualClock();
  connections = new BrokerConnections(brokers.kafka);
  brokers.leaders.set('t/0', 'a:1').set('t/1', 'b:2').set('t/2', 'a:1');
  brokers.ends.set('t/0', [1, 5, 9]).set('t/1', [0, 0, 2]).set('t/2', [3, 3, 3]);
});

afterEach(() => connections.close());

function read(partitions: readonly number[] | null = null, signal = new AbortController().signal) {
  const deps = { leaders: new PartitionLeaders(connections), clock, missingGraceMs: 1_000 };
  return readPartitionOffsets(deps, { topic: 't', partitions, signal });
}

test('all partitions of a topic are answered in order, whoever leads them', async () => {
  expect(await read()).toEqual([
    { partition: 0, earliest: 1, lastStable: 5, highWatermark: 9 },
    { partition: 1, earliest: 0, lastStable: 0, highWatermark: 2 },
    { partition: 2, earliest: 3, lastStable: 3, highWatermark: 3 },
  ]);
  expect((await read([2])).map(({ partition }) => partition)).toEqual([2]);
});

test('a leader that moved is learnt again', async () => {
  brokers.offsetErrors.push(6);
  const reading = read([0]);
  await settled();
  await clock.pass(50);
  expect(await reading).toMatchObject([{ highWatermark: 9 }]);
  expect(brokers.metadataRequests).toBe(2);
});

test('a refusal and an abort end the question', async () => {
  brokers.offsetErrors.push(29);
  await expect(read([0])).rejects.toMatchObject({ code: 'authorization' });
  await expect(read([0], AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});
