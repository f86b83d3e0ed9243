/** A stage between its group and its tasks. The group is played by the test; tasks are real ones with scripted lives. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import { type GroupObserver, Stage, type StageMembership, type StageSide } from '../../src/kafka/stage.ts';
import { type Life, Task, type TaskProducer } from '../../src/kafka/task.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

type Listener = Parameters<StageMembership['run']>[0];
type Offsets = readonly { topic: string; partition: number; offset: number }[];

const PRODUCER: TaskProducer = {
  fence: async () => {},
  send: async () => ({ offset: () => 0 }),
  commit: async () => {},
  abort: async () => {},
  close: async () => {},
};

class World {
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  /** What happened, in order: `start 3`, `end 3`, `offsets …`, `leave`. */
  readonly events: string[] = [];
  readonly sides = new Map<number, StageSide>();
  readonly stage: Stage;
  group: Listener | null = null;
  /** What a task does when it is stopped; default: it ends at once. */
  ending: (index: number) => Promise<void> = async () => {};
  live: (life: Life, index: number) => Promise<void> = async (life) => {
    life.running();
    if (life.signal.aborted) return;
    await new Promise<void>((resolve) => life.signal.addEventListener('abort', () => resolve(), { once: true }));
  };
  commitOffsets: (positions: Offsets) => Promise<void> = async () => {};

  constructor(observer?: GroupObserver) {
    const deps = { clock: this.clock, log: silentLog, meter: silentMeter };
    const membership: StageMembership = {
      run: async (listener) => {
        this.group = listener;
      },
      stop: async () => void this.events.push('leave'),
      commitOffsets: (positions) => {
        this.events.push(
          `offsets ${positions.map(({ topic, partition, offset }) => `${topic}/${partition}=${offset}`)}`,
        );
        return this.commitOffsets(positions);
      },
    };
    this.stage = new Stage('join', {
      ...deps,
      ...(observer && { observer }),
      membership,
      task: (index, side) => {
        this.sides.set(index, side);
        const taskDeps = { ...deps, producer: () => PRODUCER, confirmed: side.confirmed, random: () => 0 };
        return new Task(taskDeps, { stage: 'join', partition: index }, (life) => this.#live(life, index));
      },
    });
  }

  async assign(...indexes: number[]): Promise<void> {
    this.group?.onAssigned(indexes);
    await turn();
  }

  async #live(life: Life, index: number): Promise<void> {
    this.events.push(`start ${index}`);
    try {
      await this.live(life, index);
      await this.ending(index);
    } finally {
      this.events.push(`end ${index}`);
    }
  }
}

/** A promise and the function that resolves it. */
function gate(): { open: () => void; opened: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}

const AT_7 = { now: 7, monotonic: 7 };

test('an observer hears of heartbeats and rejoins, and of an assignment after the lost tasks were told to stop', async () => {
  const heard: string[] = [];
  const world: World = new World({
    heard: (sentAt) => void heard.push(`heard ${sentAt.now}`),
    suspend: async () => void heard.push('suspend'),
    assigned: (indexes) => {
      heard.push(`assigned ${indexes}`);
      if (indexes.length === 1) world.stop.abort();
    },
  });
  const run = world.stage.run(world.stop.signal);
  await world.assign(0, 1);
  world.group?.onHeartbeat(AT_7);
  await world.group?.beforeRejoin?.();
  await world.assign(1);
  await run;
  expect(heard).toEqual(['assigned 0,1', 'heard 7', 'suspend', 'assigned 1']);
});

describe('assignment', () => {
  test('tasks start when they are given, stay through a rebalance that keeps them, and stop when they are lost', async () => {
    const world = new World();
    const run = world.stage.run(world.stop.signal);
    await world.assign(0, 1);
    await world.assign(1, 2);
    expect(world.events.toSorted()).toEqual(['end 0', 'start 0', 'start 1', 'start 2']);
    world.stop.abort();
    await run;
  });

  test('a task that comes back waits for the end of its predecessor in this process', async () => {
    const world = new World();
    const end = gate();
    world.ending = () => end.opened;
    const run = world.stage.run(world.stop.signal);
    await world.assign(0);
    await world.assign();
    await world.assign(0);
    expect(world.events).toEqual(['start 0']);
    end.open();
    await turn();
    expect(world.events).toEqual(['start 0', 'end 0', 'start 0']);
    world.stop.abort();
    await run;
  });

  test('a task that is given and lost again before its predecessor ended never begins', async () => {
    const world = new World();
    const end = gate();
    world.ending = () => end.opened;
    const run = world.stage.run(world.stop.signal);
    await world.assign(0);
    for (const indexes of [[], [0], [], [0], []]) await world.assign(...indexes);
    end.open();
    await turn();
    expect(world.events).toEqual(['start 0', 'end 0']);
    world.stop.abort();
    await run;
  });
});

