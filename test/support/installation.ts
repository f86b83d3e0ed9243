/**
 * An installation of the product on the tests' Kafka: topics and schemas of an application id that nobody else has, the real
 * program as child processes, and what comes out. Made the way an operator makes one: `topics apply`, `schemas register`, `run`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { partitionOf } from '../../src/core/partition.ts';
import type { Table } from '../../src/core/source-event.ts';
import { createTopics } from '../../src/dev/topics.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { Fetcher } from '../../src/kafka/fetcher.ts';
import type { KafkaRecord, OutgoingRecord } from '../../src/kafka/record.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { ChangeEvent } from './change-events.ts';
import { connectedProducer } from './kafka-topics.ts';

const PROGRAM = fileURLToPath(new URL('../../src/bin/lead-webhooks.ts', import.meta.url));
const SUFFIX: Readonly<Record<Table, string>> = {
  lead: 'leads',
  appointment: 'appointments',
  test_drive: 'test_drives',
};
const PRODUCE_RECORDS = 2_000;
const READ_TIMEOUT_MS = 300_000;

export interface InstallationOptions {
  readonly brokers: readonly string[];
  /** Null: plain framing, JSON sources. */
  readonly registryUrl: string | null;
  readonly partitions?: number;
  /** Copies of every topic (1). */
  readonly replicationFactor?: number;
  /** `default`: the names that the program has without configuration, for a broker that nobody shares. */
  readonly names?: 'unique' | 'default';
  /** `cleanup.policy` of the source topics (compact). */
  readonly sourceCleanup?: 'compact' | 'delete';
  /** Text of the endpoints file; default: no endpoints. */
  readonly endpoints?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface ReadOptions {
  readonly last?: number;
  readonly committed?: boolean;
  readonly from?: ReadonlyMap<number, number>;
}

export interface UntilOptions {
  /** 60,000. */
  readonly timeoutMs?: number;
  readonly last?: number;
}

let made = 0;

export class Installation implements AsyncDisposable {
  readonly appId: string;
  readonly partitions: number;
  /** Text of the endpoints file at first. */
  readonly endpoints: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #kafka: ReturnType<typeof createKafka>;
  readonly #fetcher: Fetcher;
  readonly #sourcePrefix: string;
  readonly #sourceCleanup: string;
  readonly #replicationFactor: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'lead-webhooks-test-'));
  readonly #running = new Set<Running>();

