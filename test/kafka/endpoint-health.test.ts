/** The topic between processes that are played by the test, on Kafka in memory. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type EndpointHealth, HEALTHY } from '../../src/core/endpoint-health.ts';
import { EndpointHealthTopic } from '../../src/kafka/endpoint-health.ts';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import type { Chunk, Subscriber } from '../../src/kafka/fetcher.ts';
import { decodeHealth, encodeHealth } from '../../src/kafka/internal-codec.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { SentOffsets } from '../../src/kafka/send-portions.ts';

import { type Log, silentLog } from '../../src/lib/log.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const TOPIC = 'endpoint-health';
const word = (retryAfterUntil: number): EndpointHealth => ({ ...HEALTHY, retryAfterUntil });

class World {
  kafka = new MemoryKafka();
  readonly clock = new VirtualClock();
  readonly heard: [string, EndpointHealth | null][] = [];
  readonly told: unknown[] = [];
  readonly sent: OutgoingRecord[][] = [];
  failures = 0;
  producers = 0;
  closed = 0;
  from = -1;
  deliver: (chunk: Chunk) => void = () => undefined;
  fail: (failure: KafkaFailure) => void = () => undefined;
  readonly meter = new CountingMeter();
  /** Refuses to be read. */
  refuses: KafkaFailure | null = null;
  readonly topic: EndpointHealthTopic;

  constructor() {
    const note = (fields: unknown): void => void this.told.push((fields as { event: string }).event);
    const logger: Log = { ...silentLog, info: note, warn: note, error: note };
    const deps = {
      log: {
        ends: async (topic: string, partition: number) => {
          if (this.refuses) throw this.refuses;
          return this.kafka.ends(topic, partition);
        },
        read: (...args: Parameters<MemoryKafka['read']>) => this.kafka.read(...args),
      },
      fetcher: {
        subscribe: (at: { offset: number }, subscriber: Subscriber) => {
          this.from = at.offset;
          this.fail = (failure) => subscriber.fail(failure);
          this.deliver = (chunk) => subscriber.deliver(chunk);
          return { pause() {}, resume() {}, close: () => void this.told.push('closed') };
        },
      },
      producer: () => this.#producer(),
      clock: this.clock,
      logger,
      meter: this.meter,
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

const GONE = new KafkaFailure('topic-missing', 'the topic does not exist');
const away = ({ meter, topic }: World) => [topic.away, meter.counts.get('endpoint_health_away')];

test('a topic that cannot be followed any more is tried again with growing pauses, and then all of it is heard', async () => {
  const world = new World();
  await world.topic.load();
  expect(away(world)).toEqual([null, 0]);
  world.refuses = new KafkaFailure('authorization', 'no right to READ');
  world.fail(world.refuses);
  const told = (event: string): number => world.told.filter((one) => one === event).length;
  const tried: number[] = [];
  for (const ms of [1_000, 2_000, 4_000, 8_000]) {
    world.clock.advance(ms);
    await turn();
    tried.push(told('endpoint_health_lost'));
  }
  expect([tried, away(world)]).toEqual([
    [2, 3, 4, 5],
    ['authorization', 1],
  ]);
  for (let more = 0; more < 4; more++) {
    world.clock.advance(60_000);
    await turn();
  }
  expect(told('endpoint_health_lost')).toBe(9);
  world.store('a', encodeHealth(word(7)));
  world.store('b', Buffer.from([9, 9]));
  world.refuses = null;
  world.clock.advance(60_000);
  await turn();
  expect([away(world), world.heard, told('endpoint_health_found')]).toEqual([[null, 0], [['a', word(7)]], 1]);
  expect(told('endpoint_health_unreadable')).toBe(1);
  world.store('a', encodeHealth(word(8)));
  world.deliver({ records: world.kafka.readOn(TOPIC, 0, world.from).records, ...rest });
  expect(world.heard.at(-1)).toEqual(['a', word(8)]);
});

test('what a topic that was made anew does not say is written to it again, but for what was deleted from it', async () => {
  const world = new World();
  for (const id of ['a', 'b', 'c']) world.store(id, encodeHealth(word(1)));
  await world.topic.load();
  world.topic.publish('d', word(4));
  await turn();
  world.kafka = new MemoryKafka();
  world.store('b', encodeHealth(word(2)));
  world.store('c', null);
  world.fail(GONE);
  world.clock.advance(1_000);
  await turn();
  expect([away(world), world.from]).toEqual([[null, 0], 2]);
  const again = world.sent.slice(1).flat();
  expect(again.map(({ key, value }) => [key, decodeHealth(value as Buffer)])).toEqual([
    ['a', word(1)],
    ['d', word(4)],
  ]);
  expect(world.heard.slice(-2)).toEqual([
    ['b', word(2)],
    ['c', null],
  ]);
});

test('a stop ends the waiting for a topic that is away', async () => {
  const world = new World();
  await world.topic.load();
  world.fail(GONE);
  await world.topic.stop();
  world.clock.advance(60_000);
  await turn();
  expect(world.told.filter((event) => event === 'endpoint_health_found')).toEqual([]);
});
