/** One life of a batch task: load, pay what is owed, read on. Inputs, work and producer are played by the test. */
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type BatchWork, batchLoop, type InputFetcher } from '../../src/kafka/batch-loop.ts';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { Batch } from '../../src/kafka/task-queue.ts';
import { type Span, silentTracer, type Tracer } from '../../src/lib/tracer.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { RecordedSpans, traceparent } from '../support/recorded-spans.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

type Subscriber = Parameters<InputFetcher['subscribe']>[1];

interface Input extends Subscriber {
  readonly topic: string;
  readonly from: number;
  open: boolean;
}

const INTERVAL_MS = 25;

class World implements BatchWork {
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  readonly events: string[] = [];
  readonly inputs: Input[] = [];
  readonly batches: Batch[] = [];
  readonly committed: (readonly [string, number])[][] = [];
  /** Traceparents of the spans that came with steps. */
  readonly given: (string | null)[] = [];
  /** How often the life was told to be over. */
  ends = 0;
  /** Steps still owed after the load. */
  owed = 0;
  onLoad: (signal: AbortSignal) => Promise<void> = async () => {};
  onStep: () => Promise<void> = async () => {};
  onCommit: () => Promise<void> = async () => {};
  readonly meter = new CountingMeter();
  tracer: Tracer = silentTracer;
  queueBytesMax = 1_000_000;
  batchRecordsMax = 100;

  async run(): Promise<void> {
    const producer = {
      fence: async () => {},
      send: async () => ({ offset: () => 0 }),
      commit: async () => {
        await this.onCommit();
        this.events.push('commit');
      },
      abort: async () => void this.events.push('abort'),
      close: async () => {},
    };
    await batchLoop(
      { producer, signal: this.stop.signal, running: () => void this.events.push('running') },
      this,
      { fetcher: this, clock: this.clock, meter: this.meter, tracer: this.tracer },
      {
        stage: 'join',
        partition: 0,
        commitIntervalMs: INTERVAL_MS,
        batchRecordsMax: this.batchRecordsMax,
        queueBytesMax: this.queueBytesMax,
        onCommitted: (next) => this.committed.push([...next]),
      },
    );
  }

  async load(signal: AbortSignal) {
    await this.onLoad(signal);
    return [
      { topic: 'a', partition: 0, offset: 7 },
      { topic: 'b', partition: 0, offset: 0 },
    ];
  }

  ended(): void {
    this.ends += 1;
  }

  owing(): boolean {
    return this.owed > 0;
  }

  async step(batch: Batch, _producer: unknown, _signal: AbortSignal, span?: Span): Promise<void> {
    this.given.push(span?.traceparent ?? null);
    this.events.push(`step ${batch.records.map(({ offset }) => offset)}`);
    this.batches.push(batch);
    this.owed--;
    await this.onStep();
  }

  subscribe({ topic, offset }: { topic: string; offset: number }, subscriber: Subscriber) {
    const input: Input = { topic, from: offset, open: true, ...subscriber };
    this.inputs.push(input);
    return {
      pause: () => void this.events.push(`pause ${topic}`),
      resume: () => void this.events.push(`resume ${topic}`),
      close: () => {
        input.open = false;
      },
    };
  }

  /** Delivers records of the first input, and lets the loop take what it wants. */
  async deliver(
    offsets: readonly number[],
    more: { next?: number; end?: number; bytes?: number; input?: number; timestamp?: number; trace?: number } = {},
  ): Promise<void> {
    const records = offsets.map((offset): KafkaRecord => {
      const value = Buffer.alloc(more.bytes ?? 0);
      const headers = more.trace === undefined ? {} : { traceparent: Buffer.from(traceparent(more.trace)) };
      return { topic: 'a', partition: 0, offset, timestamp: more.timestamp ?? 0, key: null, value, headers };
    });
    const next = more.next ?? (offsets.at(-1) ?? 0) + 1;
    const end = more.end ?? next;
    this.inputs[more.input ?? 0]?.deliver({ records, next, lastStableOffset: end, highWatermark: end });
    await turn();
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await turn();
  }

  /** Starts the loop and stops it after `story`. */
  async tell(story: () => Promise<void>): Promise<void> {
    const run = this.run();
    await turn();
    await story();
    this.stop.abort();
    await run;
  }
}

