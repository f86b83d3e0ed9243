/**
 * Load of the join's state from real topics, against what the Kafka client needs to read the same topics and do nothing: N
 * clusters of the documented sample's size (1.3 leads, 0.8 appointments, 0.3 test drives each) and their emission records, in 4
 * partitions, written in transactions of 2,000 records. Rounds of both in turn, each in a process of its own, as a load comes
 * after a start; prints medians, their ratio, and the longest time for which the event loop did not turn during a load.
 *
 *   node bench/load.ts [clusters = 100000] [rounds = 5]
 *
 * It brings its own broker (Java and Maven are needed). `node --cpu-prof bench/load.ts one load BROKER` profiles one load of it
 * while it runs.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { argv, execPath, stdout } from 'node:process';
import { rowKey } from '../src/core/keys.ts';
import { partitionOf } from '../src/core/partition.ts';
import type { Row } from '../src/core/rows.ts';
import type { Table } from '../src/core/source-event.ts';
import { storedRow } from '../src/core/stored-row.ts';
import { findJava } from '../src/dev/java.ts';
import { LocalCluster } from '../src/dev/local-cluster.ts';
import { createTopics } from '../src/dev/topics.ts';
import { createKafka } from '../src/kafka/client.ts';
import { Fetcher } from '../src/kafka/fetcher.ts';
import { encodeEmission, encodeJoinPosition, encodeRow } from '../src/kafka/internal-codec.ts';
import { JoinTask } from '../src/kafka/join-task.ts';
import type { PartitionLog } from '../src/kafka/partition-log.ts';
import type { OutgoingRecord } from '../src/kafka/record.ts';
import { TransactionalProducer } from '../src/kafka/transactions.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { silentLog as log } from '../src/lib/log.ts';
import { silentMeter as meter } from '../src/lib/meter.ts';
import { appointmentRow, leadRow, testDriveRow } from '../test/support/rows.ts';

const PARTITIONS = 4;
const ROWS = 'bench.cluster-changes';
const STATE = 'bench.join-state';
const BATCH = 2_000;
const HOUR_MS = 3_600_000;

interface Outcome {
  readonly records: number;
  readonly ms: number;
  /** Processor time of the process; steadier than `ms` on a busy machine. */
  readonly cpuMs: number;
  readonly pauseMs: number;
  readonly rss: number;
}

if (argv[2] === 'one') stdout.write(JSON.stringify(argv[3] === 'load' ? await load(argv[4]) : await drain(argv[4])));
else await compare(Number(argv[2] ?? 100_000), Number(argv[3] ?? 5));

async function compare(clusters: number, rounds: number): Promise<void> {
  const java = await findJava(17, process.env);
  if (java === null) throw new Error('Java 17 or newer is needed');
  const deps = { java, clock, log, env: process.env, signal: new AbortController().signal };
  await using cluster = await LocalCluster.start(deps, 1);
  const [broker = ''] = cluster.brokers;
  const records = await fill(broker, clusters);
  stdout.write(`${clusters} clusters, ${records} records, broker at ${broker}\n`);
  const outcomes: Record<'load' | 'drain', Outcome[]> = { load: [], drain: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const part of ['drain', 'load'] as const) {
      const text = execFileSync(execPath, [import.meta.filename, 'one', part, broker], { encoding: 'utf8' });
      const outcome = JSON.parse(text) as Outcome;
      outcomes[part].push(outcome);
      stdout.write(
        `${part} ${round}: ${perSecond(outcome)} records/s, ${microseconds(outcome)} µs of CPU a record, longest pause ${outcome.pauseMs} ms, ${outcome.rss} MiB\n`,
      );
    }
  }
  const [loads, drains] = [median(outcomes.load.map(perSecond)), median(outcomes.drain.map(perSecond))];
  stdout.write(
    `medians: load ${loads} records/s, bare drain ${drains} records/s, ratio ${(loads / drains).toFixed(2)}\n`,
  );
  const [loadCpu, drainCpu] = [median(outcomes.load.map(microseconds)), median(outcomes.drain.map(microseconds))];
  stdout.write(
    `CPU a record: load ${loadCpu} µs, bare drain ${drainCpu} µs, ratio ${(drainCpu / loadCpu).toFixed(2)}\n`,
  );
  stdout.write(
    `longest pause of the event loop in a load: ${median(outcomes.load.map(({ pauseMs }) => pauseMs))} ms (median)\n`,
  );
}

