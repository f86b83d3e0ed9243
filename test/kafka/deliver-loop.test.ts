/** One life of a deliver task between Kafka and a deliverer that is played by the test. */
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  type Commit,
  type DeliverStart,
  factsOf,
  type Mark,
  type OutboundRecord,
  type RedriveRequest,
  type Redrives,
} from '../../src/core/delivery.ts';
import type { InputFetcher } from '../../src/kafka/batch-loop.ts';
import { deliverLoop, type TaskDeliverer } from '../../src/kafka/deliver-loop.ts';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import {
  decodeDeliverPosition,
  decodeMark,
  decodePending,
  encodeDeliverPosition,
  encodeMark,
  encodePending,
  encodeRedrive,
} from '../../src/kafka/internal-codec.ts';
import { Lease } from '../../src/kafka/lease.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { TaskProducer } from '../../src/kafka/task.ts';
import { silentLog } from '../../src/lib/log.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { outbound } from '../support/deliver-world.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';
import { chunk, HEADERS, record } from '../support/outbound-input.ts';
import { pendingDelivery } from '../support/pending-delivery.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

type Subscriber = Parameters<InputFetcher['subscribe']>[1];

const INTERVAL_MS = 200;
const DRAIN_MS = 5_000;
const PENDING = pendingDelivery({ record: factsOf(outbound({ offset: 3, leadId: '5' })), attempts: 2 });
const MARK: Mark = { kind: 'seen', revision: 7, expiresAt: 99_000 };
const AT_3 = { nextOffset: 3, sentBound: 8, released: false, owner: null, redrives: 0 };

function commitOf(nextOffset: number, more: Partial<Commit> = {}): Commit {
  const position = { nextOffset, sentBound: nextOffset + 10, released: false, owner: null, redrives: 0 };
  return { position, pending: [], marks: [], deadLetters: [], ...more };
}

class World implements TaskDeliverer {
  readonly kafka = new MemoryKafka();
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  readonly events: string[] = [];
  readonly meter = new CountingMeter();
  readonly taken: { records: readonly OutboundRecord[]; next: number }[] = [];
  readonly onCommitted: (readonly [string, number])[][] = [];
  /** What the deliverer has to write, in turn; null or nothing left = nothing. */
  plans: (Commit | null)[] = [];
  readonly redriven: Redrives[] = [];
  redriveInput: Subscriber | null = null;
  redrivesFrom = -1;
  redrivesPaused = false;
  full = false;
  waitsOnPurpose = false;
  readonly lease = new Lease(this.clock, { sessionTimeoutMs: 30_000, onRenewed: () => undefined });
  start: DeliverStart | null = null;
  news: () => void = () => {};
  input: Subscriber | null = null;
  from = -1;
  wrap: (producer: TaskProducer) => TaskProducer = (producer) => producer;

  async run(): Promise<void> {
    const producer = this.kafka.producer('deliver.0');
    await producer.fence(this.stop.signal);
    await deliverLoop(
      { producer: this.wrap(producer), signal: this.stop.signal, running: () => void this.events.push('running') },
      {
        log: this.kafka,
        fetcher: {
          subscribe: (at, subscriber) =>
            at.topic === 'redrives' ? this.#redrives(at.offset, subscriber) : this.#subscribe(at.offset, subscriber),
        },
        deliverer: (start, onNews) => {
          this.start = start;
          this.news = onNews;
          return this;
        },
        lease: this.lease,
        clock: this.clock,
        logger: silentLog,
        meter: this.meter,
      },
      {
        partition: 0,
        outboundTopic: 'outbound',
        stateTopic: 'delivery-state',
        redrivesTopic: 'redrives',
        deadLetters: { topic: 'dead-letters', partitions: 1 },
        commitIntervalMs: INTERVAL_MS,
        drainMs: DRAIN_MS,
        onCommitted: (next) => this.onCommitted.push([...next]),
      },
    );
  }

  /** Runs a life, stops it after `story`, and waits for its end. */
  async tell(story: () => void | Promise<void> = () => {}): Promise<void> {
    const run = this.run();
    await turn();
    await story();
    this.stop.abort();
    await run;
  }

  async hear(): Promise<void> {
    this.news();
    await turn();
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await turn();
  }

  wants(): boolean {
    return !this.full;
  }

  take(records: readonly OutboundRecord[], next: number): void {
    this.taken.push({ records, next });
  }

