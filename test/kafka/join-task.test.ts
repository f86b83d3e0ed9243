/**
 * The join over an in-memory Kafka, life by life: what a load may trust, what a crash leaves, what becomes a dead letter.
 * Compaction is played by hiding offsets, which is all that a reader sees of it.
 */
import { describe, expect, test } from 'vitest';
import { POSITION_KEY } from '../../src/core/keys.ts';
import { partitionOf } from '../../src/core/partition.ts';
import type { PayloadVersion } from '../../src/core/payload/versions.ts';
import { decodeJoinPosition } from '../../src/kafka/internal-codec.ts';
import { JoinTask, type JoinTaskOptions } from '../../src/kafka/join-task.ts';
import type { PartitionLog } from '../../src/kafka/partition-log.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { TaskProducer } from '../../src/kafka/task.ts';
import { EMPTY_BATCH } from '../../src/kafka/task-queue.ts';
import { silentLog } from '../../src/lib/log.ts';
import { type Span, silentTracer, type Tracer } from '../../src/lib/tracer.ts';
import { BORN_MS, type ClusterRow, clusterRow } from '../support/cluster-rows.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';
import { RecordedSpans, traceparent } from '../support/recorded-spans.ts';

const HOUR_MS = 3_600_000;
const CHANGES = 'cluster-changes';
const HOME = 'cluster:289';
const signal = new AbortController().signal;

const LEAD = clusterRow(HOME, {});
const DRIVE = clusterRow(HOME, { table: 'test_drive', id: '501' });
const lead = (id: string, comments = '"a"'): ClusterRow => clusterRow(`cluster:${id}`, { id }, { comments });

class World {
  readonly kafka = new MemoryKafka();
  readonly events: string[] = [];
  readonly meter = new CountingMeter();
  tracer: Tracer = silentTracer;
  /** Offsets of `cluster-changes` that the cleaner has taken away. */
  readonly compacted = new Set<number>();
  /** Called before `cluster-changes` is read. */
  onLoad: () => void = () => {};
  options: Partial<JoinTaskOptions> = {};
  #task: JoinTask | null = null;
  #producer: TaskProducer | null = null;
  #next = 0;

  /** Writes rows; null = it left its cluster. Returns their offsets. */
  write(...changes: readonly (ClusterRow | { key: string; value: null })[]): number[] {
    const headers = { 'changed-at': String(BORN_MS + 1) };
    return changes.map((change) => this.kafka.append({ topic: CHANGES, partition: 0, headers, ...change }));
  }

  /** Begins a life: fences, loads, and tells what is owed; `transactions` ends it there as a crash in the last one. */
  async live(transactions = Number.POSITIVE_INFINITY): Promise<number> {
    this.#producer = this.kafka.producer('join.0');
    await this.#producer.fence(signal);
    this.#task = new JoinTask(
      {
        log: this.#log(),
        clock: { now: () => this.kafka.now, monotonic: () => this.kafka.now, after: () => () => {} },
        logger: { ...silentLog, warn: ({ event }) => void this.events.push(String(event)) },
        meter: this.meter,
        tracer: this.tracer,
      },
      { ...OPTIONS, ...this.options },
    );
    const [input] = await this.#task.load(signal);
    this.#next = input?.offset ?? -1;
    let told = 0;
    while (this.#task.owing()) {
      await this.#task.step(EMPTY_BATCH, this.#producer);
      if (++told === transactions) {
        await this.#producer.abort();
        return told;
      }
      await this.#producer.commit();
    }
    return told;
  }

  end(): void {
    this.#task?.ended();
  }

  /** Reads on with what is there, as one transaction. */
  async readOn(span?: Span): Promise<void> {
    const { records, next } = this.kafka.readOn(CHANGES, 0, this.#next);
    const left = records.filter(({ offset }) => !this.compacted.has(offset));
    await this.#task?.step(
      { records: left, next: new Map([[CHANGES, next]]) },
      this.#producer ?? this.kafka.producer('none'),
      signal,
      span,
    );
    await this.#producer?.commit();
    this.#next = next;
  }

  /** `lead revision cause` of each payload in order. */
  told(): string[] {
    return this.kafka
      .committed('outbound')
      .map(({ key, headers }) => `${key} ${headers['revision']} ${headers['cause']}`);
  }

  body(at: number): Record<string, unknown> {
    return JSON.parse(this.kafka.committed('outbound').at(at)?.value?.toString() ?? 'null') as Record<string, unknown>;
  }

  /** Last value of each key of `join-state`; null = tombstone. */
  state(): Map<string, Buffer | null> {
    return new Map(this.kafka.committed('join-state').map(({ key, value }) => [String(key), value]));
  }

  position(): { next: number; time: number; lastTimestamp: number } {
    return decodeJoinPosition(this.state().get(POSITION_KEY) ?? Buffer.alloc(0));
  }

  deadLetters(): KafkaRecord[] {
    return this.kafka.committed('dead-letters');
  }

  #log(): PartitionLog {
    return {
      ends: (topic, partition) => this.kafka.ends(topic, partition),
      read: async (at, onRecords) => {
        if (at.topic === CHANGES) this.onLoad();
        await this.kafka.read(at, (records) =>
          onRecords(at.topic === CHANGES ? records.filter(({ offset }) => !this.compacted.has(offset)) : records),
        );
      },
    };
  }
}

