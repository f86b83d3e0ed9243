/** Stretches of a partition, read from brokers that the test plays. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BrokerConnections } from '../../src/kafka/broker-connections.ts';
import { PartitionLeaders } from '../../src/kafka/partition-leaders.ts';
import { type Range, readRange } from '../../src/kafka/range-reader.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { FakeBrokers, settled } from '../support/fake-brokers.ts';
import { ManualClock } from '../support/manual-clock.ts';

let brokers: FakeBrokers;
let clock: ManualClock;
let connections: BrokerConnections;
let leaders: PartitionLeaders;

beforeEach(() => {
  brokers = new FakeBrokers();
  clock = new ManualClock();
  connections = new BrokerConnections(brokers.kafka);
  leaders = new PartitionLeaders(connections);
  brokers.leaders.set('t/0', 'a:1');
});

afterEach(() => connections.close());

const read = (range: Range, onRecords: (records: KafkaRecord[], next: number) => void | Promise<void>) =>
  readRange(
    { leaders, clock, missingGraceMs: 5_000 },
    { maxWaitMs: 250, bytesPerPartition: 1_000_000 },
    range,
    onRecords,
  );

const signal = (): AbortSignal => new AbortController().signal;

test('a stretch is read to its end, whatever lies beyond, with the next part under way while one is worked on', async () => {
  const parts: [string[], number][] = [];
  let release: () => void = () => undefined;
  const at = { topic: 't', partition: 0, from: 10, to: 13, committed: true, signal: signal() };
  const done = read(at, (records, next) => {
    parts.push([records.map((record) => String(record.value)), next]);
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  await (await brokers.fetch()).answer([{ at: 't/0', values: ['a', 'b'] }]);
  const ahead = await brokers.fetch();
  expect([parts, ahead.wanted]).toEqual([[[['a', 'b'], 12]], ['t/0@12']]);
  await ahead.answer([{ at: 't/0', values: ['c', 'beyond'] }]);
  expect(parts).toHaveLength(1);
  release();
  await settled();
  release();
  await done;
  expect(parts[1]).toEqual([['c'], 13]);
  expect(brokers.unanswered).toBe(0);
});

test('an empty stretch asks nothing', async () => {
  await read({ topic: 't', partition: 0, from: 4, to: 4, committed: true, signal: signal() }, () => undefined);
  expect(brokers.unanswered).toBe(0);
});

test('an abort ends it with the signal’s reason, also while an answer is awaited', async () => {
  const abort = new AbortController();
  const at = { topic: 't', partition: 0, from: 0, to: 9, committed: true, signal: abort.signal };
  const done = read(at, () => undefined);
  await brokers.fetch();
  abort.abort(new Error('enough'));
  await expect(done).rejects.toThrow('enough');
});

test('what the caller throws ends it and the read ahead', async () => {
  const at = { topic: 't', partition: 0, from: 0, to: 9, committed: true, signal: signal() };
  const done = read(at, () => {
    throw new Error('full');
  });
  const ended = expect(done).rejects.toThrow('full');
  await (await brokers.fetch()).answer([{ at: 't/0', values: ['a'] }]);
  await ended;
  await (await brokers.fetch()).answer();
  await clock.pass(60_000);
  expect(brokers.unanswered).toBe(0);
});

test('an offset that the log does not hold is a failure', async () => {
  const at = { topic: 't', partition: 0, from: 0, to: 9, committed: true, signal: signal() };
  const ended = expect(read(at, () => undefined)).rejects.toMatchObject({ code: 'offset-out-of-range' });
  await (await brokers.fetch()).answer([{ at: 't/0', errorCode: 1 }]);
  await ended;
});

test('a broker that is away is waited for, and no one is told', async () => {
  const values: string[] = [];
  const at = { topic: 't', partition: 0, from: 0, to: 1, committed: true, signal: signal() };
  const done = read(at, (records) => {
    values.push(...records.map(({ value }) => String(value)));
  });
  await (await brokers.fetch()).fail();
  await clock.pass(50);
  await (await brokers.fetch()).answer([{ at: 't/0', values: ['a'] }]);
  await done;
  expect(values).toEqual(['a']);
});

test('a topic that stays missing is a failure after a moment', async () => {
  const at = { topic: 'gone', partition: 0, from: 0, to: 1, committed: true, signal: signal() };
  const ended = expect(read(at, () => undefined)).rejects.toMatchObject({ code: 'topic-missing' });
  await settled();
  await clock.pass(6_000);
  await ended;
});