  readonly wantsRedrives = true;
  redrive = (redrives: Redrives): void => void this.redriven.push(redrives);

  plan(): Commit | null {
    const plan = this.plans.shift() ?? null;
    this.events.push(plan === null ? 'no plan' : `plan ${plan.position.nextOffset}`);
    return plan;
  }

  committed(commit: Commit): void {
    this.events.push(`committed ${commit.position.nextOffset}`);
  }

  async drain(deadline: number): Promise<void> {
    this.events.push(`drain ${deadline - this.clock.now()}`);
  }

  async suspend(): Promise<void> {
    this.events.push('suspend');
  }

  resume(): void {
    this.events.push('resume sending');
  }

  abandon(): void {
    this.events.push('abandon');
  }

  /** Writes a record of `delivery-state`. */
  state(key: string, value: Buffer | null): void {
    this.kafka.append({ topic: 'delivery-state', partition: 0, key, value });
  }

  /** Last value of each key of `delivery-state` that this life wrote. */
  written(): Map<string, Buffer | null> {
    return new Map(this.kafka.committed('delivery-state').map(({ key, value }) => [String(key), value]));
  }

  outbound(count: number): void {
    for (let i = 0; i < count; i++) {
      this.kafka.append({ topic: 'outbound', partition: 0, key: '5', value: '{}', headers: HEADERS });
    }
  }

  #redrives(offset: number, subscriber: Subscriber) {
    this.redriveInput = subscriber;
    this.redrivesFrom = offset;
    return {
      pause: () => {
        this.redrivesPaused = true;
      },
      resume: () => {
        this.redrivesPaused = false;
      },
      close: () => {
        this.redriveInput = null;
      },
    };
  }

  #subscribe(offset: number, subscriber: Subscriber) {
    this.input = subscriber;
    this.from = offset;
    return {
      pause: () => void this.events.push('pause'),
      resume: () => void this.events.push('resume'),
      close: () => void this.events.push('close'),
    };
  }
}

describe('a start', () => {
  test('without a position begins at the start of the log, as if a predecessor had let go', async () => {
    const world = new World();
    world.outbound(4);
    await world.tell();
    expect({ ...world.start, pending: [...(world.start?.pending ?? [])] }).toEqual({
      position: { nextOffset: 0, sentBound: 0, released: true, owner: null, redrives: 0 },
      logEnd: 4,
      pending: [],
      marks: [],
    });
    expect(world.from).toBe(0);
  });

  test('reads back the position, what is pending and the marks, and not what was put aside', async () => {
    const world = new World();
    world.outbound(12);
    world.state('position', encodeDeliverPosition({ ...AT_3, lastTimestamp: 0 }));
    world.state('crm|5|pending', encodePending(PENDING));
    world.state('crm|6|pending', encodePending(PENDING));
    world.state('crm|6|pending', null);
    world.state('crm|5|seen', encodeMark(MARK));
    world.state('crm|5|parked', Buffer.from('of a later release'));
    await world.tell();
    expect({ ...world.start, pending: [...(world.start?.pending ?? [])] }).toEqual({
      position: AT_3,
      logEnd: 12,
      pending: [{ key: { endpointId: 'crm', leadId: '5', suffix: 'pending' }, delivery: PENDING }],
      marks: [{ key: { endpointId: 'crm', leadId: '5', suffix: 'seen' }, mark: MARK }],
    });
    expect(world.from).toBe(3);
  });

  test('with a position outside of the log needs the operator, and nothing is begun', async () => {
    const world = new World();
    world.state('position', encodeDeliverPosition({ ...AT_3, lastTimestamp: 0 }));
    await expect(world.run()).rejects.toMatchObject({ code: 'offset-out-of-range' });
    expect([world.start, world.events]).toEqual([null, []]);
  });

  test('asks for the first plan by itself', async () => {
    const world = new World();
    world.plans = [commitOf(0)];
    await world.tell(() => expect(world.events).toEqual(['running', 'plan 0', 'committed 0', 'resume']));
  });
});

test('a task that hears nothing is asked for a plan every 21 s, so that what is pending grows old in time', async () => {
  const world = new World();
  await world.tell(async () => {
    await world.pass(21_000);
    expect(world.events.filter((event) => event === 'no plan')).toHaveLength(2);
    for (let round = 0; round < 3; round += 1) await world.pass(21_000);
    expect(world.events.filter((event) => event === 'no plan')).toHaveLength(5);
    expect(world.kafka.committed('delivery-state')).toEqual([]);
  });
});