const OPTIONS: JoinTaskOptions = {
  partition: 0,
  clusterChangesTopic: CHANGES,
  stateTopic: 'join-state',
  outbound: { topic: 'outbound', partitions: 12 },
  deadLetters: { topic: 'dead-letters', partitions: 12 },
  rules: { versions: ['v3'], purposes: { enums: new Set() } },
  framing: new Map(),
  clusterRowsMax: 1_000,
  bodyBytesMax: 900_000,
  announceClustersMax: 2,
  compactionLagMs: HOUR_MS,
  deleteRetentionMs: 24 * HOUR_MS,
};

describe('a load', () => {
  test('of a task without a position makes everything dirty, and the position is where it ended', async () => {
    const world = new World();
    world.write(LEAD, DRIVE);
    await world.live();
    expect(world.told()).toEqual(['138559 1 created']);
    expect(world.position()).toEqual({ next: 2, time: world.kafka.now, lastTimestamp: world.kafka.now });
  });

  test('of a task that has nothing new tells nothing and writes its position alone', async () => {
    const world = new World();
    world.write(LEAD);
    await world.live();
    const before = world.kafka.committed('join-state').length;
    world.kafka.now += 1_000;
    expect(await world.live()).toBe(1);
    expect(world.told()).toHaveLength(1);
    expect(world.kafka.committed('join-state').slice(before)).toHaveLength(1);
    expect(world.position().time).toBe(world.kafka.now);
  });

  test('costs each lead of a backlog one payload, whatever the order of its silent and loud changes', async () => {
    const world = new World();
    world.write(LEAD);
    await world.live();
    const silent = { live: false, birth: null };
    world.write(
      clusterRow(HOME, {}, { comments: '"b"' }),
      clusterRow('cluster:1', { id: '1' }, {}, silent),
      clusterRow('cluster:2', { id: '2' }, {}, silent),
      clusterRow('cluster:2', { table: 'test_drive', id: '9' }, {}, silent),
      DRIVE,
      clusterRow('cluster:2', { id: '2' }, { comments: '"loud"' }, { birth: null }),
      clusterRow(HOME, {}, { comments: '"c"' }),
    );
    await world.live();
    expect(world.told().slice(1)).toEqual(['138559 2 changed', '2 1 changed']);
    expect(world.body(1)).toMatchObject({ comments: 'c', has_test_drives: true });
    expect(world.body(2)).toMatchObject({ comments: 'loud', has_test_drives: true });
  });

  test('that took as long as the log protects its records starts again from nothing', async () => {
    const world = new World();
    const [ghost = -1] = world.write(lead('7'));
    world.write(LEAD);
    let loads = 0;
    world.onLoad = () => {
      if (++loads === 1) world.kafka.now += HOUR_MS;
      else world.compacted.add(ghost);
    };
    await world.live();
    expect([loads, world.events]).toEqual([2, ['load_restarted']]);
    expect(world.told()).toEqual(['138559 1 created']);
  });

  test('that took a moment less is trusted', async () => {
    const world = new World();
    world.write(LEAD);
    world.onLoad = () => {
      world.kafka.now += HOUR_MS - 1;
    };
    await world.live();
    expect([world.events, world.told()]).toEqual([[], ['138559 1 created']]);
  });

  test('forgets emission records whose lead is gone without a trace, once', async () => {
    const world = new World();
    const [offset = -1] = world.write(LEAD);
    world.write(lead('5'));
    await world.live();
    world.compacted.add(offset); // the row, and the null that followed it
    world.kafka.now += 24 * HOUR_MS + 1; // or the null would still be there
    await world.live();
    expect(world.state().get(`${HOME}|138559`)).toBeNull();
    expect(world.state().get('cluster:5|5')).toBeInstanceOf(Buffer);
    const forgotten = () => world.kafka.committed('join-state').filter(({ value }) => value === null);
    await world.readOn();
    await world.live();
    expect(forgotten()).toHaveLength(1);
  });

  test('outside of its log needs the operator', async () => {
    const world = new World();
    world.write(LEAD, DRIVE);
    await world.live();
    const other = new World();
    for (const { key, value } of world.kafka.committed('join-state')) {
      other.kafka.append({ topic: 'join-state', partition: 0, key, value });
    }
    await expect(other.live()).rejects.toMatchObject({ code: 'offset-out-of-range' });
  });
});