/** Writes rows and emission records as rekey and the join do; returns how many. */
async function fill(broker: string, clusters: number): Promise<number> {
  const kafka = createKafka({ brokers: [broker], clientId: 'bench-fill' }, log);
  const settings = { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(HOUR_MS) };
  await createTopics({ kafka, clock }, [ROWS, STATE], { partitions: PARTITIONS, settings });
  const options = { transactionalId: 'bench', transactionTimeoutMs: 60_000 };
  const producer = new TransactionalProducer({ kafka, log, clock }, options);
  await producer.fence(new AbortController().signal);
  let waiting: OutgoingRecord[] = [];
  let written = 0;
  const flush = async (): Promise<void> => {
    await producer.send(waiting);
    await producer.commit();
    written += waiting.length;
    waiting = [];
  };
  for (let cluster = 1; cluster <= clusters; cluster++) {
    waiting.push(...recordsOf(cluster));
    if (waiting.length >= BATCH) await flush();
  }
  const position = { next: Number.MAX_SAFE_INTEGER, time: clock.now(), lastTimestamp: clock.now() };
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const [ends] = await endsOf(kafka, partition);
    const value = encodeJoinPosition({ ...position, next: ends?.lastStable ?? 0 });
    waiting.push({ topic: STATE, partition, key: 'position', value });
  }
  await flush();
  await producer.close();
  return written;
}

async function endsOf(kafka: ReturnType<typeof createKafka>, partition: number) {
  const fetcher = new Fetcher({ kafka, log, clock });
  const ends = await fetcher.offsets(ROWS, new AbortController().signal, [partition]);
  await fetcher.stop();
  return ends;
}

function* recordsOf(cluster: number): Generator<OutgoingRecord> {
  const key = `cluster:${cluster}`;
  const partition = partitionOf(key, PARTITIONS);
  const meta = { moves: 0, live: true, birth: 1_758_000_000_000, changedAt: 1_758_000_000_000, unknown: [] };
  const row = (table: Table, of: Row): OutgoingRecord => {
    const value = encodeRow(storedRow(table, meta, of));
    return { topic: ROWS, partition, key: rowKey(key, table, of.id), value };
  };
  const lead_cluster_id = String(cluster);
  const hash = '0011223344556677';
  const emission = encodeEmission({ moves: 0, n: 1, hashes: { v1: hash, v2: hash, v3: hash } });
  for (let n = 0; n < (cluster % 10 < 3 ? 2 : 1); n++) {
    const id = String(cluster * 2 + n);
    yield row('lead', leadRow({ id, lead_cluster_id }));
    yield { topic: STATE, partition, key: `${key}|${id}`, value: emission };
  }
  if (cluster % 10 < 8) yield row('appointment', appointmentRow({ id: lead_cluster_id, lead_cluster_id }));
  if (cluster % 10 < 3) yield row('test_drive', testDriveRow({ id: lead_cluster_id, lead_cluster_id }));
}

