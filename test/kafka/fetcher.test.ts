/** The live fetch loop against brokers that the test plays, request by request. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Chunk, Fetcher, type Subscriber } from '../../src/kafka/fetcher.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { FakeBrokers, settled } from '../support/fake-brokers.ts';

/** Time that passes when the test says so. */
class ManualClock implements Clock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now = (): number => this.#now;

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
    await settled();
  }
}

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

  test('after stop nothing is delivered and nothing is asked', async () => {
    const { recorder } = subscribe(0);
    const under = await brokers.fetch();
    await fetcher.stop();
    await under.answer([{ at: 't/0', values: ['x'] }]);
    await clock.pass(60_000);
    expect([recorder.chunks, recorder.failures, brokers.unanswered]).toEqual([[], [], 0]);
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

describe('stretches', () => {
  const signal = (): AbortSignal => new AbortController().signal;

  test('a stretch is read to its end, whatever lies beyond, with the next part under way while one is worked on', async () => {
    const parts: [string[], number][] = [];
    let release: () => void = () => undefined;
    const at = { topic: 't', partition: 0, from: 10, to: 13, committed: true, signal: signal() };
    const done = fetcher.read(at, (records, next) => {
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

  test('it does not ride on the connection of a long poll', async () => {
    subscribe(1);
    const poll = await brokers.fetch();
    void fetcher
      .read({ topic: 't', partition: 0, from: 0, to: 1, committed: true, signal: signal() }, () => undefined)
      .catch(() => undefined);
    expect((await brokers.fetch()).connection).not.toBe(poll.connection);
  });

  test('an empty stretch asks nothing', async () => {
    await fetcher.read(
      { topic: 't', partition: 0, from: 4, to: 4, committed: true, signal: signal() },
      () => undefined,
    );
    expect(brokers.unanswered).toBe(0);
  });

  test('an abort ends it with the signal’s reason, also while an answer is awaited', async () => {
    const abort = new AbortController();
    const at = { topic: 't', partition: 0, from: 0, to: 9, committed: true, signal: abort.signal };
    const done = fetcher.read(at, () => undefined);
    await brokers.fetch();
    abort.abort(new Error('enough'));
    await expect(done).rejects.toThrow('enough');
  });

  test('what the caller throws ends it and the read ahead', async () => {
    const at = { topic: 't', partition: 0, from: 0, to: 9, committed: true, signal: signal() };
    const done = fetcher.read(at, () => {
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
    const ended = expect(fetcher.read(at, () => undefined)).rejects.toMatchObject({ code: 'offset-out-of-range' });
    await (await brokers.fetch()).answer([{ at: 't/0', errorCode: 1 }]);
    await ended;
  });
});