describe('compaction', () => {
  test('of a row that was replaced after the position leaves its newest form, which is told', async () => {
    const world = new World();
    const [first = -1] = world.write(LEAD);
    await world.live();
    world.write(clusterRow(HOME, {}, { comments: '"new"' }));
    world.compacted.add(first);
    await world.live();
    expect(world.told()).toEqual(['138559 1 created', '138559 2 changed']);
    expect(world.body(1)).toMatchObject({ comments: 'new' });
  });

  /** The test drive left its cluster while the task was away, and the cleaner has taken row and null. */
  async function away(ms: number): Promise<string[]> {
    const world = new World();
    const [, drive = -1] = world.write(LEAD, DRIVE);
    await world.live();
    world.compacted.add(drive);
    world.kafka.now += ms;
    await world.live();
    return world.told().slice(1);
  }

  test('of what a task away for longer than nulls are kept did not see is made good: every cluster is told anew', async () => {
    expect(await away(24 * HOUR_MS + 1)).toEqual(['138559 2 changed']);
  });

  test('cannot have gone so far before, so a younger position is trusted', async () => {
    expect(await away(24 * HOUR_MS)).toEqual([]);
  });
});

describe('a running task', () => {
  test('tells the clusters of a batch at once, and its position moves in the same transaction', async () => {
    const world = new World();
    await world.live();
    world.write(lead('1'), lead('2'), lead('3'), lead('1', '"b"'));
    await world.readOn();
    expect(world.told().toSorted()).toEqual(['1 1 created', '2 1 created', '3 1 created']);
    expect(world.position().next).toBe(4);
  });

  test('that reads a record as old as the log protects it has to load anew', async () => {
    const world = new World();
    await world.live();
    world.write(LEAD);
    world.kafka.now += HOUR_MS - 1;
    await world.readOn();
    world.write(DRIVE);
    world.kafka.now += HOUR_MS;
    await expect(world.readOn()).rejects.toMatchObject({ code: 'fell-behind', retriable: true });
    await world.live();
    expect(world.told()).toEqual(['138559 1 created', '138559 2 changed']);
  });

  test('loads anew after so long a silence that a tombstone may be gone which it has not read', async () => {
    const world = new World();
    world.write(LEAD, DRIVE);
    await world.live();
    const [gone = -1] = world.write({ key: DRIVE.key, value: null });
    world.compacted.add(1).add(gone); // the process was suspended, and the cleaner took the row and then its tombstone
    world.kafka.now += 26 * HOUR_MS;
    world.write(lead('2'));
    await expect(world.readOn()).rejects.toMatchObject({ code: 'fell-behind', retriable: true });
    await world.live();
    expect(world.told()).toContain('138559 2 changed');
    world.write(lead('3'));
    await world.readOn();
    expect(world.told()).toContain('3 1 created');
  });

  test('writes down where it reads on when only markers came', async () => {
    const world = new World();
    await world.live();
    const aborted = world.kafka.producer('rekey.0');
    await aborted.fence(signal);
    await aborted.send([{ topic: CHANGES, partition: 0, ...LEAD }]);
    await aborted.abort();
    await world.readOn();
    expect([world.position().next, world.told()]).toEqual([2, []]);
  });
});