describe('a transaction', () => {
  test('writes all of a plan, and the deliverer hears of it after the commit', async () => {
    const world = new World();
    const key = { endpointId: 'crm', leadId: '5' };
    const letter = {
      record: outbound({ offset: 1, leadId: '5' }),
      endpointId: 'crm',
      code: 'gone',
      message: 'm',
      attempts: 1,
      firstFailureAt: null,
      lastFailureAt: null,
      status: 410,
    } as const;
    world.plans = [
      commitOf(4, {
        pending: [
          { key: { ...key, suffix: 'pending' }, delivery: PENDING },
          { key: { ...key, leadId: '6', suffix: 'pending' }, delivery: null },
        ],
        marks: [
          { key: { ...key, suffix: 'seen' }, mark: MARK },
          { key: { ...key, suffix: 'done' }, mark: null },
        ],
        deadLetters: [letter],
      }),
    ];
    let heard = -1;
    world.wrap = (producer) => ({
      fence: (signal) => producer.fence(signal),
      send: (records) => producer.send(records),
      commit: async () => {
        heard = world.events.filter((event) => event.startsWith('committed')).length;
        await producer.commit();
      },
      abort: () => producer.abort(),
      close: () => producer.close(),
    });
    await world.tell();
    expect([heard, world.events.includes('committed 4')]).toEqual([0, true]);
    const state = world.written();
    const bytes = (name: string): Buffer => state.get(name) ?? Buffer.alloc(0);
    expect(decodePending(bytes('crm|5|pending'))).toEqual(PENDING);
    expect(decodeMark(bytes('crm|5|seen'))).toEqual(MARK);
    expect([state.get('crm|6|pending'), state.get('crm|5|done')]).toEqual([null, null]);
    expect(decodeDeliverPosition(bytes('position'))).toMatchObject({ nextOffset: 4, sentBound: 14, released: false });
    expect(world.kafka.committed('dead-letters').map(({ key: of }) => String(of))).toEqual(['5']);
    expect(world.onCommitted).toEqual([[['outbound', 4]]]);
  });

  test('is not made when there is nothing to write', async () => {
    const world = new World();
    await world.tell(() => world.hear());
    expect([world.kafka.committed('delivery-state'), world.onCommitted]).toEqual([[], []]);
  });

  test('begins at least the interval after the last one began, and news in between are not lost', async () => {
    const world = new World();
    world.plans = [commitOf(0), commitOf(1)];
    await world.tell(async () => {
      await world.hear();
      await world.hear();
      await world.pass(INTERVAL_MS - 1);
      expect(world.events).not.toContain('plan 1');
      await world.pass(1);
      expect(world.events).toContain('committed 1');
    });
  });

  test('that fails is aborted and ends the life: the deliverer is given up and hears of no commit', async () => {
    const world = new World();
    world.plans = [commitOf(4, { pending: [] })];
    const failure = new KafkaFailure('commit-unknown', 'x');
    world.wrap = (producer) => ({
      fence: (signal) => producer.fence(signal),
      send: (records) => producer.send(records),
      commit: async () => {
        throw failure;
      },
      abort: async () => {
        world.events.push('abort');
        await producer.abort();
      },
      close: () => producer.close(),
    });
    await expect(world.run()).rejects.toBe(failure);
    expect(world.events).toEqual(['running', 'plan 4', 'abort', 'close', 'abandon']);
    expect([world.written().size, world.onCommitted]).toEqual([0, []]);
    expect(getEventListeners(world.stop.signal, 'abort')).toEqual([]);
  });
});

