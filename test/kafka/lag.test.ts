/** Lag from the positions in the changelogs. */
import { expect, test } from 'vitest';
import { encodeDeliverPosition, encodeJoinPosition, encodeRekeyPosition } from '../../src/kafka/internal-codec.ts';
import { type Lag, measureLag } from '../../src/kafka/lag.ts';
import type { Stage } from '../../src/kafka/own-topics.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';

const TOPICS = {
  rekeyState: 'rekey-state',
  clusterChanges: 'cluster-changes',
  joinState: 'join-state',
  outbound: 'outbound',
  deliveryState: 'delivery-state',
  endpointHealth: 'endpoint-health',
  redrives: 'redrives',
  meta: 'meta',
  deadLetters: 'dead-letters',
};

class World {
  readonly kafka = new MemoryKafka();
  readonly partitions = new Map(Object.values(TOPICS).map((name) => [name, 1]));

  put(topic: string, count: number, partition = 0): void {
    for (let i = 0; i < count; i++) this.kafka.append({ topic, partition, key: 'k', value: 'v' });
  }

  position(topic: string, value: Buffer, partition = 0): void {
    this.kafka.append({ topic, partition, key: 'position', value });
  }

  lag(stages: Stage[], afterMs = 0, sources: string[] = []): Promise<Lag[]> {
    const { partitions, kafka } = this;
    const signal = new AbortController().signal;
    return measureLag(kafka, { stages, topics: TOPICS, sources, partitions, now: kafka.now + afterMs, signal });
  }
}

const deliverAt = (nextOffset: number): Buffer =>
  encodeDeliverPosition({
    nextOffset,
    sentBound: nextOffset,
    released: true,
    owner: null,
    redrives: 0,
    lastTimestamp: 0,
  });

test('records and the age of the oldest are told from the position on', async () => {
  const world = new World();
  world.put('outbound', 5);
  world.position('delivery-state', deliverAt(1));
  world.position('delivery-state', deliverAt(3));
  const [outbound, redrives] = await world.lag(['deliver'], 90_000);
  expect(outbound).toMatchObject({ topic: 'outbound', position: 3, end: 5, records: 2, seconds: 90, problem: null });
  expect(redrives).toMatchObject({ topic: 'redrives', position: 0, end: 0, records: 0, seconds: 0, problem: null });
});

test('a stretch of markers alone is no lag', async () => {
  const world = new World();
  const producer = world.kafka.producer('p');
  await producer.fence(new AbortController().signal);
  await producer.send([{ topic: 'cluster-changes', partition: 0, key: 'k', value: 'v' }]);
  await producer.commit();
  world.position('join-state', encodeJoinPosition({ next: 1, time: 1, lastTimestamp: 1 }));
  expect(await world.lag(['join'])).toMatchObject([{ position: 1, end: 2, records: 0, seconds: 0 }]);
});

test('a task with input and no position is a problem; one without input is none', async () => {
  const world = new World();
  world.put('outbound', 2);
  expect(await world.lag(['deliver', 'join'])).toMatchObject([
    { topic: 'outbound', position: null, records: 2, problem: 'no-position' },
    { topic: 'redrives', position: null, records: 0, problem: null },
    { topic: 'cluster-changes', position: null, records: 0, problem: null },
  ]);
});

test('a position outside of the log is a problem', async () => {
  const world = new World();
  world.put('cluster-changes', 2);
  world.position('join-state', encodeJoinPosition({ next: 9, time: 1, lastTimestamp: 1 }));
  expect(await world.lag(['join'])).toMatchObject([{ position: 9, end: 2, records: 2, problem: 'outside' }]);
});

test('rekey has one line for each source partition of a task, also for one that it has read nothing of', async () => {
  const world = new World();
  world.partitions.set('leads', 2).set('drives', 1).set('rekey-state', 2);
  world.put('leads', 3);
  world.put('leads', 1, 1);
  world.put('drives', 1);
  const source = { topic: 'leads', next: 3, lastDelete: null, keySchema: null };
  world.position('rekey-state', encodeRekeyPosition({ sources: [source], lastTimestamp: 1 }));
  const lags = await world.lag(['rekey'], 0, ['leads', 'drives']);
  expect(
    lags.map(({ partition, topic, position, records, problem }) => [partition, topic, position, records, problem]),
  ).toEqual([
    [0, 'leads', 3, 0, null],
    [0, 'drives', null, 1, null],
    [1, 'leads', null, 1, 'no-position'],
  ]);
});

test('a partition that was added to an input after the first start is a problem, with what lies in it', async () => {
  const world = new World();
  world.partitions.set('leads', 2);
  world.put('leads', 4, 1);
  world.position('rekey-state', encodeRekeyPosition({ sources: [], lastTimestamp: 1 }));
  expect(await world.lag(['rekey'], 0, ['leads'])).toMatchObject([
    { partition: 0, topic: 'leads', records: 0, problem: null },
    { partition: 1, topic: 'leads', position: null, end: 4, records: 4, problem: 'no-task' },
  ]);
});