describe('a crash', () => {
  const FIVE = ['1', '2', '3', '4', '5'];

  test('in the middle of telling a backlog leaves the position, and the next life tells the rest once', async () => {
    const world = new World();
    world.write(...FIVE.map((id) => lead(id)));
    await world.live(2);
    expect(world.told()).toHaveLength(2);
    expect(world.state().has(POSITION_KEY)).toBe(false);
    expect(await world.live()).toBe(3);
    expect(world.told().toSorted()).toEqual(FIVE.map((id) => `${id} 1 created`));
    expect(world.position().next).toBe(5);
  });

  test('in each transaction in turn tells every lead once all the same', async () => {
    const world = new World();
    world.write(...FIVE.map((id) => lead(id)));
    for (const transactions of [1, 2, 3]) await world.live(transactions);
    await world.live();
    expect(world.told().toSorted()).toEqual(FIVE.map((id) => `${id} 1 created`));
  });

  test.each([
    ['was committed', true],
    ['was not', false],
  ])('with a transaction of which nobody knows that it %s ends in one payload', async (_how, committed) => {
    const world = new World();
    await world.live();
    world.write(LEAD);
    if (committed) await world.readOn();
    else await world.live(1);
    await world.live();
    expect(world.told()).toEqual(['138559 1 created']);
  });
});