/** What a process of the join does after its start: the tasks of all partitions load at once. */
async function load(broker = ''): Promise<Outcome> {
  const kafka = createKafka({ brokers: [broker], clientId: 'bench-load' }, log);
  const fetcher = new Fetcher({ kafka, log, clock });
  let records = 0;
  const counting = {
    ends: (topic: string, partition: number) => fetcher.ends(topic, partition),
    read: (...[at, onRecords]: Parameters<PartitionLog['read']>) =>
      fetcher.read(at, (part) => {
        records += part.length;
        onRecords(part);
      }),
  };
  const at = watchPauses();
  const tasks = Array.from({ length: PARTITIONS }, (_, partition) => joinTask(counting, partition));
  await Promise.all(tasks.map((task) => task.load(new AbortController().signal)));
  const outcome = at.stop(records);
  if (tasks.some((task) => task === null)) throw new Error('the state is kept until here');
  await fetcher.stop();
  return outcome;
}

function joinTask(logOf: PartitionLog, partition: number): JoinTask {
  return new JoinTask(
    { log: logOf, clock, logger: log, meter },
    {
      partition,
      clusterChangesTopic: ROWS,
      stateTopic: STATE,
      outbound: { topic: 'bench.outbound', partitions: PARTITIONS },
      deadLetters: { topic: 'bench.dead-letters', partitions: PARTITIONS },
      rules: { versions: ['v1', 'v2', 'v3'], purposes: { enums: new Set() } },
      framing: new Map(),
      clusterRowsMax: 1_000,
      bodyBytesMax: 900_000,
      announceClustersMax: 2_000,
      compactionLagMs: HOUR_MS,
      deleteRetentionMs: 24 * HOUR_MS,
    },
  );
}

/** The client's own consumer, with settings that suit it, doing nothing with what it reads. */
async function drain(broker = ''): Promise<Outcome> {
  const kafka = createKafka({ brokers: [broker], clientId: 'bench-drain' }, log);
  const fetcher = new Fetcher({ kafka, log, clock });
  const ends = new Map<string, number>();
  for (const topic of [ROWS, STATE]) {
    for (const { partition, lastStable } of await fetcher.offsets(topic, new AbortController().signal))
      ends.set(`${topic}/${partition}`, lastStable);
  }
  await fetcher.stop();
  const tuned = { maxBytes: 50 << 20, maxBytesPerPartition: 4 << 20, maxWaitTimeInMs: 200, minBytes: 1 };
  const consumer = kafka.consumer({ groupId: `bench-${randomUUID()}`, ...tuned });
  await consumer.connect();
  await consumer.subscribe({ topics: [ROWS, STATE], fromBeginning: true });
  let records = 0;
  let at: ReturnType<typeof watchPauses> | null = null;
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      at = watchPauses();
    });
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      const key = `${payload.topic}/${payload.partition}`;
      if (Number(payload.lastOffset) + 2 >= (ends.get(key) ?? 0)) ends.delete(key); // the last one may be a marker
      if (ends.size === 0 && at !== null) resolve(at.stop(records));
    });
    const eachBatch = async ({ batch }: { batch: { messages: unknown[] } }): Promise<void> => {
      records += batch.messages.length;
    };
    consumer.run({ autoCommit: false, partitionsConsumedConcurrently: 4, eachBatch }).catch(reject);
  });
  await consumer.disconnect();
  return outcome;
}

/** Measures from now on; also the longest time between two turns of the event loop. */
function watchPauses(): { stop(records: number): Outcome } {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  let turnAt = startedAt;
  let longest = 0;
  let running = true;
  const turn = (): void => {
    longest = Math.max(longest, performance.now() - turnAt);
    turnAt = performance.now();
    if (running) setTimeout(turn, 0);
  };
  turn();
  return {
    stop(records) {
      running = false;
      const ms = performance.now() - startedAt;
      const { user, system } = process.cpuUsage(cpuBefore);
      const rss = Math.round(process.memoryUsage().rss / 1024 / 1024);
      return { records, ms, cpuMs: (user + system) / 1000, pauseMs: Math.round(longest), rss };
    },
  };
}

function perSecond({ records, ms }: Outcome): number {
  return Math.round((records * 1000) / ms);
}

function microseconds({ records, cpuMs }: Outcome): number {
  return Number(((cpuMs * 1000) / records).toFixed(2));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