describe('reading', () => {
  test('hands over what was fetched, and where to read on, at once', async () => {
    const world = new World();
    await world.tell(() => {
      world.input?.deliver(chunk([record(0), record(2)], 5));
      world.input?.deliver(chunk([], 9));
    });
    expect(world.taken.map(({ records, next }) => [records.map(({ offset }) => offset), next])).toEqual([
      [[0, 2], 5],
      [[], 9],
    ]);
    expect(world.taken[0]?.records[0]).toMatchObject({ leadId: '5', version: 'v3', revision: 4 });
  });

  test('shows how far its position lies behind, and how old the oldest record is that it has not passed', async () => {
    const world = new World();
    const lag = (): unknown[] =>
      ['lag_records', 'lag_seconds'].map((name) => world.meter.counts.get(`${name} deliver 0`));
    const at = world.clock.now() + 1;
    await world.tell(async () => {
      await world.pass(8_001);
      const records = [at, at + 3_000].map((timestamp, offset) => ({ ...record(offset), timestamp }));
      world.input?.deliver({ records, next: 2, lastStableOffset: 4, highWatermark: 4 });
      expect(lag()).toEqual([4, 8]);
      world.plans = [commitOf(1)];
      await world.hear();
      expect(lag()).toEqual([3, 5]);
      await world.pass(1_999);
      expect(lag()).toEqual([3, 6.999]);
      world.input?.deliver(chunk([], 4));
      world.plans = [commitOf(4)];
      await world.hear();
      expect(lag()).toEqual([0, 0]);
    });
  });

  test('pauses when the deliverer has enough, and goes on when it wants more', async () => {
    const world = new World();
    await world.tell(async () => {
      world.events.length = 0;
      world.full = true;
      world.input?.deliver(chunk([record(0)], 1));
      await world.hear();
      await world.pass(INTERVAL_MS);
      expect(world.events).toEqual(['pause', 'no plan']);
      world.full = false;
      await world.hear();
      await world.pass(INTERVAL_MS);
      expect(world.events.at(-1)).toBe('resume');
    });
  });

  test('a record that somebody else wrote goes to the dead letters by itself, and delivery goes on behind it', async () => {
    const world = new World();
    await world.tell(async () => {
      world.input?.deliver(chunk([record(0, {}), record(1)], 2));
      await world.pass(INTERVAL_MS);
      expect(world.kafka.committed('dead-letters')).toHaveLength(1);
    });
    expect(world.taken.map(({ records }) => records.map(({ offset }) => offset))).toEqual([[1]]);
    const [letter, ...more] = world.kafka.committed('dead-letters');
    expect([letter?.headers['lead-webhooks.errors.code']?.toString(), more]).toEqual(['undecodable', []]);
    expect(letter?.headers['lead-webhooks.errors.offset']?.toString()).toBe('0');
  });

  test('that fails ends the life with its failure and the deliverer given up', async () => {
    const world = new World();
    const failure = new KafkaFailure('offset-out-of-range', 'x');
    const failed = expect(world.run()).rejects.toBe(failure);
    await turn();
    world.input?.fail(failure);
    await world.pass(INTERVAL_MS);
    await failed;
    expect(world.events.slice(-2)).toEqual(['close', 'abandon']);
  });
});

test('a wall clock that is set neither keeps the next transaction waiting nor makes a task that works look stalled', async () => {
  const world = new World();
  world.plans = [commitOf(0), commitOf(1), commitOf(2)];
  await world.tell(async () => {
    world.input?.deliver(chunk([record(0)], 1));
    world.clock.step(-3_600_000);
    await world.hear();
    await world.pass(INTERVAL_MS);
    expect(world.events).toContain('committed 1');
    world.input?.deliver(chunk([record(1)], 3));
    world.clock.step(7_200_000);
    await world.pass(5_000);
    await world.hear();
    expect(world.events).toContain('committed 2');
  });
});

test('a deliverer that settles nothing for a minute with input before it ends the life by name, so that the process does', async () => {
  const world = new World();
  const ended = expect(world.run()).rejects.toMatchObject({
    code: 'stalled',
    message: expect.stringContaining('deliver/0'),
  });
  await turn();
  world.input?.deliver(chunk([record(0)], 1));
  for (let seconds = 0; seconds <= 65; seconds += 5) await world.pass(5_000);
  await ended;
});

describe('a stop', () => {
  test('closes the input, waits for what is in flight, writes down the outcome, and then gives the deliverer up', async () => {
    const world = new World();
    world.plans = [null, commitOf(6)];
    await world.tell(() => {
      world.events.length = 0;
    });
    expect(world.events).toEqual(['close', `drain ${DRAIN_MS}`, 'plan 6', 'committed 6', 'close', 'abandon']);
    expect(getEventListeners(world.stop.signal, 'abort')).toEqual([]);
  });

  test('does not wait for the pause between two transactions', async () => {
    const world = new World();
    world.plans = [commitOf(0)];
    await world.tell(() => world.hear());
    expect(world.events).toContain(`drain ${DRAIN_MS}`);
    expect(world.clock.waiting).toBe(0);
  });

  test('during the load starts no more than it must: the first plan says that nothing is in flight', async () => {
    const world = new World();
    world.plans = [commitOf(0)];
    world.stop.abort();
    await world.run();
    expect(world.events).toEqual([
      'running',
      'close',
      `drain ${DRAIN_MS}`,
      'plan 0',
      'committed 0',
      'close',
      'abandon',
    ]);
  });
});

