/** Facts of the application: written once, by whoever is first, and the same for everybody after. */
import { describe, expect, test } from 'vitest';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import { decodeFact, encodeFact } from '../../src/kafka/internal-codec.ts';
import { agreeOnFacts, type Facts } from '../../src/kafka/meta.ts';
import type { TaskProducer } from '../../src/kafka/task.ts';
import { StartRefused } from '../../src/lib/start-refused.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';

const SOURCES = new Map([
  ['leads', 12],
  ['appointments', 3],
]);
const signal = new AbortController().signal;

class World {
  readonly kafka = new MemoryKafka();
  now = 1_000;
  producers = 0;
  /** Changes the producer of a process, to play what goes wrong. */
  wrap: (producer: TaskProducer) => TaskProducer = (producer) => producer;

  start(sources: ReadonlyMap<string, number> = SOURCES): Promise<Facts> {
    const deps = {
      log: this.kafka,
      producer: () => {
        this.producers++;
        return this.wrap(this.kafka.producer('app.meta'));
      },
      now: () => this.now,
    };
    return agreeOnFacts(deps, 'meta', sources, signal);
  }

  /** Name → value of every record in the topic, in order. */
  written(): string[] {
    return this.kafka.committed('meta').map(({ key, value }) => `${key} ${decodeFact(value ?? Buffer.alloc(0)).value}`);
  }
}

describe('the first start', () => {
  test('writes its time and the partition counts of the sources, and every later start finds them', async () => {
    const world = new World();
    expect(await world.start()).toEqual({ firstStart: 1_000 });
    world.now = 9_000;
    expect(await world.start()).toEqual({ firstStart: 1_000 });
    expect(world.written()).toEqual([
      'first-start 1000',
      'state-format 1',
      'partitions:leads 12',
      'partitions:appointments 3',
    ]);
    expect(world.producers).toBe(1); // who has nothing to write fences nobody
  });

  test('adds the count of a source that is new, and leaves the rest', async () => {
    const world = new World();
    await world.start(new Map([['leads', 12]]));
    world.now = 9_000;
    expect(await world.start()).toEqual({ firstStart: 1_000 });
    expect(world.written()).toEqual([
      'first-start 1000',
      'state-format 1',
      'partitions:leads 12',
      'partitions:appointments 3',
    ]);
  });
});

test('a source with another partition count than at the first start refuses the start with its name and both counts', async () => {
  const world = new World();
  await world.start();
  const refused = await world.start(new Map([['leads', 24]])).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StartRefused);
  expect(String(refused)).toContain('source leads has 24 partitions and had 12 at the first start');
});

describe('several processes at once', () => {
  test('agree on one first start: who fences later looks again before it writes', async () => {
    const world = new World();
    const starts = [1, 2, 3].map((n) => {
      world.now = n * 1_000;
      return world.start();
    });
    const facts = await Promise.all(starts);
    expect(new Set(facts.map(({ firstStart }) => firstStart)).size).toBe(1);
    expect(world.written()).toHaveLength(4);
  });

  test('one that is fenced while it writes looks again, and takes what the other wrote', async () => {
    const world = new World();
    let other: Promise<Facts> | null = null;
    world.wrap = (producer) => ({
      fence: (until) => producer.fence(until),
      send: async (records) => {
        if (other === null) {
          world.now = 5_000;
          other = world.start();
          await other;
        }
        return producer.send(records);
      },
      commit: () => producer.commit(),
      abort: () => producer.abort(),
      close: () => producer.close(),
    });
    expect(await world.start()).toEqual({ firstStart: 5_000 });
    expect(world.written()).toHaveLength(4);
  });

  test.each([true, false])(
    'a commit of unknown outcome (committed: %s) is looked up, and written once',
    async (done) => {
      const world = new World();
      let doubts = 0;
      world.wrap = (producer) => ({
        fence: (until) => producer.fence(until),
        send: (records) => producer.send(records),
        commit: async () => {
          if (doubts++ > 0) return producer.commit();
          if (done) await producer.commit();
          throw new KafkaFailure('commit-unknown', 'x');
        },
        abort: () => producer.abort(),
        close: () => producer.close(),
      });
      expect(await world.start()).toEqual({ firstStart: 1_000 });
      expect(world.written()).toHaveLength(4);
    },
  );

  test('what no look can mend is told, and the producer is closed', async () => {
    const world = new World();
    let closed = 0;
    const failure = new KafkaFailure('authorization', 'x');
    world.wrap = (producer) => ({
      fence: (until) => producer.fence(until),
      send: async () => {
        throw failure;
      },
      commit: () => producer.commit(),
      abort: () => producer.abort(),
      close: async () => void closed++,
    });
    await expect(world.start()).rejects.toBe(failure);
    expect(closed).toBe(1);
  });
});

test('state that a release of another format wrote refuses the start and says which release to use', async () => {
  const world = new World();
  const value = encodeFact({ value: '2', writtenAt: 1 });
  world.kafka.append({ topic: 'meta', partition: 0, key: 'state-format', value });
  const refused = await world.start().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StartRefused);
  expect(String(refused)).toContain('hold state of format 2, this release reads 1');
});
