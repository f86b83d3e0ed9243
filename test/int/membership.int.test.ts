/** Groups on a real broker: shares, hand-overs, evictions. */
import { afterEach, describe, expect, inject, test, vi } from 'vitest';
import { Membership, type MembershipListener, type MembershipOptions } from '../../src/kafka/membership.ts';
import { type Moment, systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { makeTopic, testKafka, uniqueName, withProducer } from '../support/kafka-topics.ts';

const brokers = inject('kafkaBrokers');
const kafka = testKafka(brokers);
const soon = { timeout: 30_000, interval: 10 };
const running: Membership[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((membership) => membership.stop(10_000)));
});

class Recorder implements MembershipListener {
  readonly assignments: (readonly number[])[] = [];
  readonly generations: number[] = [];
  readonly contacts: number[] = [];
  readonly failures: string[] = [];
  rejoins = 0;

  onAssigned(indexes: readonly number[], generation: number): void {
    this.assignments.push(indexes);
    this.generations.push(generation);
  }

  beforeRejoin(): void {
    this.rejoins++;
  }

  onHeartbeat(sentAt: Moment): void {
    this.contacts.push(sentAt.now);
  }

  onFailed(failure: { code: string }): void {
    this.failures.push(failure.code);
  }

  get indexes(): readonly number[] {
    return this.assignments.at(-1) ?? [];
  }
}

async function join(
  options: Partial<MembershipOptions> & { groupId: string; topics: readonly string[] },
  client = kafka,
) {
  const listener = new Recorder();
  const membership = new Membership(
    { kafka: client, log: silentLog, clock: systemClock },
    { instanceId: '', evictClientId: null, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 100, ...options },
  );
  running.push(membership);
  await membership.run(listener);
  return { listener, membership };
}

describe('a group', () => {
  test('a lone member gets every index of every topic, and hears that the group knows it', async () => {
    const topics = [await makeTopic(kafka, 4), await makeTopic(kafka, 2)];
    const before = systemClock.now();
    const { listener, membership } = await join({ groupId: uniqueName('group'), topics });
    // The first group of a fresh broker has no coordinator for a moment, and is joined at the second try.
    await vi.waitFor(() => expect(listener.indexes).toEqual([0, 1, 2, 3]), soon);
    expect(membership.held).toEqual([0, 1, 2, 3]);
    expect(listener.generations).toEqual([1]);
    const contacts = listener.contacts.length;
    await vi.waitFor(() => expect(listener.contacts.length).toBeGreaterThan(contacts), soon);
    expect(Math.min(...listener.contacts)).toBeGreaterThanOrEqual(before);
    expect(listener.rejoins).toBe(0);
  });

  test('two members share the indexes, the first keeps what it may, and one that stops leaves its own to the other', async () => {
    const options = { groupId: uniqueName('group'), topics: [await makeTopic(kafka, 6), await makeTopic(kafka, 6)] };
    const first = await join(options);
    const second = await join(options);
    await vi.waitFor(() => expect([...first.listener.indexes, ...second.listener.indexes]).toHaveLength(6), soon);
    expect([first.listener.indexes, second.listener.indexes]).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(first.listener.rejoins).toBeGreaterThanOrEqual(1);
    await first.membership.stop(10_000);
    const told = first.listener.assignments.length;
    await vi.waitFor(() => expect(second.listener.indexes).toEqual([0, 1, 2, 3, 4, 5]), soon);
    expect(second.listener.generations.at(-1)).toBeGreaterThan(second.listener.generations[0] ?? 0);
    expect(first.listener.assignments).toHaveLength(told);
  });

  test('members without an index wait and take over', async () => {
    const options = { groupId: uniqueName('group'), topics: [await makeTopic(kafka, 1)] };
    const first = await join(options);
    const second = await join(options);
    await vi.waitFor(() => expect([...first.listener.indexes, ...second.listener.indexes]).toEqual([0]), soon);
    expect(first.listener.indexes).toEqual([0]);
    await first.membership.stop(10_000);
    await vi.waitFor(() => expect(second.listener.indexes).toEqual([0]), soon);
  });

  test('a join waits for what has to end before it, but not for ever', async () => {
    const options = { groupId: uniqueName('group'), topics: [await makeTopic(kafka, 2)], beforeRejoinMs: 300 };
    const first = await join(options);
    let asked = false;
    first.listener.beforeRejoin = () => {
      asked = true;
      return new Promise<void>(() => undefined);
    };
    const second = await join(options);
    expect(asked).toBe(true);
    await vi.waitFor(() => expect([...first.listener.indexes, ...second.listener.indexes]).toHaveLength(2), soon);
  });
});

test('records are never fetched by the group’s own client', async () => {
  const topic = await makeTopic(kafka, 2);
  await withProducer(kafka, (producer) => producer.send({ topic, messages: [{ value: 'x', partition: 0 }] }));
  const fetches: string[] = [];
  const spied = testKafka(brokers);
  const { consumer } = spied;
  spied.consumer = (config) => {
    const made = consumer.call(spied, config);
    made.on(made.events.REQUEST, ({ payload }) => {
      if (payload.apiName === 'Fetch') fetches.push(payload.apiName);
    });
    return made;
  };
  const { listener } = await join({ groupId: uniqueName('group'), topics: [topic] }, spied);
  const contacts = listener.contacts.length;
  await vi.waitFor(() => expect(listener.contacts.length).toBeGreaterThan(contacts + 2), soon);
  expect(fetches).toEqual([]);
});

test('a restarted instance puts the member out that its former run left behind, and gets its indexes at once', async () => {
  const client = () => testKafka(brokers, 'app/join/pod-7');
  const options = { groupId: uniqueName('group'), topics: [await makeTopic(kafka, 3)], instanceId: 'pod-7' };
  const left = await join({ ...options, sessionTimeoutMs: 300_000, heartbeatIntervalMs: 200_000 }, client());
  expect(left.listener.indexes).toEqual([0, 1, 2]);
  const { listener } = await join({ ...options, evictClientId: 'app/join/pod-7' }, client());
  expect(listener.indexes).toEqual([0, 1, 2]);
});

test('offsets for lag tools are written, and a failure to write them is told to no one', async () => {
  const topic = await makeTopic(kafka, 2);
  const groupId = uniqueName('group');
  const { membership } = await join({ groupId, topics: [topic] });
  await membership.commitOffsets([{ topic, partition: 1, offset: 41 }]);
  const admin = kafka.admin();
  await admin.connect();
  const [written] = await admin.fetchOffsets({ groupId, topics: [topic] });
  expect(written?.partitions.find(({ partition }) => partition === 1)?.offset).toBe('41');
  await admin.disconnect();
  await membership.stop(10_000);
  await expect(membership.commitOffsets([{ topic, partition: 1, offset: 42 }])).resolves.toBeUndefined();
});

test('a topic that does not exist is a failure of the start', async () => {
  await expect(join({ groupId: uniqueName('group'), topics: ['test.no.such.topic'] })).rejects.toMatchObject({
    code: 'topic-missing',
  });
});
