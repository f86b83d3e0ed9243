import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { internalFunction } from '../../src/kafka/fixes/internals.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { committedIn, makeTopic, testKafka } from '../support/topic-reading.ts';

const brokers = inject('kafkaBrokers');
const never = new AbortController().signal;
let topic = '';
beforeAll(async () => {
  topic = await makeTopic(brokers, { partitions: 12 });
});

/** Each test has a partition to itself, so that tests do not see each other's records. */
let used = 0;
const ownPartition = (): number => used++;

const opened: TransactionalProducer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((producer) => producer.close()));
});

async function fenced(transactionalId: string): Promise<TransactionalProducer> {
  const deps = { kafka: testKafka(brokers), log: silentLog, clock: systemClock };
  const producer = new TransactionalProducer(deps, { transactionalId, transactionTimeoutMs: 15_000 });
  opened.push(producer);
  await producer.fence(never);
  return producer;
}

const record = (partition: number, value: string): OutgoingRecord => ({ topic, partition, key: 'k', value });

async function committed(partition: number): Promise<(string | undefined)[]> {
  return (await committedIn(brokers, { topic, partition })).records.map(({ value }) => value?.toString());
}

describe('a producer that is fenced by a successor with its transactional id', () => {
  it('cannot commit, and what it had sent is aborted before the successor has the id', async () => {
    const id = randomUUID();
    const partition = ownPartition();
    const first = await fenced(id);
    await first.send([record(partition, 'of the first')]);
    const second = await fenced(id);
    await second.send([record(partition, 'of the second')]);
    await second.commit();
    await expect(first.commit()).rejects.toMatchObject({ code: 'fenced' });
    expect(first.dead).toBe(true);
    expect(await committed(partition)).toEqual(['of the second']);
  });

  it('cannot send, in the same transaction or in a new one', async () => {
    const id = randomUUID();
    const partition = ownPartition();
    const open = await fenced(id);
    await open.send([record(partition, 'a')]);
    const idle = await fenced(id);
    await expect(open.send([record(partition, 'b')])).rejects.toMatchObject({ code: 'fenced' });
    await fenced(id);
    await expect(idle.send([record(partition, 'c')])).rejects.toMatchObject({ code: 'fenced' });
    expect(await committed(partition)).toEqual([]);
  });

  it('does not hold back readers: the last stable offset has passed its records when the successor is fenced', async () => {
    const id = randomUUID();
    const partition = ownPartition();
    const first = await fenced(id);
    const sent = await first.send([record(partition, 'x')]);
    expect((await committedIn(brokers, { topic, partition })).lastStable).toBe(sent.offset(0));
    await fenced(id);
    expect((await committedIn(brokers, { topic, partition })).lastStable).toBeGreaterThan(sent.offset(0));
  });
});

describe('transactions', () => {
  it('are read whole or not at all, at the offsets that were told', async () => {
    const producer = await fenced(randomUUID());
    const [one, two] = [ownPartition(), ownPartition()];
    await producer.send([record(one, 'aborted'), record(two, 'aborted')]);
    await producer.abort();
    const sent = await producer.send([record(two, 'a'), record(one, 'b'), record(two, 'c')]);
    const more = await producer.send([record(one, 'd')]);
    expect(await committed(one)).toEqual([]);
    await producer.commit();
    const inOne = await committedIn(brokers, { topic, partition: one });
    const inTwo = await committedIn(brokers, { topic, partition: two });
    expect(inOne.records.map(({ offset, value }) => [offset, value?.toString()])).toEqual([
      [sent.offset(1), 'b'],
      [more.offset(0), 'd'],
    ]);
    expect(inTwo.records.map(({ offset, value }) => [offset, value?.toString()])).toEqual([
      [sent.offset(0), 'a'],
      [sent.offset(2), 'c'],
    ]);
  });

  it('may follow each other without a pause', async () => {
    const producer = await fenced(randomUUID());
    const partition = ownPartition();
    const values = Array.from({ length: 20 }, (_, n) => String(n));
    for (const value of values) {
      await producer.send([record(partition, value)]);
      await producer.commit();
    }
    expect(await committed(partition)).toEqual(values);
  });

  it('may be larger than a batch may be', async () => {
    const producer = await fenced(randomUUID());
    const partition = ownPartition();
    const values = Array.from({ length: 600 }, (_, n) => String(n).padEnd(5_000, '.'));
    const sent = await producer.send(values.map((value) => record(partition, value)));
    await producer.commit();
    const { records } = await committedIn(brokers, { topic, partition });
    expect(records.map(({ value }) => value?.toString())).toEqual(values);
    expect(records.map(({ offset }) => offset)).toEqual(values.map((_, index) => sent.offset(index)));
  });

  it('refuse a record that the topic refuses, by name, and leave no trace of the rest', async () => {
    const producer = await fenced(randomUUID());
    const partition = ownPartition();
    await producer.send([record(partition, 'small')]);
    const huge = record(partition, 'x'.repeat(1_100_000));
    await expect(producer.send([huge])).rejects.toMatchObject({ code: 'too-large' });
    await producer.abort();
    expect(await committed(partition)).toEqual([]);
  });

  it('name a topic that is not there', async () => {
    const producer = await fenced(randomUUID());
    const lost = { ...record(0, 'v'), topic: `missing-${randomUUID()}` };
    await expect(producer.send([lost])).rejects.toMatchObject({ code: 'topic-missing' });
  });
});

describe('a commit whose answer is lost', () => {
  const broker = internalFunction('broker').prototype as { endTxn(call: object): Promise<void> };
  const original = broker.endTxn;
  afterAll(() => {
    broker.endTxn = original;
  });

  it.each([
    ['arrived', true],
    ['did not arrive', false],
  ])('is unknown to the producer, and the successor finds the truth when it %s', async (_, arrived) => {
    const id = randomUUID();
    const partition = ownPartition();
    const first = await fenced(id);
    await first.send([record(partition, 'in doubt')]);
    broker.endTxn = async function lostAnswer(call) {
      if (arrived) await original.call(this, call);
      throw Object.assign(new Error('lost'), { name: 'KafkaJSConnectionClosedError' });
    };
    await expect(first.commit()).rejects.toMatchObject({ code: 'commit-unknown', retriable: true });
    expect(first.dead).toBe(true);
    broker.endTxn = original;
    await fenced(id);
    expect(await committed(partition)).toEqual(arrived ? ['in doubt'] : []);
  });
});
