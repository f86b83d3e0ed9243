/** Reading from a real broker: compacted logs, transactions that overlap, ends, the live loop. */
import { afterAll, afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { type Chunk, Fetcher, type Subscriber } from '../../src/kafka/fetcher.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { makeTopic, openProducer, testKafka, withProducer } from '../support/kafka-topics.ts';

const kafka = testKafka(inject('kafkaBrokers'));
const admin = kafka.admin();
let fetcher: Fetcher;

const never = (): AbortSignal => new AbortController().signal;

beforeEach(() => {
  fetcher = new Fetcher({ kafka, log: silentLog, clock: systemClock }, { missingGraceMs: 300 });
});

afterEach(() => fetcher.stop());
afterAll(() => admin.disconnect());

/** A subscriber that can be waited for. */
class Collector implements Subscriber {
  readonly values: string[] = [];
  readonly chunks: Chunk[] = [];
  readonly failures: string[] = [];

  deliver(chunk: Chunk): void {
    this.chunks.push(chunk);
    this.values.push(...chunk.records.map(({ value }) => String(value)));
  }

  fail(failure: { code: string }): void {
    this.failures.push(failure.code);
  }
}

const soon = { timeout: 20_000, interval: 10 };

async function readValues(topic: string, committed = true): Promise<{ values: string[]; records: KafkaRecord[] }> {
  const { earliest, lastStable, highWatermark } = await fetcher.ends(topic, 0);
  const records: KafkaRecord[] = [];
  const to = committed ? lastStable : highWatermark;
  await fetcher.read({ topic, partition: 0, from: earliest, to, committed, signal: never() }, (part) => {
    records.push(...part);
  });
  return { values: records.map(({ value }) => String(value)), records };
}

test('a compacted log with holes and an emptied batch is read to its end', async () => {
  const topic = await makeTopic(kafka, 1, {
    'cleanup.policy': 'compact',
    'segment.ms': '100',
    'min.cleanable.dirty.ratio': '0.01',
    'min.compaction.lag.ms': '0',
  });
  // The last batch of a producer id stays in the log without records when compaction has taken them all.
  const first = await openProducer(kafka);
  await first.send([{ topic, partition: 0, key: 'a', value: 'old' }]);
  await first.commit();
  await first.close();
  await withProducer(kafka, async (producer) => {
    const put = (keys: readonly string[], value: string) =>
      producer.send({ topic, messages: keys.map((key) => ({ key, value, partition: 0 })) });
    await put(['b', 'c', 'd', 'e'], 'old');
    await vi.waitFor(
      async () => {
        // Each write may roll the segment, which makes the one before it a matter for the cleaner.
        await put(['a', 'c', 'd', 'e'], 'new');
        const { values } = await readValues(topic);
        // What was written is readable only when the markers of the transaction before it are there.
        const compacted = values.includes('new') && values.filter((value) => value === 'old').length === 1;
        if (!compacted) throw new Error('not compacted yet');
      },
      { timeout: 60_000, interval: 200 },
    );
  });
  const { earliest, lastStable } = await fetcher.ends(topic, 0);
  const { records } = await readValues(topic);
  expect(earliest).toBe(0);
  expect(records.filter(({ value }) => String(value) === 'old').map(({ key }) => String(key))).toEqual(['b']);
  const holes = lastStable - earliest - records.length;
  expect(holes).toBeGreaterThanOrEqual(4);

  const live = new Collector();
  fetcher.subscribe({ topic, partition: 0, offset: 0 }, live);
  await vi.waitFor(() => expect(live.chunks.at(-1)?.next).toBe(lastStable), soon);
  expect(live.values).toHaveLength(records.length);
  // From within a hole, too.
  const fromHole: number[] = [];
  await fetcher.read({ topic, partition: 0, from: 3, to: lastStable, committed: true, signal: never() }, (part) => {
    fromHole.push(...part.map(({ offset }) => offset));
  });
  expect(fromHole).toEqual(records.map(({ offset }) => offset).filter((offset) => offset >= 3));
});

test('of transactions that overlap a committed reader gets the committed ones, an uncommitted reader all', async () => {
  const topic = await makeTopic(kafka);
  const [one, two, three] = [await openProducer(kafka), await openProducer(kafka), await openProducer(kafka)];
  const put = (of: typeof one, values: readonly string[]) =>
    of.send(values.map((value) => ({ topic, partition: 0, key: null, value })));
  await put(one, ['x1', 'x2']);
  await put(two, ['y1', 'y2']);
  await put(three, ['z1']);
  await put(one, ['x3']);
  await two.abort();
  await put(one, ['x4']);
  await put(three, ['z2']);
  await one.abort();
  await three.commit();
  await withProducer(kafka, (producer) => producer.send({ topic, messages: [{ value: 'plain', partition: 0 }] }));
  await Promise.all([one, two, three].map((producer) => producer.close()));
  expect((await readValues(topic)).values).toEqual(['z1', 'z2', 'plain']);
  expect((await readValues(topic, false)).values).toEqual(['x1', 'x2', 'y1', 'y2', 'z1', 'x3', 'x4', 'z2', 'plain']);
});

test('an open transaction holds the last stable offset back, and its commit is delivered at once', async () => {
  const topic = await makeTopic(kafka);
  const live = new Collector();
  fetcher.subscribe({ topic, partition: 0, offset: 0 }, live);
  const producer = await openProducer(kafka);
  await producer.send([{ topic, partition: 0, key: null, value: 'x' }]);
  expect(await fetcher.ends(topic, 0)).toEqual({ partition: 0, earliest: 0, lastStable: 0, highWatermark: 1 });
  await vi.waitFor(() => expect(live.chunks.at(-1)).toMatchObject({ lastStableOffset: 0, highWatermark: 1 }), soon);
  expect(live.values).toEqual([]);
  await producer.commit();
  await vi.waitFor(() => expect(live.chunks.at(-1)?.next).toBe(2), soon);
  expect(live.values).toEqual(['x']);
  await producer.close();
});

test('records of any compression arrive with their headers', async () => {
  for (const type of ['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed']) {
    const topic = await makeTopic(kafka, 1, { 'compression.type': type });
    const value = `${type} `.repeat(500);
    await withProducer(kafka, (producer) =>
      producer.send({ topic, messages: [{ key: 'k', value, headers: { a: ['1', '2'] }, partition: 0 }] }),
    );
    const { records } = await readValues(topic);
    expect(records.map((record) => [String(record.value), String(record.headers['a'])])).toEqual([[value, '2']]);
  }
});

test('a record larger than the limits of a request still comes through, for every partition', async () => {
  const small = new Fetcher(
    { kafka, log: silentLog, clock: systemClock },
    { bytesPerPartition: 100, bytesPerRequest: 200 },
  );
  const topic = await makeTopic(kafka, 3);
  const value = 'x'.repeat(50_000);
  const collectors = [0, 1, 2].map((partition) => {
    const collector = new Collector();
    small.subscribe({ topic, partition, offset: 0 }, collector);
    return collector;
  });
  await withProducer(kafka, async (producer) => {
    for (let round = 0; round < 3; round++) {
      await producer.send({ topic, messages: [0, 1, 2].map((partition) => ({ partition, value })) });
    }
  });
  await vi.waitFor(() => expect(collectors.map(({ values }) => values.length)).toEqual([3, 3, 3]), soon);
  await small.stop();
});

describe('what cannot be read', () => {
  test('an offset that the log does not hold, before its start or after its end, ends the subscription', async () => {
    const topic = await makeTopic(kafka);
    await withProducer(kafka, (producer) =>
      producer.send({ topic, messages: ['a', 'b', 'c'].map((value) => ({ value, partition: 0 })) }),
    );
    await admin.connect();
    await admin.fetchTopicMetadata({ topics: [topic] }); // the client's deleteTopicRecords needs it in its cache
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] });
    for (const offset of [0, 99]) {
      const collector = new Collector();
      const subscription = fetcher.subscribe({ topic, partition: 0, offset }, collector);
      await vi.waitFor(() => expect(collector.failures).toEqual(['offset-out-of-range']), soon);
      expect([collector.chunks, subscription.next]).toEqual([[], offset]);
    }
    const at = { topic, partition: 0, from: 0, to: 3, committed: true, signal: never() };
    await expect(fetcher.read(at, () => undefined)).rejects.toMatchObject({ code: 'offset-out-of-range' });
    expect((await fetcher.ends(topic, 0)).earliest).toBe(2);
  });

  test('a topic that is deleted ends its subscription and not that of another', async () => {
    const [gone, stays] = [await makeTopic(kafka), await makeTopic(kafka)];
    const [of, other] = [new Collector(), new Collector()];
    fetcher.subscribe({ topic: gone, partition: 0, offset: 0 }, of);
    fetcher.subscribe({ topic: stays, partition: 0, offset: 0 }, other);
    await vi.waitFor(() => expect(of.chunks).toHaveLength(1), soon);
    await admin.connect();
    await admin.deleteTopics({ topics: [gone] });
    await vi.waitFor(() => expect(of.failures).toEqual(['topic-missing']), soon);
    await withProducer(kafka, (producer) => producer.send({ topic: stays, messages: [{ value: 'x', partition: 0 }] }));
    await vi.waitFor(() => expect(other.values).toEqual(['x']), soon);
    expect(other.failures).toEqual([]);
  });

  test('a partition or topic that does not exist is a failure of the question', async () => {
    const topic = await makeTopic(kafka, 2);
    await expect(fetcher.ends(topic, 2)).rejects.toMatchObject({ code: 'topic-missing' });
    await expect(fetcher.offsets('test.no.such.topic', never())).rejects.toMatchObject({ code: 'topic-missing' });
    expect((await fetcher.offsets(topic, never())).map(({ partition }) => partition)).toEqual([0, 1]);
  });
});