describe('an outbound record', () => {
  test('lies where every Kafka client looks for the lead, and says what it is in its headers', async () => {
    const world = new World();
    const framing = new Map<PayloadVersion, Buffer>([['v3', Buffer.from([0, 0, 0, 0, 9])]]);
    world.options = { framing };
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    world.kafka.append({ topic: CHANGES, partition: 0, headers, ...LEAD });
    await world.live();
    const [record] = world.kafka.committed('outbound');
    expect(record?.partition).toBe(partitionOf('138559', 12));
    expect(record?.key?.toString()).toBe('138559');
    const named = Object.entries(record?.headers ?? {}).map(([name, value]) => [name, value.toString()]);
    expect(Object.fromEntries(named)).toEqual({
      version: 'v3',
      revision: '1',
      cause: 'created',
      'dealership-id': '3',
      'changed-at': String(BORN_MS),
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    expect(record?.value?.subarray(0, 5)).toEqual(Buffer.from([0, 0, 0, 0, 9]));
    expect(JSON.parse(record?.value?.subarray(5).toString() ?? '')).toMatchObject({ id: 138559 });
  });

  test('carries its own span on when somebody takes spans, in the trace of the change and linked to the transaction', async () => {
    const world = new World();
    const spans = new RecordedSpans();
    world.tracer = spans.tracer;
    await world.live();
    world.kafka.append({ topic: CHANGES, partition: 0, headers: { traceparent: traceparent(7) }, ...LEAD });
    const batch = spans.tracer.start('join', { kind: 'consumer', parent: null, attributes: {} });
    await world.readOn(batch);
    const [span, ...more] = spans.ended;
    expect([span, more]).toMatchObject([
      {
        name: 'create outbound',
        kind: 3,
        parent: traceparent(7).split('-')[2],
        links: [batch.traceparent?.slice(3, -3)],
        attributes: {
          'messaging.destination.name': 'outbound',
          'messaging.destination.partition.id': String(partitionOf('138559', 12)),
          'lead_webhooks.payload.version': 'v3',
          'lead_webhooks.cause': 'created',
        },
      },
      [],
    ]);
    expect(JSON.stringify(span?.attributes)).not.toContain('138559');
    const { headers } = world.kafka.committed('outbound')[0] ?? {};
    expect(headers?.['traceparent']?.toString()).toBe(`00-${span?.traceId}-${span?.spanId}-01`);
  });

  test('of a change without a trace begins one', async () => {
    const world = new World();
    const spans = new RecordedSpans();
    world.tracer = spans.tracer;
    world.write(LEAD);
    await world.live();
    const { headers } = world.kafka.committed('outbound')[0] ?? {};
    expect(spans.ended).toMatchObject([{ name: 'create outbound', parent: undefined, links: [] }]);
    expect(headers?.['traceparent']?.toString()).toContain(spans.ended[0]?.spanId);
  });

  test('of a row that left carries the time of its leaving', async () => {
    const world = new World();
    world.write(LEAD, DRIVE);
    await world.live();
    world.write({ key: DRIVE.key, value: null });
    await world.readOn();
    expect(world.kafka.committed('outbound').at(1)?.headers['changed-at']?.toString()).toBe(String(BORN_MS + 1));
  });
});

describe('a body beyond the limit', () => {
  const HUGE = clusterRow(HOME, {}, { comments: `"${'x'.repeat(6_000)}"` });

  async function told(): Promise<World> {
    const world = new World();
    world.options = { bodyBytesMax: 5_000 };
    world.write(HUGE);
    await world.live();
    return world;
  }

  test('becomes a dead letter that names the lead, the version and the size, and carries nothing of it', async () => {
    const world = await told();
    const [letter, ...more] = world.deadLetters();
    expect([world.told(), more]).toEqual([[], []]);
    expect(world.meter.counts.get('emitted_total v3 created')).toBeUndefined();
    expect([letter?.key?.toString(), letter?.value]).toEqual(['138559', null]);
    const headers = letter?.headers ?? {};
    expect(headers['lead-webhooks.errors.code']?.toString()).toBe('too-large');
    expect(headers['lead-webhooks.errors.topic']?.toString()).toBe(CHANGES);
    expect(headers['lead-webhooks.errors.message']?.toString()).toMatch(
      /^the v3 payload of lead 138559 has \d{4} bytes, allowed are 5000$/,
    );
  });

  test('is not reported again by what changes nothing, nor by another life', async () => {
    const world = await told();
    world.write(clusterRow(HOME, {}, { comments: `"${'x'.repeat(6_000)}"`, updated_at: null }));
    await world.readOn();
    world.kafka.now += 25 * HOUR_MS;
    await world.live();
    expect(world.deadLetters()).toHaveLength(1);
  });

  test('is followed by the next one that fits, under a higher revision', async () => {
    const world = await told();
    world.write(LEAD);
    await world.readOn();
    expect(world.told()).toEqual(['138559 2 changed']);
    expect(world.meter.counts.get('emitted_total v3 changed')).toBe(1);
  });
});

test('a cluster with too many rows becomes a dead letter that names it, its rows and the limit', async () => {
  const world = new World();
  world.options = { clusterRowsMax: 1 };
  world.write(LEAD, DRIVE);
  await world.live();
  const [letter] = world.deadLetters();
  expect([letter?.key?.toString(), letter?.value, world.told()]).toEqual([HOME, null, []]);
  expect(letter?.headers['lead-webhooks.errors.message']?.toString()).toContain('has 2 rows, allowed are 1');
});

test('the gauges of the state are gone with the life', async () => {
  const world = new World();
  world.write(LEAD);
  await world.live();
  const gauges = ['state_clusters 0', 'state_bytes 0', 'quarantined_clusters 0'];
  expect(gauges.map((name) => world.meter.counts.has(name))).toEqual([true, true, true]);
  world.end();
  expect(gauges.map((name) => world.meter.counts.has(name))).toEqual([false, false, false]);
});
