/**
 * The product in a simulated process: the real stages, tasks, batch loops, rekey and join, put together as `src/bin` does it,
 * over the fake brokers. A Variant may wrap a part, to show what a missing guard would do.
 */
import { type PayloadVersion, VERSIONS } from '../../src/core/payload/versions.ts';
import { TABLES } from '../../src/core/source-event.ts';
import { type BatchWork, batchLoop, type InputFetcher } from '../../src/kafka/batch-loop.ts';
import { JoinTask } from '../../src/kafka/join-task.ts';
import type { PartitionLog } from '../../src/kafka/partition-log.ts';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { RekeyTask } from '../../src/kafka/rekey-task.ts';
import { SourceCodec } from '../../src/kafka/source-codec.ts';
import { Stage, type StageMembership } from '../../src/kafka/stage.ts';
import { Task, type TaskProducer } from '../../src/kafka/task.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import type { Log } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import type { Chance } from './chance.ts';
import { type ClientSettings, fakeClient } from './fake-client.ts';
import { type FakeGroup, FakeMembership } from './fake-group.ts';
import type { FakeKafka } from './fake-kafka.ts';
import { FakeReader } from './fake-reader.ts';
import type { Network } from './network.ts';
import type { SimProcess } from './sim-process.ts';
import { sourceTopic } from './source-world.ts';
import type { Conditions } from './swarm.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

export type StageName = 'rekey' | 'join';

/** Wraps parts of the product or of what it stands on; the true product leaves all out. */
export interface Variant {
  readonly client?: (client: ReturnType<typeof fakeClient>) => ReturnType<typeof fakeClient>;
  /** `append` writes outside of every transaction. */
  readonly producer?: (make: () => TaskProducer, append: (record: OutgoingRecord) => void) => TaskProducer;
  readonly membership?: (membership: StageMembership) => StageMembership;
  readonly fetcher?: (fetcher: InputFetcher) => InputFetcher;
  readonly log?: (log: PartitionLog, stage: StageName) => PartitionLog;
  readonly work?: (work: BatchWork, stage: StageName) => BatchWork;
  /** The join believes in this compaction lag (ms) whatever the topic's is. */
  readonly believedCompactionLagMs?: number;
  /** Conditions that make the fault likely. */
  readonly conditions?: (conditions: Conditions) => Conditions;
}

export interface World {
  readonly timeline: Timeline;
  readonly kafka: FakeKafka;
  readonly network: Network;
  readonly groups: Readonly<Record<StageName, FakeGroup>>;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly conditions: Conditions;
  readonly variant: Variant;
}

export const TOPICS = {
  rekeyState: 'rekey-state',
  clusterChanges: 'cluster-changes',
  joinState: 'join-state',
  outbound: 'outbound',
  deadLetters: 'dead-letters',
} as const;

const SOURCE_RULES = {
  sourceEpoch: 0,
  unavailablePlaceholder: '__debezium_unavailable_value',
  jsonTimeUnit: 'micros',
} as const;

