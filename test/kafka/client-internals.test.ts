/** The client's inner shapes that reading relies on. */
import type { Kafka } from 'kafkajs';
import { expect, test } from 'vitest';
import { createKafka } from '../../src/kafka/client.ts';
import { brokerFactory, codecOf } from '../../src/kafka/client-internals.ts';
import { FixFailed } from '../../src/kafka/fixes/internals.ts';
import { silentLog } from '../../src/lib/log.ts';

test('brokers are made without connecting, at an address or at the bootstrap addresses in turn', async () => {
  const kafka = createKafka({ brokers: ['one:1', 'two:2'], clientId: 'test' }, silentLog);
  const make = brokerFactory(kafka);
  const made = [await make(), await make(), await make(), await make({ host: 'three', port: 3 })];
  const pools = made.map(({ connectionPool }) => connectionPool);
  expect(pools.map(({ host, port }) => `${host}:${port}`)).toEqual(['one:1', 'two:2', 'one:1', 'three:3']);
  expect(made.map((broker) => broker.isConnected())).toEqual([false, false, false, false]);
  expect(pools.every(({ pool }) => typeof pool[0]?.rejectRequests === 'function')).toBe(true);
});

test('a client of another shape is refused at once, by the name of the module', () => {
  expect(() => brokerFactory({} as Kafka)).toThrow(FixFailed);
});

test('every compression has a codec, and none has none', () => {
  createKafka({ brokers: ['one:1'], clientId: 'test' }, silentLog);
  expect(codecOf(0)).toBeNull();
  for (const type of [1, 2, 3, 4]) expect(codecOf(type)?.decompress).toBeTypeOf('function');
});