describe('readiness', () => {
  test('waits for the group, then for every task to run; a process without a task is ready', async () => {
    const world = new World();
    const loaded = gate();
    world.live = async (life, index) => {
      if (index === 1) await loaded.opened;
      life.running();
      await new Promise<void>((resolve) => life.signal.addEventListener('abort', () => resolve()));
    };
    expect(world.stage.readiness()).toEqual({ ok: false, reason: 'waits for the group' });
    const run = world.stage.run(world.stop.signal);
    await world.assign();
    expect(world.stage.readiness()).toEqual({ ok: true, reason: 'no task is assigned' });
    await world.assign(0, 1);
    expect(world.stage.readiness()).toEqual({ ok: false, reason: '1 running, 1 loading' });
    loaded.open();
    await turn();
    expect(world.stage.readiness()).toEqual({ ok: true, reason: '2 running' });
    world.stop.abort();
    await run;
  });
});

describe('stopping', () => {
  test('ends all tasks, writes the last offsets, and leaves the group after that', async () => {
    const world = new World();
    const end = gate();
    world.ending = async (index) => {
      await end.opened;
      world.sides.get(index)?.onCommitted(new Map([['in', 40 + index]]));
    };
    const run = world.stage.run(world.stop.signal);
    await world.assign(0, 1);
    world.stop.abort();
    await turn();
    expect(world.events).toEqual(['start 0', 'start 1']);
    end.open();
    await run;
    expect(world.events.slice(2)).toEqual(['end 0', 'end 1', 'offsets in/0=40,in/1=41', 'leave']);
  });

  test('begins no task that the group gives out while the others end', async () => {
    const world = new World();
    const end = gate();
    world.ending = () => end.opened;
    const run = world.stage.run(world.stop.signal);
    await world.assign(0);
    world.stop.abort();
    await turn();
    await world.assign(0, 1); // a rebalance in the middle of a rolling restart
    end.open();
    await run;
    await turn();
    expect(world.events).toEqual(['start 0', 'end 0', 'leave']);
  });

  test('a stage that was stopped before it began joins no group and returns', async () => {
    const world = new World();
    world.stop.abort();
    await world.stage.run(world.stop.signal);
    expect([world.group, world.events]).toEqual([null, []]);
  });
});

describe('failure', () => {
  test('a task that needs the operator ends the stage with its failure, the other tasks stopped and the group left', async () => {
    const world = new World();
    const failure = new KafkaFailure('offset-out-of-range', 'position outside of the log');
    const { live } = world;
    world.live = async (life, index) => {
      if (index === 1) throw failure;
      await live(life, index);
    };
    const run = world.stage.run(world.stop.signal);
    const failed = expect(run).rejects.toBe(failure);
    await world.assign(0, 1);
    await failed;
    expect(world.events).toEqual(['start 0', 'start 1', 'end 1', 'end 0', 'leave']);
  });

  test('a membership that fails ends the stage with its failure', async () => {
    const world = new World();
    const failed = expect(world.stage.run(world.stop.signal)).rejects.toThrow('group lost');
    await world.assign(0);
    world.group?.onFailed(new Error('group lost'));
    await failed;
    expect(world.events).toEqual(['start 0', 'end 0', 'leave']);
  });
});

describe('confirmation', () => {
  test('a fenced task waits for the next heartbeat that the group answers', async () => {
    const world = new World();
    let lives = 0;
    const { live } = world;
    world.live = async (life, index) => {
      if (lives++ === 0) throw new KafkaFailure('fenced', 'x');
      await live(life, index);
    };
    const run = world.stage.run(world.stop.signal);
    await world.assign(0);
    world.clock.advance(60_000);
    await turn();
    expect(world.stage.readiness().reason).toBe('1 waiting');
    world.group?.onHeartbeat(AT_7);
    await turn();
    expect(world.stage.readiness().reason).toBe('1 running');
    world.stop.abort();
    await run;
  });

  test('a task that is told to stop waits for no heartbeat, whether it was told before or after it asked', async () => {
    const world = new World();
    const run = world.stage.run(world.stop.signal);
    await world.assign(0);
    const side = world.sides.get(0);
    const later = new AbortController();
    const asked = side?.confirmed(later.signal);
    later.abort();
    await asked;
    await side?.confirmed(AbortSignal.abort());
    world.stop.abort();
    await run;
  });
});

describe('group offsets', () => {
  test('are written every five seconds, the newest of each partition once, and not for a partition that was lost', async () => {
    const world = new World();
    const run = world.stage.run(world.stop.signal);
    await world.assign(0, 1);
    for (const offset of [5, 9]) world.sides.get(0)?.onCommitted(new Map([['in', offset]]));
    world.sides.get(1)?.onCommitted(new Map([['in', 3]]));
    await world.assign(0);
    world.clock.advance(4_999);
    await turn();
    world.clock.advance(1);
    await turn();
    world.clock.advance(5_000);
    await turn();
    expect(world.events.filter((event) => event.startsWith('offsets'))).toEqual(['offsets in/0=9']);
    world.stop.abort();
    await run;
  });

  test('that cannot be written stop nothing, since no one here reads them', async () => {
    const world = new World();
    world.commitOffsets = async () => {
      throw new KafkaFailure('rebalance', 'x');
    };
    const run = world.stage.run(world.stop.signal);
    await world.assign(0);
    world.sides.get(0)?.onCommitted(new Map([['in', 5]]));
    world.stop.abort();
    await expect(run).resolves.toBeUndefined();
    expect(world.events.at(-1)).toBe('leave');
  });
});
