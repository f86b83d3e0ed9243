/** The topic between processes that are played by the test, on Kafka in memory. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type EndpointHealth, HEALTHY } from '../../src/core/endpoint-health.ts';
import { EndpointHealthTopic } from '../../src/kafka/endpoint-health.ts';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import { decodeHealth, encodeHealth } from '../../src/kafka/internal-codec.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { SentOffsets } from '../../src/kafka/send-portions.ts';
import type { Chunk } from '../../src/kafka/task-queue.ts';
import { type Log, silentLog } from '../../src/lib/log.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const TOPIC = 'endpoint-health';
const word = (retryAfterUntil: number): EndpointHealth => ({ ...HEALTHY, retryAfterUntil });

class World {
  readonly kafka = new MemoryKafka();
  readonly clock = new VirtualClock();
  readonly heard: [string, EndpointHealth | null][] = [];
  readonly told: unknown[] = [];
  readonly sent: OutgoingRecord[][] = [];
  failures = 0;
  producers = 0;
  closed = 0;
  from = -1;
  deliver: (chunk: Chunk) => void = () => undefined;
  readonly topic: EndpointHealthTopic;

  constructor() {
    const note = (fields: unknown): void => void this.told.push((fields as { event: string }).event);
    const logger: Log = { ...silentLog, warn: note, error: note };
    const deps = {
      log: this.kafka,
      fetcher: {
        subscribe: (at: { offset: number }, subscriber: { deliver(chunk: Chunk): void }) => {
          this.from = at.offset;
          this.deliver = (chunk) => subscriber.deliver(chunk);
          return { pause() {}, resume() {}, close: () => void this.told.push('closed') };
        },
      },
      producer: () => this.#producer(),
      clock: this.clock,
      logger,
      onWord: (id: string, health: EndpointHealth | null) => void this.heard.push([id, health]),
    };
    this.topic = new EndpointHealthTopic(deps, TOPIC);
  }

  store(key: string, value: Buffer | null): void {
    this.kafka.append({ topic: TOPIC, partition: 0, key, value });
  }

  #producer() {
    this.producers += 1;
    return {
      send: async (records: readonly OutgoingRecord[]): Promise<SentOffsets> => {
        if (this.failures > 0) {
          this.failures -= 1;
          throw new KafkaFailure('unavailable', 'away');
        }
        this.sent.push([...records]);
        return new SentOffsets(records.length);
      },
      close: async (): Promise<void> => {
        this.closed += 1;
      },
    };
  }
}

const rest = { next: 0, lastStableOffset: 0, highWatermark: 0 };

test('the newest word of each endpoint is read before anything else, then what follows, deletions too', async () => {
  const world = new World();
  world.store('a', encodeHealth(word(1)));
  world.store('b', encodeHealth(word(2)));
  world.store('a', encodeHealth(word(3)));
  await Promise.all([world.topic.load(), world.topic.load()]);
  expect([world.heard, world.from]).toEqual([
    [
      ['a', word(3)],
      ['b', word(2)],
    ],
    3,
  ]);
  world.store('b', null);
  world.deliver({ records: world.kafka.readOn(TOPIC, 0, 3).records, ...rest });
  expect(world.heard.at(-1)).toEqual(['b', null]);
});

test('a word of a later release refuses the start, and while running is told and passed over', async () => {
  const world = new World();
  await world.topic.load();
  world.store('a', Buffer.from([9, 9]));
  world.store('b', encodeHealth(word(2)));
  world.deliver({ records: world.kafka.readOn(TOPIC, 0, 0).records, ...rest });
  expect([world.heard, world.told]).toEqual([[['b', word(2)]], ['endpoint_health_unreadable']]);
  const next = new World();
  next.store('a', Buffer.from([9, 9]));
  await expect(next.topic.load()).rejects.toMatchObject({ code: 'unknown-format' });
  next.store('a', encodeHealth(word(1)));
});

test('what is learnt is written to the one partition, the newest word of an endpoint alone', async () => {
  const world = new World();
  world.topic.publish('a', word(1));
  world.topic.publish('b', word(2));
  world.topic.publish('b', word(3));
  await turn();
  const written = world.sent.flat();
  expect(written.map(({ topic, partition, key }) => [topic, partition, key])).toEqual([
    [TOPIC, 0, 'a'],
    [TOPIC, 0, 'b'],
  ]);
  expect(decodeHealth(written[1]?.value as Buffer)).toEqual(word(3));
});

test('a word that could not be written is written again by a new producer, unless there is a newer one', async () => {
  const world = new World();
  world.failures = 1;
  world.topic.publish('a', word(1));
  await turn();
  world.topic.publish('a', word(2));
  world.clock.advance(1_000);
  await turn();
  expect([world.sent.length, world.producers, world.closed, world.told]).toEqual([
    1,
    2,
    1,
    ['endpoint_health_unwritten'],
  ]);
  expect(decodeHealth(world.sent[0]?.[0]?.value as Buffer)).toEqual(word(2));
});

test('a stop follows and writes no more, and ends while Kafka is away', async () => {
  const world = new World();
  await world.topic.load();
  world.failures = 9;
  world.topic.publish('a', word(1));
  await turn();
  await world.topic.stop();
  world.topic.publish('a', word(2));
  await turn();
  expect([world.sent, world.told]).toEqual([[], ['endpoint_health_unwritten', 'closed', 'endpoint_health_unwritten']]);
});