test('pausing, resuming and closing lose nothing and repeat nothing', async () => {
  const topic = await makeTopic(kafka);
  const collector = new Collector();
  const subscription = fetcher.subscribe(
    { topic, partition: 0, offset: 0 },
    {
      deliver: (chunk) => {
        collector.deliver(chunk);
        if (chunk.records.length === 0) return;
        subscription.pause();
        setImmediate(() => subscription.resume());
      },
      fail: (failure) => collector.fail(failure),
    },
  );
  const values = Array.from({ length: 300 }, (_, i) => `v${i}`);
  await withProducer(kafka, async (producer) => {
    for (let at = 0; at < values.length; at += 10) {
      const messages = values.slice(at, at + 10).map((value) => ({ value, partition: 0 }));
      await producer.send({ topic, messages });
    }
    await vi.waitFor(() => expect(collector.values).toEqual(values), soon);
    expect(subscription.next).toBe(300);
    subscription.close();
    await producer.send({ topic, messages: [{ value: 'late', partition: 0 }] });
  });
  const second = new Collector();
  fetcher.subscribe({ topic, partition: 0, offset: 299 }, second);
  await vi.waitFor(() => expect(second.values).toEqual(['v299', 'late']), soon);
  expect(collector.values).toHaveLength(300);
});