/** Makes one stage of a process. */
export function stageOf(world: World, process: SimProcess, name: StageName): Stage {
  const { conditions, variant, network, trace, chance } = world;
  const { clock } = process;
  const log = loggerOf(process, trace);
  const kafka = clientOf(world, process, conditions.client);
  const reader = new FakeReader({ ...world, process }, conditions.reader);
  const fetcher = variant.fetcher?.(reader) ?? reader;
  const group = world.groups[name];
  const membership = new FakeMembership({ group, process, network, trace }, process.name);
  const deps = { clock, log, meter: silentMeter };
  const producer = (index: number): TaskProducer =>
    new TransactionalProducer(
      { kafka, log, clock },
      { transactionalId: `app.${name}.${index}`, transactionTimeoutMs: conditions.transactionTimeoutMs },
    );
  return new Stage(name, {
    ...deps,
    membership: variant.membership?.(membership) ?? membership,
    task: (index, side) => {
      const make = (): TaskProducer =>
        variant.producer?.(
          () => producer(index),
          (record) => void world.kafka.append(record),
        ) ?? producer(index);
      return new Task(
        { ...deps, producer: make, confirmed: (signal) => side.confirmed(signal), random: chance.random },
        { stage: name, partition: index },
        (life) => {
          const source = variant.log?.(reader, name) ?? reader;
          const made = name === 'rekey' ? rekey(world, source, index, deps) : join(world, source, index, deps);
          const work = variant.work?.(made, name) ?? made;
          const { commitIntervalMs, batchRecordsMax, queueBytesMax } = conditions.task;
          const onCommitted = (next: ReadonlyMap<string, number>): void => side.onCommitted(next);
          const options = {
            stage: name,
            partition: index,
            commitIntervalMs,
            batchRecordsMax,
            queueBytesMax,
            onCommitted,
          };
          return batchLoop(life, work, { fetcher, ...deps }, options);
        },
      );
    },
  });
}

type Deps = Pick<ConstructorParameters<typeof Task>[0], 'clock' | 'log' | 'meter'>;

function rekey(world: World, log: PartitionLog, partition: number, deps: Deps): RekeyTask {
  const { source, task, partitions } = world.conditions;
  const decoder = new SourceCodec({ registry: null, ...deps }, SOURCE_RULES);
  return new RekeyTask(
    { log, decoder, clock: deps.clock, logger: deps.log, meter: deps.meter },
    {
      partition,
      sources: TABLES.filter((table) => partition < source.partitions[table]).map((table) => ({
        topic: sourceTopic(table),
        table,
      })),
      stateTopic: TOPICS.rekeyState,
      clusterChanges: { topic: TOPICS.clusterChanges, partitions },
      deadLetters: { topic: TOPICS.deadLetters, partitions: 1 },
      rules: { announceSince: source.announceSince },
      rowCacheBytes: task.rowCacheBytes,
      rowBytesMax: 900_000,
    },
  );
}

function join(world: World, log: PartitionLog, partition: number, deps: Deps): JoinTask {
  const { task, cleaner, outboundPartitions } = world.conditions;
  const versions: PayloadVersion[] = VERSIONS.map(({ version }) => version);
  return new JoinTask(
    { log, clock: deps.clock, logger: deps.log, meter: deps.meter },
    {
      partition,
      clusterChangesTopic: TOPICS.clusterChanges,
      stateTopic: TOPICS.joinState,
      outbound: { topic: TOPICS.outbound, partitions: outboundPartitions },
      deadLetters: { topic: TOPICS.deadLetters, partitions: 1 },
      rules: { versions, purposes: { enums: new Set() } },
      framing: new Map(),
      clusterRowsMax: 1_000,
      bodyBytesMax: 900_000,
      announceClustersMax: task.announceClustersMax,
      compactionLagMs: world.variant.believedCompactionLagMs ?? cleaner.minCompactionLagMs,
      deleteRetentionMs: cleaner.deleteRetentionMs,
    },
  );
}

/** The client of a process, as a variant has it. */
export function clientOf(world: World, process: SimProcess, settings: ClientSettings): ReturnType<typeof fakeClient> {
  const client = fakeClient({ ...world, process }, settings);
  return world.variant.client?.(client) ?? client;
}

/** The product's events into the trace; some of them are what a batch of seeds must meet. */
export function loggerOf(process: SimProcess, trace: Trace): Log {
  const write = (fields: Readonly<Record<string, unknown>>): void => {
    const { event, stage, partition, code } = fields;
    trace.note(`${process.name} log ${[event, stage, partition, code].filter((part) => part !== undefined).join(' ')}`);
    if (event !== undefined) trace.sometimes(['product:', event, code].filter((part) => part !== undefined).join(' '));
  };
  return { debug: write, info: write, warn: write, error: write };
}
