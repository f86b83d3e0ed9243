/** Leaders as metadata tell them. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BrokerConnections } from '../../src/kafka/broker-connections.ts';
import { PartitionLeaders } from '../../src/kafka/partition-leaders.ts';
import { FakeBrokers } from '../support/fake-brokers.ts';

let brokers: FakeBrokers;
let connections: BrokerConnections;
let leaders: PartitionLeaders;

beforeEach(() => {
  brokers = new FakeBrokers();
  connections = new BrokerConnections(brokers.kafka);
  leaders = new PartitionLeaders(connections);
  brokers.leaders.set('t/0', 'a:1').set('t/1', 'b:2').set('u/0', 'b:2');
});

afterEach(() => connections.close());

test('a leader is asked for once and remembered until it is forgotten', async () => {
  expect(leaders.known('t', 0)).toBeUndefined();
  expect(await leaders.leader('t', 0)).toEqual({ host: 'a', port: 1 });
  expect(await leaders.leader('t', 1)).toEqual({ host: 'b', port: 2 });
  expect(brokers.metadataRequests).toBe(1);
  brokers.leaders.set('t/0', 'b:2');
  leaders.forget('t');
  expect(await leaders.leader('t', 0)).toEqual({ host: 'b', port: 2 });
  expect(brokers.metadataRequests).toBe(2);
});

test('questions at the same time share a request', async () => {
  await Promise.all([leaders.leader('t', 0), leaders.leader('t', 1), leaders.leader('t', 0)]);
  expect(brokers.metadataRequests).toBe(1);
});

test('the error of one topic is its own', async () => {
  brokers.topicErrors.set('u', 29);
  await leaders.learn(['t', 'u', 'none']);
  expect(leaders.known('t', 0)).toEqual({ host: 'a', port: 1 });
  expect([leaders.why('u', 0).code, leaders.why('none', 0).code, leaders.why('t', 9).code]).toEqual([
    'authorization',
    'topic-missing',
    'topic-missing',
  ]);
  brokers.topicErrors.delete('u');
  expect(await leaders.leader('u', 0)).toEqual({ host: 'b', port: 2 });
});

test('a partition without a leader is unavailable, which time heals', async () => {
  brokers.topicErrors.set('t', 5);
  await expect(leaders.leader('t', 0)).rejects.toMatchObject({ code: 'unavailable', retriable: true });
});

test('partitions are listed in order', async () => {
  brokers.leaders.clear();
  for (const partition of [10, 2, 0]) brokers.leaders.set(`t/${partition}`, 'a:1');
  expect(await leaders.partitions('t')).toEqual([0, 2, 10]);
  await expect(leaders.partitions('none')).rejects.toMatchObject({ code: 'topic-missing' });
});

test('when one source of metadata fails the next one is asked, brokers that were learnt included', async () => {
  await leaders.learn(['t']);
  for (let failures = 0; failures < 2; failures++) {
    brokers.metadataFailures = 1;
    await expect(leaders.learn(['t'])).rejects.toThrow();
  }
  await leaders.learn(['t']);
  expect(brokers.metadataFrom).toEqual(['seed:9', 'seed:9', 'a:1', 'b:2']);
});
