/** The live fetch loop against brokers that the test plays, request by request. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Chunk, Fetcher, type Subscriber } from '../../src/kafka/fetcher.ts';
import { silentLog } from '../../src/lib/log.ts';
import { FakeBrokers, settled } from '../support/fake-brokers.ts';
import { ManualClock } from '../support/manual-clock.ts';

class Recorder implements Subscriber {
  readonly values: string[] = [];
  readonly chunks: Chunk[] = [];
  readonly failures: string[] = [];

  deliver(chunk: Chunk): void {
    this.chunks.push(chunk);
    this.values.push(...chunk.records.map((record) => String(record.value)));
  }

  fail(failure: { code: string }): void {
    this.failures.push(failure.code);
  }
}

let brokers: FakeBrokers;
let clock: ManualClock;
let fetcher: Fetcher;

beforeEach(() => {
  brokers = new FakeBrokers();
  clock = new ManualClock();
  fetcher = new Fetcher({ kafka: brokers.kafka, log: silentLog, clock });
  for (const partition of [0, 1, 2]) brokers.leaders.set(`t/${partition}`, 'a:1');
});

afterEach(() => fetcher.stop());

function subscribe(partition: number, offset = 0) {
  const recorder = new Recorder();
  return { recorder, subscription: fetcher.subscribe({ topic: 't', partition, offset }, recorder) };
}

describe('asking', () => {
  test('one request carries every partition of a broker, and the next goes out as soon as the answer is handed out', async () => {
    const [first, second] = [subscribe(0, 5), subscribe(1)];
    const asked = await brokers.fetch();
    expect(asked.wanted).toEqual(['t/0@5', 't/1@0']);
    expect(asked.maxWaitMs).toBe(250);
    await asked.answer([{ at: 't/0', values: ['x', 'y'] }]);
    expect(first.recorder.values).toEqual(['x', 'y']);
    expect(first.subscription.next).toBe(7);
    expect(second.recorder.values).toEqual([]);
    expect([...(await brokers.fetch()).wanted].sort()).toEqual(['t/0@7', 't/1@0']);
  });

  test('each broker is asked for what it leads', async () => {
    brokers.leaders.set('t/1', 'b:2');
    subscribe(0);
    subscribe(1);
    const asked = [await brokers.fetch(), await brokers.fetch()];
    expect(asked.map(({ broker, wanted }) => [broker, wanted])).toEqual([
      ['a:1', ['t/0@0']],
      ['b:2', ['t/1@0']],
    ]);
  });

  test('a partition that had records is asked for last, so that a size limit starves no other', async () => {
    subscribe(0);
    subscribe(1);
    subscribe(2);
    await (await brokers.fetch()).answer([{ at: 't/0', values: ['x'] }]);
    expect((await brokers.fetch()).wanted).toEqual(['t/1@0', 't/2@0', 't/0@1']);
  });

  test('a new partition is asked for beside a long poll that is under way, on another connection', async () => {
    subscribe(0);
    const poll = await brokers.fetch();
    const late = subscribe(1);
    const beside = await brokers.fetch();
    expect(beside.wanted).toEqual(['t/1@0']);
    expect(beside.connection).not.toBe(poll.connection);
    await beside.answer([{ at: 't/1', values: ['x'] }]);
    expect(late.recorder.values).toEqual(['x']);
  });

  test('nobody is told of an answer that brings nothing, but of ends that move without records', async () => {
    const { recorder } = subscribe(0, 5);
    await (await brokers.fetch()).answer();
    expect(recorder.chunks).toEqual([{ records: [], next: 5, lastStableOffset: 5, highWatermark: 5 }]);
    await (await brokers.fetch()).answer();
    expect(recorder.chunks).toHaveLength(1);
  });
});

describe('pausing and closing', () => {
  test('a paused partition is not asked for, and goes on where it was', async () => {
    const { recorder, subscription } = subscribe(0);
    await (await brokers.fetch()).answer([{ at: 't/0', values: ['x'] }]);
    const under = await brokers.fetch();
    subscription.pause();
    await under.answer([{ at: 't/0', values: ['y'] }]);
    expect(recorder.values).toEqual(['x']);
    expect(brokers.unanswered).toBe(0);
    subscription.resume();
    const again = await brokers.fetch();
    expect(again.wanted).toEqual(['t/0@1']);
    await again.answer([{ at: 't/0', values: ['y'] }]);
    expect(recorder.values).toEqual(['x', 'y']);
  });

  test('a closed subscription gets nothing of an answer in flight, and the partition can be subscribed to elsewhere', async () => {
    const first = subscribe(0);
    const under = await brokers.fetch();
    first.subscription.close();
    const second = subscribe(0, 40);
    const again = await brokers.fetch();
    await under.answer([{ at: 't/0', values: ['old'] }]);
    await again.answer([{ at: 't/0', values: ['new'] }]);
    expect(first.recorder.chunks).toEqual([]);
    expect(second.recorder.values).toEqual(['new']);
  });

  test('close holds at whatever moment of an answer it comes', async () => {
    for (let moment = 0; moment < 20; moment++) {
      const { recorder, subscription } = subscribe(0);
      const answered = (await brokers.fetch()).answer([{ at: 't/0', values: ['x'] }]);
      for (let turn = 0; turn < moment; turn++) await Promise.resolve();
      const before = recorder.chunks.length;
      subscription.close();
      await answered;
      await settled();
      expect(recorder.chunks).toHaveLength(before);
      if (before > 0) return expect(moment).toBeGreaterThan(3);
    }
    throw new Error('no answer came through in time for its close');
  });

  test('after stop nothing is delivered and nothing is asked', async () => {
    const { recorder } = subscribe(0);
    const under = await brokers.fetch();
    await fetcher.stop();
    await under.answer([{ at: 't/0', values: ['x'] }]);
    await clock.pass(60_000);
    expect([recorder.chunks, recorder.failures, brokers.unanswered]).toEqual([[], [], 0]);
  });

  test('a stretch ends with the fetcher', async () => {
    const { signal } = new AbortController();
    const at = { topic: 't', partition: 0, from: 0, to: 9, committed: true, signal };
    const ended = expect(fetcher.read(at, () => undefined)).rejects.toThrow('the fetcher was stopped');
    await brokers.fetch();
    await fetcher.stop();
    await ended;
  });

  test('two subscriptions to one partition are a bug', () => {
    subscribe(0);
    expect(() => subscribe(0)).toThrow('subscribed to already');
  });
});

describe('failures', () => {
  const NOT_LEADER = 6;

  test('a leader that moved is found again and no one is told', async () => {
    const { recorder } = subscribe(0);
    const asked = await brokers.fetch();
    brokers.leaders.set('t/0', 'b:2');
    await asked.answer([{ at: 't/0', errorCode: NOT_LEADER }]);
    await clock.pass(50);
    const again = await brokers.fetch();
    expect([again.broker, again.wanted]).toEqual(['b:2', ['t/0@0']]);
    await again.answer([{ at: 't/0', values: ['x'] }]);
    expect([recorder.values, recorder.failures]).toEqual([['x'], []]);
  });

  test('an error of one partition does not touch the others of the same answer', async () => {
    const [moved, fine] = [subscribe(0), subscribe(1)];
    const partitions = [
      { at: 't/0', errorCode: NOT_LEADER },
      { at: 't/1', values: ['x'] },
    ];
    await (await brokers.fetch()).answer(partitions);
    expect([moved.recorder.values, fine.recorder.values]).toEqual([[], ['x']]);
  });

  test('a connection that breaks is made again, after waits that grow', async () => {
    const { recorder } = subscribe(0, 3);
    for (const waitMs of [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]) {
      await (await brokers.fetch()).fail();
      await clock.pass(waitMs - 1);
      expect(brokers.unanswered).toBe(0);
      await clock.pass(1);
    }
    const asked = await brokers.fetch();
    expect(asked.wanted).toEqual(['t/0@3']);
    await asked.answer([{ at: 't/0', values: ['x'] }]);
    expect([recorder.values, recorder.failures]).toEqual([['x'], []]);
  });

  test.each([
    [1, 'offset-out-of-range'],
    [29, 'authorization'],
  ])('error %i ends the subscription as %s, and only that one', async (errorCode, code) => {
    const [ended, other] = [subscribe(0), subscribe(1)];
    await (await brokers.fetch()).answer([{ at: 't/0', errorCode }]);
    expect([ended.recorder.failures, other.recorder.failures]).toEqual([[code], []]);
    expect((await brokers.fetch()).wanted).toEqual(['t/1@0']);
  });

  test('a topic that does not exist is waited for a moment, then is a failure', async () => {
    const recorder = new Recorder();
    fetcher.subscribe({ topic: 'gone', partition: 0, offset: 0 }, recorder);
    await settled();
    await clock.pass(2_500);
    expect(recorder.failures).toEqual([]);
    await clock.pass(2_500);
    expect(recorder.failures).toEqual(['topic-missing']);
  });

  test('a topic that appears within the moment is read', async () => {
    const recorder = new Recorder();
    fetcher.subscribe({ topic: 'new', partition: 0, offset: 0 }, recorder);
    await settled();
    brokers.leaders.set('new/0', 'a:1');
    await clock.pass(50);
    await (await brokers.fetch()).answer([{ at: 'new/0', values: ['x'] }]);
    expect([recorder.values, recorder.failures]).toEqual([['x'], []]);
  });

  test('metadata that refuse one topic do not keep the others from being read', async () => {
    brokers.topicErrors.set('secret', 29);
    const refused = new Recorder();
    fetcher.subscribe({ topic: 'secret', partition: 0, offset: 0 }, refused);
    const { recorder } = subscribe(0);
    await (await brokers.fetch()).answer([{ at: 't/0', values: ['x'] }]);
    expect([refused.failures, recorder.values]).toEqual([['authorization'], ['x']]);
  });
});