describe('before reading', () => {
  test('what is owed after the load is committed step by step, and only then the inputs are read and the task runs', async () => {
    const world = new World();
    world.owed = 2;
    world.onStep = async () => expect(world.inputs).toEqual([]);
    await world.tell(async () => {
      expect(world.events).toEqual(['step ', 'commit', 'step ', 'commit', 'running']);
      expect(world.inputs.map(({ topic, from }) => [topic, from])).toEqual([
        ['a', 7],
        ['b', 0],
      ]);
    });
  });

  test('a stop during the load ends the life with nothing read or written', async () => {
    const world = new World();
    world.owed = 1;
    world.onLoad = async () => world.stop.abort();
    await world.run();
    expect([world.events, world.inputs]).toEqual([[], []]);
  });

  test('a stop between two owed transactions ends the life there', async () => {
    const world = new World();
    world.owed = 2;
    world.onCommit = async () => world.stop.abort();
    await world.run();
    expect(world.events).toEqual(['step ', 'commit']);
  });
});

describe('pacing', () => {
  test('a record that comes alone waits for nothing', async () => {
    const world = new World();
    await world.tell(async () => {
      await world.deliver([7]);
      expect(world.events).toEqual(['running', 'step 7', 'commit']);
    });
  });

  test('transactions begin at least the interval apart, and what came meanwhile is one batch', async () => {
    const world = new World();
    await world.tell(async () => {
      await world.deliver([7]);
      await world.pass(10);
      await world.deliver([8]);
      await world.deliver([9]);
      await world.pass(INTERVAL_MS - 10 - 1);
      expect(world.batches).toHaveLength(1);
      await world.pass(1);
      expect(world.events.slice(3)).toEqual(['step 8,9', 'commit']);
    });
  });

  test('a wall clock that is set back does not keep the next one waiting', async () => {
    const world = new World();
    await world.tell(async () => {
      await world.deliver([7]);
      world.clock.step(-3_600_000);
      await world.deliver([8]);
      await world.pass(INTERVAL_MS);
      expect(world.events.slice(3)).toEqual(['step 8', 'commit']);
    });
  });

  test('the interval counts from the start of a transaction: after a long one the next begins at once', async () => {
    const world = new World();
    world.onCommit = async () => world.clock.advance(INTERVAL_MS);
    await world.tell(async () => {
      await world.deliver([7]);
      await world.deliver([8]);
      expect(world.events).toEqual(['running', 'step 7', 'commit', 'step 8', 'commit']);
    });
  });

  test('a batch holds no more records than allowed; the rest comes in the next', async () => {
    const world = new World();
    world.batchRecordsMax = 2;
    await world.tell(async () => {
      await world.deliver([7, 8, 9]);
      await world.pass(INTERVAL_MS);
      expect(world.committed).toEqual([[['a', 9]], [['a', 10]]]);
    });
  });
});

describe('the position of an idle input', () => {
  test('that moved over markers alone is written after ten seconds', async () => {
    const world = new World();
    await world.tell(async () => {
      await world.deliver([], { next: 12 });
      await world.pass(9_999);
      expect(world.batches).toEqual([]);
      await world.pass(1);
      expect(world.batches).toEqual([{ records: [], next: new Map([['a', 12]]) }]);
    });
  });

  test('that did not move is not written', async () => {
    const world = new World();
    await world.tell(async () => {
      for (let i = 0; i < 5; i++) await world.pass(10_000);
      expect(world.batches).toEqual([]);
    });
  });
});

test('when too much waits all inputs are paused, and they go on when half of it is processed', async () => {
  const world = new World();
  world.queueBytesMax = 1_000;
  world.batchRecordsMax = 1;
  await world.tell(async () => {
    await world.deliver([7, 8, 9, 10], { bytes: 300 });
    expect(world.events).toEqual(['running', 'pause a', 'pause b', 'step 7', 'commit']);
    await world.pass(INTERVAL_MS);
    expect(world.events.slice(5)).toEqual(['step 8', 'commit']);
    await world.pass(INTERVAL_MS);
    expect(world.events.slice(7)).toEqual(['resume a', 'resume b', 'step 9', 'commit']);
  });
});

