/** The lives of a task: what comes before what, what ends a life, and what ends the task. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import { type Life, Task, type TaskProducer } from '../../src/kafka/task.ts';
import { AssertionFailed } from '../../src/lib/assert.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

type Live = (life: Life) => Promise<void>;

const untilStopped: Live = ({ signal }) =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
const failing =
  (failure: unknown): Live =>
  async () => {
    throw failure;
  };
/** Fails after it has been running. */
const runningThen =
  (failure: unknown): Live =>
  async (life) => {
    life.running();
    throw failure;
  };
const LOST = new KafkaFailure('producer-lost', 'lost');

/** A task whose n-th life is the n-th of `lives`, the last one for ever; everything that happens is in `events`. */
class World {
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  readonly events: string[] = [];
  readonly meter: Metrics = new Metrics();
  readonly task: Task;
  fence: () => Promise<void> = async () => {};
  /** Confirms that the task is ours. */
  confirm: () => void = () => {};
  #lives = 0;

  constructor(...lives: readonly Live[]) {
    const deps = {
      producer: () => this.#producer(),
      confirmed: (signal: AbortSignal) => {
        this.events.push('asks the group');
        return new Promise<void>((resolve) => {
          this.confirm = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      },
      clock: this.clock,
      random: () => 0.5,
      log: silentLog,
      meter: this.meter,
    };
    this.task = new Task(deps, { stage: 'join', partition: 3 }, (life) => {
      this.events.push('lives');
      const live = lives[Math.min(this.#lives++, lives.length - 1)] ?? untilStopped;
      return live(life);
    });
  }

  /** Moves time to the next timer and says how long that took. */
  async rest(): Promise<number> {
    await turn();
    expect(this.clock.waiting).toBe(1);
    const before = this.#lives;
    let ms = 0;
    while (this.#lives === before && ms < 60_000) {
      this.clock.advance(10);
      ms += 10;
      await turn();
    }
    return ms;
  }

  #producer(): TaskProducer {
    return {
      fence: async () => {
        this.events.push('fences');
        await this.fence();
      },
      send: async () => ({ offset: () => 0 }),
      commit: async () => {},
      abort: async () => {},
      close: async () => void this.events.push('closes'),
    };
  }
}

test('a life begins after its fence is done, and the state says how far it is', async () => {
  let fenced = (): void => {};
  let load = (): void => {};
  const world = new World(async (life) => {
    await new Promise<void>((resolve) => {
      load = resolve;
    });
    life.running();
    await untilStopped(life);
  });
  world.fence = () =>
    new Promise((resolve) => {
      fenced = resolve;
    });
  expect(world.task.state).toBe('stopped');
  const run = world.task.run(world.stop.signal);
  await turn();
  expect([world.events, world.task.state]).toEqual([['fences'], 'fencing']);
  fenced();
  await turn();
  expect([world.events, world.task.state]).toEqual([['fences', 'lives'], 'loading']);
  load();
  await turn();
  expect(world.task.state).toBe('running');
  world.stop.abort();
  await run;
  expect([world.events, world.task.state]).toEqual([['fences', 'lives', 'closes'], 'stopped']);
});

describe('a failure that a new life can mend', () => {
  test.each(['producer-lost', 'commit-unknown', 'incomplete-send', 'unavailable'] as const)(
    '%s: the life is closed and the next one fences and loads anew',
    async (code) => {
      const world = new World(runningThen(new KafkaFailure(code, 'x')), untilStopped);
      const run = world.task.run(world.stop.signal);
      await turn();
      expect([world.events, world.task.state]).toEqual([['fences', 'lives', 'closes'], 'waiting']);
      await world.rest();
      expect(world.events.slice(3)).toEqual(['fences', 'lives']);
      world.stop.abort();
      await run;
    },
  );

  test('the pause before the next life grows with each failure in a row, up to a cap', async () => {
    const world = new World(failing(LOST));
    const run = world.task.run(world.stop.signal);
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) pauses.push(await world.rest());
    // Half of the dice is 0.75 of the full pause: 400 ms, 800 ms … 10 s.
    expect(pauses).toEqual([300, 600, 1_200, 2_400, 4_800, 7_500, 7_500, 7_500]);
    world.stop.abort();
    await run;
  });

  test('a life that came to run makes the next pause short again', async () => {
    const world = new World(failing(LOST), failing(LOST), runningThen(LOST), untilStopped);
    const run = world.task.run(world.stop.signal);
    const pauses = [await world.rest(), await world.rest(), await world.rest()];
    expect(pauses).toEqual([300, 600, 300]);
    world.stop.abort();
    await run;
  });

  test('a fence that fails counts as a life that failed', async () => {
    const world = new World(untilStopped);
    let fences = 0;
    world.fence = async () => {
      if (fences++ === 0) throw new KafkaFailure('unavailable', 'x');
    };
    const run = world.task.run(world.stop.signal);
    expect(await world.rest()).toBe(300);
    expect(world.events).toEqual(['fences', 'closes', 'fences', 'lives']);
    world.stop.abort();
    await run;
  });

  test('a stop during the pause ends it', async () => {
    const world = new World(failing(LOST));
    const run = world.task.run(world.stop.signal);
    await turn();
    world.stop.abort();
    await run;
    expect([world.events, world.clock.waiting]).toEqual([['fences', 'lives', 'closes'], 0]);
  });
});

describe('a life that was fenced', () => {
  const FENCED = new KafkaFailure('fenced', 'x');

  test('begins again only after the group has confirmed that the task is ours', async () => {
    const world = new World(runningThen(FENCED), untilStopped);
    const run = world.task.run(world.stop.signal);
    await turn();
    world.clock.advance(3_600_000);
    await turn();
    expect([world.events, world.task.state]).toEqual([['fences', 'lives', 'closes', 'asks the group'], 'waiting']);
    world.confirm();
    await turn();
    expect(world.events.slice(4)).toEqual(['fences', 'lives']);
    world.stop.abort();
    await run;
  });

  test('ends the task without another fence when the task is taken away meanwhile', async () => {
    const world = new World(failing(FENCED));
    const run = world.task.run(world.stop.signal);
    await turn();
    world.stop.abort();
    await run;
    expect(world.events.filter((event) => event === 'fences')).toHaveLength(1);
  });
});

describe('what ends the task', () => {
  test.each(['offset-out-of-range', 'too-large', 'topic-missing', 'authorization'] as const)(
    '%s needs the operator: it is told as it is',
    async (code) => {
      const failure = new KafkaFailure(code, 'what to do');
      const world = new World(runningThen(failure));
      await expect(world.task.run(world.stop.signal)).rejects.toBe(failure);
      expect([world.events, world.task.state]).toEqual([['fences', 'lives', 'closes'], 'stopped']);
    },
  );

  test.each([
    ['a broken invariant', new AssertionFailed('bug')],
    ['an error that is not of Kafka', new TypeError('bug')],
  ])('%s is told with its own stack, and the producer is closed', async (_what, error) => {
    const world = new World(failing(error));
    await expect(world.task.run(world.stop.signal)).rejects.toBe(error);
    expect(world.events).toContain('closes');
  });

  test('a task that was stopped before it began does nothing', async () => {
    const world = new World(untilStopped);
    world.stop.abort();
    await world.task.run(world.stop.signal);
    expect(world.events).toEqual([]);
  });

  test('a stop during the fence ends it before anything is loaded', async () => {
    const world = new World(untilStopped);
    world.fence = async () => world.stop.abort();
    await world.task.run(world.stop.signal);
    expect(world.events).toEqual(['fences', 'closes']);
  });

  test('a broken invariant is told though the task was stopped meanwhile', async () => {
    const bug = new AssertionFailed('bug');
    const world = new World(async () => {
      world.stop.abort();
      throw bug;
    });
    await expect(world.task.run(world.stop.signal)).rejects.toBe(bug);
  });

  test('what a life throws because it was stopped is no failure', async () => {
    const world = new World(async ({ signal }) => {
      world.stop.abort();
      signal.throwIfAborted();
    });
    await expect(world.task.run(world.stop.signal)).resolves.toBeUndefined();
  });
});

describe('what a scraper sees of a task', () => {
  const seen = async (world: World): Promise<string[]> =>
    (await world.meter.scrape()).split('\n').filter((line) => line.includes('partition="3"'));

  function gauges(world: World): void {
    for (const name of ['lag_records', 'lag_seconds', 'load_records_left'])
      world.meter.gauge(name, { stage: 'join', partition: 3 }, 9);
  }

  test('is its state and its lag while it runs, and nothing once it was stopped', async () => {
    const world = new World(async (life) => {
      life.running();
      gauges(world);
      await untilStopped(life);
    });
    world.meter.gauge('lag_records', { stage: 'rekey', partition: 4 }, 1);
    const run = world.task.run(world.stop.signal);
    await turn();
    expect(await seen(world)).toHaveLength(5 + 3);
    world.stop.abort();
    await run;
    expect(await seen(world)).toEqual([]);
    expect(await world.meter.scrape()).toContain('lag_records{stage="rekey",partition="4"} 1');
  });

  test('is nothing after a failure that another life cannot mend', async () => {
    const world = new World(async () => {
      gauges(world);
      throw new KafkaFailure('authorization', 'not allowed');
    });
    await expect(world.task.run(world.stop.signal)).rejects.toMatchObject({ code: 'authorization' });
    expect([await seen(world), world.task.state]).toEqual([[], 'stopped']);
  });
});
