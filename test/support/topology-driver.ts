/**
 * The production wiring of rekey and join without a broker: the tasks' own code over an in-memory Kafka, driven by hand. A test
 * pipes changes in, drains, and looks at what each lead's subscribers hold. Who wants other batches, other interleavings, crashes
 * or restarts asks for them; nothing here has a will or a clock of its own.
 */

import { partitionOf } from '../../src/core/partition.ts';
import { type PayloadVersion, VERSIONS } from '../../src/core/payload/versions.ts';
import { TABLES, type Table } from '../../src/core/source-event.ts';
import type { BatchWork, TaskInput } from '../../src/kafka/batch-loop.ts';
import { JoinTask } from '../../src/kafka/join-task.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { RekeyTask } from '../../src/kafka/rekey-task.ts';
import { SourceCodec } from '../../src/kafka/source-codec.ts';
import type { TaskProducer } from '../../src/kafka/task.ts';
import { EMPTY_BATCH } from '../../src/kafka/task-queue.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import type { ChangeEvent } from './change-events.ts';
import { MemoryKafka } from './memory-kafka.ts';

export interface DriverOptions {
  readonly partitions?: number;
  readonly versions?: readonly PayloadVersion[];
  readonly announceSince?: number | 'beginning';
  readonly clusterRowsMax?: number;
  readonly rowCacheBytes?: number;
  readonly bodyBytesMax?: number;
}

/** A payload on the outbound topic. */
export interface Payload {
  readonly leadId: string;
  readonly version: string;
  readonly revision: number;
  readonly cause: string;
  readonly changedAt: number;
  readonly body: string;
  /** The body as a value. */
  readonly json: Readonly<Record<string, unknown>>;
}

export type StageName = 'rekey' | 'join';

interface RunningTask {
  work: BatchWork;
  producer: TaskProducer;
  inputs: Map<string, number>;
  ready: boolean;
}

const STAGES: readonly StageName[] = ['rekey', 'join'];

export class TopologyDriver {
  readonly kafka = new MemoryKafka();
  readonly partitions: number;
  readonly #options: DriverOptions;
  readonly #tasks = new Map<string, RunningTask>();
  readonly #clock: Clock;

  constructor(options: DriverOptions = {}) {
    this.partitions = options.partitions ?? 2;
    this.#options = options;
    this.#clock = { now: () => this.kafka.now, monotonic: () => this.kafka.now, after: () => () => undefined };
  }

  /** Appends a change to its source topic, in the partition that its primary key has. */
  pipe(...events: readonly ChangeEvent[]): void {
    for (const { table, id, value } of events) {
      const key = `{"id":${id}}`;
      this.kafka.append({ topic: sourceTopic(table), partition: partitionOf(key, this.partitions), key, value });
    }
  }

  /** Runs all tasks until none has anything to do. `batch` gives the size of each batch; default: all there is. */
  async drain(batch: () => number = () => Number.POSITIVE_INFINITY): Promise<void> {
    for (let busy = true; busy; ) {
      busy = false;
      for (const stage of STAGES) {
        for (let index = 0; index < this.partitions; index++) busy = (await this.step(stage, index, batch())) || busy;
      }
    }
  }

  /** One transaction of one task with up to `recordsMax` records of each input; false if it had nothing to do. */
  async step(stage: StageName, index: number, recordsMax: number, options: { crash?: boolean } = {}): Promise<boolean> {
    const task = await this.#running(stage, index);
    if (task.work.owing()) {
      await this.#transact(stage, index, EMPTY_BATCH, options);
      return true;
    }
    const records: KafkaRecord[] = [];
    const next = new Map<string, number>();
    for (const [topic, offset] of task.inputs) {
      const there = this.kafka.readOn(topic, index, offset);
      const taken = there.records.slice(0, recordsMax);
      const rest = there.records[taken.length];
      const readOn = rest === undefined ? there.next : rest.offset;
      if (readOn > offset) next.set(topic, readOn);
      records.push(...taken);
    }
    if (next.size === 0) return false;
    await this.#transact(stage, index, { records, next }, options);
    for (const [topic, offset] of next) task.inputs.set(topic, offset);
    return true;
  }

  /** Drops the memory of a task: its next step fences and loads anew. */
  restart(stage: StageName, index: number): void {
    this.#tasks.delete(`${stage}/${index}`);
  }