describe('the lag', () => {
  const shown = (world: World): unknown[] =>
    ['lag_records', 'lag_seconds'].map((name) => world.meter.counts.get(`${name} join 0`));

  test('is not shown before an input has answered', async () => {
    const world = new World();
    await world.tell(async () => {
      await world.pass(5_000);
      expect(shown(world)).toEqual([undefined, undefined]);
    });
  });

  test('counts a batch until it is committed, by the age of its oldest record, which grows while it takes its time', async () => {
    const world = new World();
    world.batchRecordsMax = 2;
    let finish = (): void => undefined;
    world.onStep = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    await world.tell(async () => {
      const written = world.clock.now();
      await world.pass(3_000);
      await world.deliver([7, 8], { timestamp: written });
      await world.deliver([9], { timestamp: written + 2_000, end: 12 });
      expect(shown(world)).toEqual([5, 3]);
      await world.pass(7_000);
      expect(shown(world)).toEqual([5, 10]);
      finish();
      await world.pass(INTERVAL_MS);
      expect(shown(world)).toEqual([3, 8.025]);
      finish();
      await world.pass(INTERVAL_MS);
      expect(shown(world)).toEqual([2, 8.05]);
      await world.deliver([], { next: 12 });
      expect(shown(world)).toEqual([0, 0]);
    });
  });
});

describe('a span', () => {
  test('is made of each transaction and handed to its work, and says how it failed', async () => {
    const world = new World();
    const spans = new RecordedSpans();
    world.tracer = spans.tracer;
    const failed = expect(world.run()).rejects.toThrow();
    await turn();
    await world.deliver([7], { trace: 3 });
    world.onCommit = async () => {
      throw new KafkaFailure('commit-unknown', 'x');
    };
    await world.deliver([8], { trace: 4 });
    await world.pass(INTERVAL_MS);
    await failed;
    expect(spans.ended).toMatchObject([
      { name: 'join a', parent: traceparent(3).split('-')[2], status: 0 },
      {
        name: 'join a',
        parent: traceparent(4).split('-')[2],
        status: 2,
        attributes: { 'error.type': 'commit-unknown' },
      },
    ]);
    expect(world.given).toEqual(spans.ended.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`));
  });
});

describe('the end of a life', () => {
  test('a stop waits for the transaction that has begun and begins no other', async () => {
    const world = new World();
    world.onStep = async () => world.stop.abort();
    const run = world.run();
    await turn();
    await world.deliver([7]);
    await world.deliver([8]);
    await run;
    expect(world.events).toEqual(['running', 'step 7', 'commit']);
    expect(world.ends).toBe(1);
    expect(world.inputs.map(({ open }) => open)).toEqual([false, false]);
  });

  test('a stop during the pause between two transactions leaves what waits unread', async () => {
    const world = new World();
    await world.tell(async () => {
      await world.deliver([7]);
      await world.deliver([8]);
    });
    expect(world.committed).toEqual([[['a', 8]]]);
    expect(world.clock.waiting).toBe(0);
  });

  test.each([
    ['a step', 'onStep', ['running', 'step 7', 'abort']],
    ['a commit of unknown outcome', 'onCommit', ['running', 'step 7', 'abort']],
  ] as const)('%s that fails is aborted, told, and read no further', async (_what, place, events) => {
    const world = new World();
    world.batchRecordsMax = 1;
    const failure = new KafkaFailure('commit-unknown', 'x');
    world[place] = async () => {
      throw failure;
    };
    const failed = expect(world.run()).rejects.toBe(failure);
    await turn();
    await world.deliver([7, 8]);
    await failed;
    expect([world.events, world.committed, world.ends]).toEqual([events, [], 1]);
    expect(world.inputs.map(({ open }) => open)).toEqual([false, false]);
  });

  test('an input that cannot be read on ends it, though nothing else happens', async () => {
    const world = new World();
    const failure = new KafkaFailure('offset-out-of-range', 'x');
    const failed = expect(world.run()).rejects.toBe(failure);
    await turn();
    world.inputs[1]?.fail(failure);
    await failed;
    expect(world.inputs.map(({ open }) => open)).toEqual([false, false]);
  });

  test('nothing of a life that failed hangs on the signal of its task, which lives on', async () => {
    const world = new World();
    world.onStep = async () => {
      throw new KafkaFailure('producer-lost', 'x');
    };
    const failed = expect(world.run()).rejects.toThrow();
    await turn();
    expect(getEventListeners(world.stop.signal, 'abort').length).toBeGreaterThan(0);
    await world.deliver([7]);
    await failed;
    expect(getEventListeners(world.stop.signal, 'abort')).toEqual([]);
  });
});
