/** Connections by broker and lane. */
import { beforeEach, expect, test } from 'vitest';
import { BrokerConnections, type Lane } from '../../src/kafka/broker-connections.ts';
import { fetchCall } from '../../src/kafka/fetch-call.ts';
import { FakeBrokers } from '../support/fake-brokers.ts';

let brokers: FakeBrokers;
let connections: BrokerConnections;

beforeEach(() => {
  brokers = new FakeBrokers();
  connections = new BrokerConnections(brokers.kafka);
});

/** The outcome as text, so that a failure is not left without a handler. */
function send(lane: Lane): Promise<string> {
  const limits = { maxWaitMs: 1, bytesPerPartition: 1, bytesPerRequest: 1, committed: true };
  const call = fetchCall([{ topic: 't', partition: 0, offset: 0 }], limits);
  return connections.send({ host: 'a', port: 1 }, lane, call).then(
    () => 'answered',
    (error: { code?: string; name: string }) => error.code ?? error.name,
  );
}

test('a lane keeps its connection, and each lane has its own', async () => {
  const lanes: Lane[] = ['live-0', 'range', 'live-0'];
  const seen: number[] = [];
  for (const lane of lanes) {
    const sent = send(lane);
    const asked = await brokers.fetch();
    seen.push(asked.connection);
    await asked.answer();
    expect(await sent).toBe('answered');
  }
  expect(seen).toEqual([1, 2, 1]);
});

test('a connection is thrown away after a failure, with all that waited on it, and made anew once', async () => {
  const sent = [send('range'), send('range')];
  const atOnce = sent[0]?.then(() => send('range'));
  const [first] = [await brokers.fetch(), await brokers.fetch()];
  await first?.fail();
  expect(await Promise.all(sent)).toEqual(['KafkaJSConnectionClosedError', 'unavailable']);
  const again = [atOnce, send('range')];
  for (let left = again.length; left > 0; left--) {
    const asked = await brokers.fetch();
    expect(asked.connection).toBe(2);
    await asked.answer();
  }
  expect(await Promise.all(again)).toEqual(['answered', 'answered']);
});

test('close ends what waits and refuses what comes', async () => {
  const sent = send('meta');
  await brokers.fetch();
  connections.close();
  expect(await sent).toBe('unavailable');
  expect(await send('meta')).toBe('unavailable');
});