  restartAll(): void {
    this.#tasks.clear();
  }

  /** Everything on the outbound topic, partition by partition in order. */
  outbound(): Payload[] {
    return this.kafka.committed('outbound').map((record) => {
      const header = (name: string): string => record.headers[name]?.toString() ?? '';
      const body = record.value?.toString() ?? '';
      return {
        leadId: record.key?.toString() ?? '',
        version: header('version'),
        revision: Number(header('revision')),
        cause: header('cause'),
        changedAt: Number(header('changed-at')),
        body,
        json: JSON.parse(body) as Record<string, unknown>,
      };
    });
  }

  /** The truth about a lead for its subscribers: the payload of the highest revision; undefined if it was never announced. */
  lead(id: number, version: PayloadVersion = 'v3'): Payload | undefined {
    return this.history(id, version).reduce<Payload | undefined>(
      (best, payload) => (best === undefined || payload.revision > best.revision ? payload : best),
      undefined,
    );
  }

  /** All payloads of a lead in the order of the outbound topic. */
  history(id: number, version: PayloadVersion = 'v3'): Payload[] {
    return this.outbound().filter((payload) => payload.leadId === String(id) && payload.version === version);
  }

  deadLetters(): KafkaRecord[] {
    return this.kafka.committed('dead-letters');
  }

  async #transact(
    stage: StageName,
    index: number,
    batch: Parameters<BatchWork['step']>[0],
    options: { crash?: boolean },
  ): Promise<void> {
    const task = await this.#running(stage, index);
    await task.work.step(batch, task.producer, new AbortController().signal);
    if (!options.crash) return task.producer.commit();
    await task.producer.abort();
    this.restart(stage, index);
  }

  async #running(stage: StageName, index: number): Promise<RunningTask> {
    const name = `${stage}/${index}`;
    const running = this.#tasks.get(name);
    if (running !== undefined) return running;
    const producer = this.kafka.producer(name);
    const signal = new AbortController().signal;
    await producer.fence(signal);
    const work = stage === 'rekey' ? this.#rekey(index) : this.#join(index);
    const inputs: readonly TaskInput[] = await work.load(signal);
    const task = { work, producer, inputs: new Map(inputs.map((at) => [at.topic, at.offset])), ready: true };
    this.#tasks.set(name, task);
    return task;
  }

  #rekey(partition: number): RekeyTask {
    const common = { clock: this.#clock, log: silentLog, meter: silentMeter };
    const rules = {
      sourceEpoch: 0,
      unavailablePlaceholder: '__debezium_unavailable_value',
      jsonTimeUnit: 'micros',
    } as const;
    const decoder = new SourceCodec({ registry: null, ...common }, rules);
    return new RekeyTask(
      { log: this.kafka, decoder, clock: this.#clock, logger: silentLog, meter: silentMeter },
      {
        partition,
        sources: TABLES.map((table) => ({ topic: sourceTopic(table), table })),
        stateTopic: 'rekey-state',
        clusterChanges: { topic: 'cluster-changes', partitions: this.partitions },
        deadLetters: { topic: 'dead-letters', partitions: 1 },
        rules: { announceSince: this.#options.announceSince ?? 0 },
        rowCacheBytes: this.#options.rowCacheBytes ?? 0,
        rowBytesMax: 900_000,
      },
    );
  }

  #join(partition: number): JoinTask {
    return new JoinTask(
      { log: this.kafka, clock: this.#clock, logger: silentLog, meter: silentMeter },
      {
        partition,
        clusterChangesTopic: 'cluster-changes',
        stateTopic: 'join-state',
        outbound: { topic: 'outbound', partitions: this.partitions },
        deadLetters: { topic: 'dead-letters', partitions: 1 },
        rules: {
          versions: this.#options.versions ?? VERSIONS.map(({ version }) => version),
          purposes: { enums: new Set() },
        },
        framing: new Map(),
        clusterRowsMax: this.#options.clusterRowsMax ?? 1000,
        bodyBytesMax: this.#options.bodyBytesMax ?? 900_000,
        announceClustersMax: 3,
        compactionLagMs: 3_600_000,
        deleteRetentionMs: 86_400_000,
      },
    );
  }
}

function sourceTopic(table: Table): string {
  return `source.${table}`;
}
