/**
 * What the stages of one process share, and how each is put together from Kafka's and delivery's parts. Composition only: no
 * rule of the program is decided here.
 */
import type { PayloadVersion } from '../core/payload/versions.ts';
import type { RekeyRules } from '../core/rekey.ts';
import { type BatchWork, batchLoop } from '../kafka/batch-loop.ts';
import { createKafka, type Kafka } from '../kafka/client.ts';
import { Fetcher } from '../kafka/fetcher.ts';
import { JoinTask } from '../kafka/join-task.ts';
import { endLeftOpen } from '../kafka/left-open.ts';
import { Membership } from '../kafka/membership.ts';
import type { Stage as StageName } from '../kafka/own-topics.ts';
import { RekeyTask } from '../kafka/rekey-task.ts';
import type { SourceCodec } from '../kafka/source-codec.ts';
import { type GroupObserver, Stage, type StageSide } from '../kafka/stage.ts';
import { type Life, Task, type TaskProducer } from '../kafka/task.ts';
import { TransactionalProducer } from '../kafka/transactions.ts';
import { systemClock as clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { silentTracer, type Tracer } from '../lib/tracer.ts';
import type { Config } from '../ops/config.ts';
import type { Check } from '../ops/health.ts';
import { kafkaOptions } from './connections.ts';

export interface Runtime {
  readonly config: Config;
  readonly version: string;
  readonly log: Log;
  readonly meter: Meter;
  /** Absent = nobody takes spans. */
  readonly tracer?: Tracer;
  /** Partitions of each existing topic that the stages use. */
  readonly partitions: ReadonlyMap<string, number>;
}

/** A stage ready to run, and what to close after it. */
export interface ComposedStage {
  readonly stage: Stage;
  /** Readiness checks besides the stage's own, by name. */
  readonly checks?: readonly (readonly [string, Check])[];
  close(): Promise<void>;
}

const ANNOUNCE_CLUSTERS_MAX = 2_000;
/** A body or row that fits a topic's default limit of 1 MiB with its key and headers. */
const VALUE_BYTES_MAX = 900_000;
/** What cluster-changes is set to (own-topics.ts). */
const COMPACTION_LAG_MS = 3_600_000;
const DELETE_RETENTION_MS = 86_400_000;

/** Rekey: the three sources by index. */
export function rekeyStage(runtime: Runtime, decoder: SourceCodec, rules: RekeyRules): ComposedStage {
  const { config, log, meter } = runtime;
  const { leads, appointments, testDrives } = config.sources;
  const sources = [
    { topic: leads, table: 'lead' },
    { topic: appointments, table: 'appointment' },
    { topic: testDrives, table: 'test_drive' },
  ] as const;
  const topics = {
    inputs: sources.map(({ topic }) => topic),
    changelog: config.topics.rekeyState,
    outputs: [config.topics.clusterChanges, config.topics.deadLetters],
  };
  const tasks = Math.max(...topics.inputs.map((topic) => count(runtime, topic)));
  return compose(runtime, { name: 'rekey', topics }, (life, partition, { fetcher, side }) => {
    const work = new RekeyTask(
      { log: fetcher, decoder, clock, logger: log, meter },
      {
        partition,
        sources: sources.filter(({ topic }) => partition < count(runtime, topic)),
        stateTopic: config.topics.rekeyState,
        clusterChanges: topicOf(runtime, config.topics.clusterChanges),
        deadLetters: topicOf(runtime, config.topics.deadLetters),
        rules,
        rowCacheBytes: Math.floor(config.rekey.rowCacheBytes / tasks),
        rowBytesMax: VALUE_BYTES_MAX,
        skip: new Set(config.sources.skip ?? []),
      },
    );
    return batches(life, work, { runtime, stage: 'rekey', partition, fetcher, side });
  });
}

/** The join: one partition of cluster-changes by index. `framing`: bytes before each version's body. */
export function joinStage(runtime: Runtime, framing: ReadonlyMap<PayloadVersion, Buffer>): ComposedStage {
  const { config, log, meter, tracer = silentTracer } = runtime;
  const { clusterChanges, joinState, outbound, deadLetters } = config.topics;
  const topics = { inputs: [clusterChanges], changelog: joinState, outputs: [outbound, deadLetters] };
  return compose(runtime, { name: 'join', topics }, (life, partition, { fetcher, side }) => {
    const work = new JoinTask(
      { log: fetcher, clock, logger: log, meter, tracer },
      {
        partition,
        clusterChangesTopic: clusterChanges,
        stateTopic: joinState,
        outbound: topicOf(runtime, outbound),
        deadLetters: topicOf(runtime, deadLetters),
        rules: {
          versions: config.payload.versions,
          purposes: { enums: new Set(config.sources.testDrivePurposes ?? []) },
        },
        framing,
        clusterRowsMax: config.join.clusterRowsMax,
        bodyBytesMax: VALUE_BYTES_MAX,
        announceClustersMax: ANNOUNCE_CLUSTERS_MAX,
        compactionLagMs: COMPACTION_LAG_MS,
        deleteRetentionMs: DELETE_RETENTION_MS,
      },
    );
    return batches(life, work, { runtime, stage: 'join', partition, fetcher, side });
  });
}

/** A producer for a transactional id of the application: `<app>.<name>`. */
export function producerOf(runtime: Pick<Runtime, 'config' | 'log'>, kafka: Kafka, name: string): TaskProducer {
  const { config, log } = runtime;
  return new TransactionalProducer(
    { kafka, log, clock },
    { transactionalId: `${config.app.id}.${name}`, transactionTimeoutMs: config.tasks.transactionTimeoutMs },
  );
}

/** What a task of a stage works with. */
export interface StageConnections {
  readonly kafka: Kafka;
  readonly fetcher: Fetcher;
  readonly side: StageSide;
}

/** The topics of a stage's tasks. */
interface StageTopics {
  readonly inputs: readonly string[];
  readonly changelog: string;
  /** What they write to besides. */
  readonly outputs: readonly string[];
}

/** A stage out of its member of the group and the lives of its tasks. */
export function compose(
  runtime: Runtime,
  { name, topics, observer }: { name: StageName; topics: StageTopics; observer?: GroupObserver },
  live: (life: Life, partition: number, task: StageConnections) => Promise<void>,
): ComposedStage {
  const { config, log, meter } = runtime;
  const options = kafkaOptions(config, name);
  const kafka = createKafka(options, log);
  const fetcher = new Fetcher({ kafka, log, clock });
  const { instanceId } = config.app;
  const membership = new Membership(
    { kafka, log, clock },
    {
      groupId: `${config.app.id}.${name}`,
      topics: topics.inputs,
      instanceId: instanceId ?? '',
      evictClientId: instanceId === null ? null : options.clientId,
      sessionTimeoutMs: config.tasks.sessionTimeoutMs,
    },
  );
  const stage = new Stage(name, {
    membership,
    task: (partition, side) =>
      new Task(
        {
          producer: () => producerOf(runtime, kafka, `${name}.${partition}`),
          confirmed: (signal) => side.confirmed(signal),
          clock,
          random: Math.random,
          log,
          meter,
        },
        { stage: name, partition },
        async (life) => {
          const changelog = { topic: topics.changelog, partition };
          const outputs = topics.outputs.map((topic) => topicOf(runtime, topic));
          await endLeftOpen(life.producer, { ends: fetcher, log }, { changelog, outputs });
          await live(life, partition, { kafka, fetcher, side });
        },
      ),
    ...(observer && { observer }),
    clock,
    log,
    meter,
  });
  return { stage, close: () => fetcher.stop() };
}

function batches(
  life: Life,
  work: BatchWork,
  at: { runtime: Runtime; stage: StageName; partition: number; fetcher: Fetcher; side: StageSide },
): Promise<void> {
  const { runtime, stage, partition, fetcher, side } = at;
  const { commitIntervalMs, batchRecordsMax, queueBytesMax, stallTimeoutMs } = runtime.config.tasks;
  return batchLoop(
    life,
    work,
    { fetcher, clock, meter: runtime.meter, tracer: runtime.tracer ?? silentTracer },
    {
      stage,
      partition,
      commitIntervalMs,
      batchRecordsMax,
      queueBytesMax,
      stallMs: stallTimeoutMs,
      onCommitted: (next) => side.onCommitted(next),
    },
  );
}

/** A topic of the application with its number of partitions. */
export function topicOf(runtime: Runtime, topic: string): { topic: string; partitions: number } {
  return { topic, partitions: count(runtime, topic) };
}

/** Partitions of an existing topic; 0 = it was not looked at. */
export function count(runtime: Runtime, topic: string): number {
  return runtime.partitions.get(topic) ?? 0;
}