  /** Names everything; makes nothing yet (see `install`). */
  constructor(options: InstallationOptions) {
    made++;
    const isDefault = options.names === 'default';
    this.appId = isDefault ? 'lead-webhooks' : `t${process.pid}-${Date.now().toString(36)}-${made}`;
    this.#sourcePrefix = isDefault ? 'dealerstudio.public' : `${this.appId}.source`;
    this.partitions = options.partitions ?? 2;
    this.#replicationFactor = options.replicationFactor ?? 1;
    this.#sourceCleanup = options.sourceCleanup ?? 'compact';
    const endpointsFile = join(this.#folder, 'endpoints.yaml');
    this.endpoints = options.endpoints ?? 'endpoints: []\n';
    writeFileSync(endpointsFile, this.endpoints);
    const partitions = String(this.partitions);
    this.env = {
      PATH: process.env['PATH'] ?? '',
      KAFKA_BROKERS: options.brokers.join(','),
      ...(options.registryUrl === null
        ? { LEAD_WEBHOOKS_OUTBOUND_FRAMING: 'plain' }
        : { SCHEMA_REGISTRY_URL: options.registryUrl }),
      LEAD_WEBHOOKS_APP_ID: this.appId,
      LEAD_WEBHOOKS_LEADS_TOPIC: this.source('lead'),
      LEAD_WEBHOOKS_APPOINTMENTS_TOPIC: this.source('appointment'),
      LEAD_WEBHOOKS_TEST_DRIVES_TOPIC: this.source('test_drive'),
      LEAD_WEBHOOKS_PARTITIONS: partitions,
      LEAD_WEBHOOKS_OUTBOUND_PARTITIONS: partitions,
      LEAD_WEBHOOKS_REPLICATION_FACTOR: String(this.#replicationFactor),
      LEAD_WEBHOOKS_ADMIN_PORT: '0',
      LEAD_WEBHOOKS_ENDPOINTS_FILE: endpointsFile,
      LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: '6000',
      LEAD_WEBHOOKS_ANNOUNCE_SINCE: 'beginning',
      ...options.env,
    };
    this.#kafka = createKafka({ brokers: options.brokers, clientId: 'test' }, silentLog);
    this.#fetcher = new Fetcher({ kafka: this.#kafka, log: silentLog, clock: systemClock });
  }

  source(table: Table): string {
    return `${this.#sourcePrefix}.${SUFFIX[table]}`;
  }

  topic(name: string): string {
    return `${this.appId}.${name}`;
  }

  /** Makes the source topics, the own topics and, with a registry, the schemas. */
  async install(): Promise<void> {
    await this.createTopics((['lead', 'appointment', 'test_drive'] as const).map((table) => this.source(table)));
    await this.mustRun('topics', 'apply');
    if (this.env['SCHEMA_REGISTRY_URL'] !== undefined) await this.mustRun('schemas', 'register');
  }

  async createTopics(names: readonly string[], partitions = this.partitions): Promise<void> {
    const deps = { kafka: this.#kafka, clock: systemClock };
    const settings = { 'cleanup.policy': this.#sourceCleanup };
    await createTopics(deps, names, { partitions, replicationFactor: this.#replicationFactor, settings });
  }

  /** Runs a command of the program to its end. */
  run(...args: readonly string[]): Promise<Ran> {
    return this.runIn({}, ...args);
  }

  /** The same with other settings. */
  async runIn(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
    const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...this.env, ...env } });
    const [out, err] = [collect(child.stdout), collect(child.stderr)];
    const code = await new Promise<number>((resolve) => child.once('close', (exit) => resolve(exit ?? -1)));
    return { code, out: out(), err: err() };
  }

  async mustRun(...args: readonly string[]): Promise<Ran> {
    const ran = await this.run(...args);
    if (ran.code !== 0) throw new Error(`${args.join(' ')} ended with ${ran.code}: ${ran.out} ${ran.err}`);
    return ran;
  }

  /** Starts `run` in a process of its own; returns at once. */
  start(stages = 'all', env: Readonly<Record<string, string>> = {}): Running {
    const child = spawn(process.execPath, [PROGRAM, 'run', '--stages', stages], { env: { ...this.env, ...env } });
    const running = new Running(child);
    this.#running.add(running);
    return running;
  }

  /** Appends changes in order, each in the partition of its primary key. */
  async pipe(events: readonly ChangeEvent[]): Promise<void> {
    await this.append(
      events.map(({ table, id, value }) => {
        const key = `{"id":${id}}`;
        return { topic: this.source(table), partition: partitionOf(key, this.partitions), key, value };
      }),
    );
  }

  /**
   * Appends records as they are, topic by topic in their order. Whatever the client reports as written without having done so
   * (a leader moved) is sent again with all that went along with it.
   */
  async append(records: readonly OutgoingRecord[]): Promise<void> {
    const producer = await connectedProducer(this.#kafka);
    try {
      for (let at = 0; at < records.length; at += PRODUCE_RECORDS) {
        const part = records.slice(at, at + PRODUCE_RECORDS);
        const partitions = new Set(part.map(({ topic, partition }) => `${topic}/${partition}`));
        const topicMessages = Array.from(
          Map.groupBy(part, ({ topic }) => topic),
          ([topic, records]) => ({ topic, messages: records.map(message) }),
        );
        let written = 0;
        while (written < partitions.size) written = (await producer.sendBatch({ topicMessages })).length;
      }
    } finally {
      await producer.disconnect();
    }
  }

  /** Everything committed in a topic, partition by partition in order. */
  async committed(topic: string): Promise<KafkaRecord[]> {
    const records: KafkaRecord[] = [];
    await this.read(topic, (record) => records.push(record));
    return records;
  }

  /**
   * Reads what is committed in a topic now, partition by partition in order, and keeps nothing of it.
   * @param options.last of each partition only so many offsets before its end
   * @param options.from where the reading of a partition begins, by partition; absent = at its start
   * @param options.committed false: what was aborted too
   */
  async read(
    topic: string,
    onRecord: (record: KafkaRecord) => void,
    { last = Infinity, from: first, committed = true }: ReadOptions = {},
  ): Promise<void> {
    const signal = AbortSignal.timeout(READ_TIMEOUT_MS);
    for (const { partition, earliest, lastStable } of await this.#fetcher.offsets(topic, signal)) {
      const from = Math.max(earliest, lastStable - last, first?.get(partition) ?? 0);
      if (from >= lastStable) continue;
      const range = { topic, partition, from, to: lastStable, committed, signal };
      await this.#fetcher.read(range, (part) => {
        for (const record of part) onRecord(record);
      });
    }
  }

  /**
   * Reads a topic from its start and on, until `holds` is true of what is committed.
   * @param options.last of each partition the reading begins so many offsets before its end, not at its start
   */
  async until(
    topic: string,
    holds: (records: readonly KafkaRecord[]) => boolean,
    { timeoutMs = 60_000, last = Infinity }: UntilOptions = {},
  ): Promise<KafkaRecord[]> {
    const records: KafkaRecord[] = [];
    const signal = AbortSignal.timeout(timeoutMs);
    const fetcher = new Fetcher({ kafka: this.#kafka, log: silentLog, clock: systemClock });
    try {
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error(`${topic} did not come to hold what was expected`)), {
          once: true,
        });
        const deliver = (chunk: { records: readonly KafkaRecord[] }): void => {
          records.push(...chunk.records);
          if (holds(records)) resolve();
        };
        if (holds(records)) resolve();
        void fetcher.offsets(topic, signal).then((ends) => {
          for (const { partition, earliest, lastStable } of ends) {
            const offset = Math.max(earliest, lastStable - last);
            fetcher.subscribe({ topic, partition, offset }, { deliver, fail: reject });
          }
        }, reject);
      });
      return records;
    } finally {
      await fetcher.stop();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) running.kill('SIGKILL');
    await Promise.all(Array.from(this.#running, (running) => running.ended));
    await this.#fetcher.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A log line of the program. */
export type LogLine = Readonly<Record<string, unknown>>;

/** `run` in a process of its own. */
export class Running {
  readonly lines: LogLine[] = [];
  /** What was printed on stderr that is no log line. */
  readonly plain: string[] = [];
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stderr === null) throw new Error('the child has no stderr');
    createInterface(child.stderr).on('line', (line) => {
      try {
        this.lines.push(JSON.parse(line) as LogLine);
      } catch {
        this.plain.push(line);
      }
      for (const watch of [...this.#watchers]) watch();
    });
    this.ended = new Promise((resolve) => child.once('close', (code) => resolve(code ?? -1)));
    void this.ended.then(() => {
      for (const watch of [...this.#watchers]) watch();
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stops the program as a platform does; resolves with its exit code. */
  async stop(): Promise<number> {
    this.kill('SIGTERM');
    return this.ended;
  }

  /** Resolves when a log line fits; rejects when the program ends first. */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const line = this.lines.find(fits);
      if (line !== undefined) return line;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`the program ended first: ${this.plain.join(' ')} ${JSON.stringify(this.lines.slice(-5))}`);
      }
      await new Promise<void>((resolve) => {
        const watch = (): void => {
          this.#watchers.delete(watch);
          resolve();
        };
        this.#watchers.add(watch);
      });
    }
  }

  /** Resolves when `tasks` tasks of a stage are running. */
  async tasksRunning(stage: string, tasks: number): Promise<void> {
    const running = (): number =>
      this.lines.filter((line) => line['event'] === 'task_running' && line['stage'] === stage).length;
    await this.logged(() => running() >= tasks);
  }
}

function message({ key, value, partition, headers }: OutgoingRecord) {
  return { key, value, partition, headers: { ...headers } };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}