const REQUEST: RedriveRequest = {
  endpointId: 'crm',
  record: outbound({ offset: 3, leadId: '5' }),
  letter: { partition: 0, offset: 17 },
  deadAt: 1_000,
  requestedAt: 2_000,
};
const requested = (offset: number, value: Buffer | null): KafkaRecord => ({
  ...record(offset),
  topic: 'redrives',
  value,
});

describe('redrive requests', () => {
  test('are handed over part by part, the next one after a commit; one that cannot be read is passed over', async () => {
    const world = new World();
    await world.tell(async () => {
      const records = [requested(0, encodeRedrive(REQUEST)), requested(1, null), requested(2, Buffer.from('rubbish'))];
      world.redriveInput?.deliver(chunk(records, 3));
      expect(world.redriven).toEqual([{ requests: [REQUEST], next: 3 }]);
      expect(world.redrivesPaused).toBe(true);
      world.plans = [commitOf(0)];
      await world.hear();
      await world.pass(INTERVAL_MS);
      expect(world.redrivesPaused).toBe(false);
    });
    expect(world.redriveInput).toBeNull();
  });

  test('are read on from the position, and from the start of the log when the position lies outside of it', async () => {
    const world = new World();
    world.outbound(12);
    for (let i = 0; i < 5; i++) world.kafka.append({ topic: 'redrives', partition: 0, key: null, value: null });
    world.state('position', encodeDeliverPosition({ ...AT_3, redrives: 4, lastTimestamp: 0 }));
    await world.tell();
    expect(world.redrivesFrom).toBe(4);
    const outside = new World();
    outside.outbound(12);
    outside.state('position', encodeDeliverPosition({ ...AT_3, redrives: 4, lastTimestamp: 0 }));
    await outside.tell();
    expect([outside.redrivesFrom, outside.start?.position.redrives]).toEqual([0, 0]);
  });

  test('move the position of the commit that settles them', async () => {
    const world = new World();
    const position = { nextOffset: 0, sentBound: 0, released: false, owner: null, redrives: 9 };
    await world.tell(async () => {
      world.plans = [{ position, pending: [], marks: [], deadLetters: [] }];
      await world.hear();
      await world.pass(INTERVAL_MS);
    });
    expect(decodeDeliverPosition(world.written().get('position') ?? Buffer.alloc(0))).toMatchObject({ redrives: 9 });
  });

  test('a topic of redrives that cannot be read ends the life', async () => {
    const world = new World();
    const ended = expect(world.run()).rejects.toMatchObject({ code: 'topic-missing' });
    await turn();
    world.redriveInput?.fail(new KafkaFailure('topic-missing', 'redrives'));
    await world.pass(INTERVAL_MS);
    await world.pass(INTERVAL_MS);
    await ended;
  });
});

describe('before the group is joined again', () => {
  test('the task is suspended, and what it did is committed before the rejoin goes on', async () => {
    const world = new World();
    const run = world.run();
    await turn();
    world.plans = [commitOf(4, { position: { ...commitOf(4).position, released: true } })];
    let rejoining = false;
    const suspended = world.lease.suspend().then(() => {
      rejoining = true;
    });
    await turn();
    expect([world.events.includes('suspend'), rejoining]).toEqual([true, false]);
    await world.pass(INTERVAL_MS);
    await suspended;
    expect(decodeDeliverPosition(world.written().get('position') as Buffer)).toMatchObject({ released: true });
    world.lease.resume();
    expect(world.events.at(-1)).toBe('resume sending');
    world.stop.abort();
    await run;
  });

  test('a task whose commit fails holds the rejoin up no longer, and is under the lease no more', async () => {
    const world = new World();
    const run = world.run();
    const failed = expect(run).rejects.toMatchObject({ code: 'fenced' });
    await turn();
    world.plans = [commitOf(4)];
    await world.kafka.producer('deliver.0').fence(world.stop.signal);
    const suspended = world.lease.suspend();
    await turn();
    await world.pass(INTERVAL_MS);
    await suspended;
    await failed;
    world.lease.resume();
    expect(world.events).not.toContain('resume sending');
  });
});
