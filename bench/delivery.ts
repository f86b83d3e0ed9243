/**
 * Deliveries by the real program against a receiver in a process of its own, which keeps a ledger: what came twice, what came
 * old after new, what of one lead came at the same time. Records go straight to the outbound topic.
 *
 *   node bench/delivery.ts order  [records = 40000]    Zipf over 20,000 leads, 1 in 50 answers 500, 20 ms; concurrency 16, 64, 256
 *   node bench/delivery.ts hung   [per second = 200]   10 endpoints, each with its dealership, for 30 s, then the same with one that never answers
 *   node bench/delivery.ts outage [seconds = 60]       everybody gets 503 while each of 500 leads gets 20 versions
 *   node bench/delivery.ts kill   [records = 50000]    2 processes, kill -9 at random times
 *   node bench/delivery.ts dead   [leads = 200000]     one endpoint refuses connections, one works; then the dead one recovers
 *
 * It brings its own broker (Java and Maven are needed).
 */
import { readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';
import { partitionOf } from '../src/core/partition.ts';
import { findJava } from '../src/dev/java.ts';
import { LocalCluster } from '../src/dev/local-cluster.ts';
import { createKafka } from '../src/kafka/client.ts';
import type { OutgoingRecord } from '../src/kafka/record.ts';
import { TransactionalProducer } from '../src/kafka/transactions.ts';
import { systemClock as clock, pause } from '../src/lib/clock.ts';
import { silentLog as log } from '../src/lib/log.ts';
import { seededRandom } from '../src/lib/random.ts';
import { Installation, type Running } from '../test/support/installation.ts';
import { type Behaviour, ForkedReceiver, type Report } from './delivery-receiver.ts';

const PARTITIONS = 12;
const FILLING = 'x'.repeat(2_600);
const CALM: Behaviour = { latencyMs: 20, failOneIn: 0, hung: [], outage: false };
const random = seededRandom(20_260_401);

interface Bench {
  readonly brokers: readonly string[];
  readonly receiver: ForkedReceiver;
  readonly url: string;
  /** The last argument, or the scenario's default. */
  readonly size: (otherwise: number) => number;
}

const endpoint = (url: string, id: string, more = '', dealership = 3): string =>
  `{ id: ${id}, dealership: ${dealership}, url: "${url}/${id}", version: v3, allow: { http: true, addresses: ["127.0.0.1/32"] }${more} }`;

async function installed(bench: Bench, endpoints: readonly string[], env: Record<string, string> = {}) {
  const installation = new Installation({
    brokers: bench.brokers,
    registryUrl: null,
    partitions: PARTITIONS,
    endpoints: `endpoints: [${endpoints.join(', ')}]\n`,
    env: { LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: '10000', ...env },
  });
  await installation.install();
  await bench.receiver.reset();
  await bench.receiver.behave(CALM);
  return installation;
}

/** Writes outbound records exactly once, as the join does, and remembers the newest revision of each lead. */
class Writer implements AsyncDisposable {
  readonly newest = new Map<number, number>();
  readonly #topic: string;
  readonly #producer: TransactionalProducer;

  constructor(installation: Installation, producer: TransactionalProducer) {
    this.#topic = installation.topic('outbound');
    this.#producer = producer;
  }

  static async to(installation: Installation, { brokers }: Bench): Promise<Writer> {
    const kafka = createKafka({ brokers, clientId: 'bench' }, log);
    const options = { transactionalId: `${installation.appId}.writer`, transactionTimeoutMs: 30_000 };
    const producer = new TransactionalProducer({ kafka, log, clock }, options);
    await producer.fence(new AbortController().signal);
    return new Writer(installation, producer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.close();
  }

  /** Writes the next revision of each lead, for one dealership or for the one that a function names. */
  async write(leads: readonly number[], dealershipOf: (lead: number) => number = () => 3): Promise<void> {
    const records = leads.map((lead): OutgoingRecord => {
      const revision = (this.newest.get(lead) ?? 0) + 1;
      this.newest.set(lead, revision);
      const headers = {
        version: 'v3',
        revision: String(revision),
        cause: 'changed',
        'dealership-id': String(dealershipOf(lead)),
      };
      return {
        topic: this.#topic,
        partition: partitionOf(String(lead), PARTITIONS),
        key: String(lead),
        value: `{"id":${lead},"at":${clock.now()},"filling":"${FILLING}"}`,
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)])),
      };
    });
    await this.#producer.send(records);
    await this.#producer.commit();
  }

  /** Pairs of `path` whose newest revision was not accepted. */
  missing(path: string, { highest }: Report): number {
    const accepted = new Map(highest);
    return [...this.newest].filter(([lead, revision]) => accepted.get(`${path} ${lead}`) !== revision).length;
  }
}

async function until(holds: () => Promise<boolean>, everyMs = 500): Promise<void> {
  while (!(await holds())) await pause(clock, everyMs);
}

function percentile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
}

function say(line: string): void {
  stdout.write(`${line}\n`);
}

function ledger({ olderAfterNewer, overlapping, duplicates }: Report, before?: Report): string {
  const since = (now: number, then = 0): number => now - then;
  return `older after newer ${since(olderAfterNewer, before?.olderAfterNewer)}, overlapping ${since(overlapping, before?.overlapping)}, duplicates ${since(duplicates, before?.duplicates)}`;
}

/** Memory of a process in MB. */
function residentMb({ pid }: Running): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}

async function order(bench: Bench): Promise<void> {
  const count = bench.size(40_000);
  for (const concurrency of [16, 64, 256]) {
    const retry = ', retry: { baseMs: 200, capMs: 1000 }';
    const one = endpoint(bench.url, `order-${concurrency}`, `, limits: { concurrency: ${concurrency} }${retry}`);
    await using installation = await installed(bench, [one]);
    await bench.receiver.behave({ ...CALM, failOneIn: 50 });
    const before = await bench.receiver.report();
    await using writer = await Writer.to(installation, bench);
    const zipf = (): number => Math.floor(20_000 ** random());
    await writer.write(Array.from({ length: count }, zipf));
    const startedAt = clock.now();
    const running = installation.start('deliver');
    await until(async () => writer.missing(`/order-${concurrency}`, await bench.receiver.report()) === 0);
    const seconds = (clock.now() - startedAt) / 1000;
    const report = await bench.receiver.report();
    say(
      `order, concurrency ${concurrency}: ${count} records of ${writer.newest.size} leads, ${report.requests} requests in ${seconds.toFixed(1)} s from the start of the process; missing 0, ${ledger(report, before)}`,
    );
    await running.stop();
  }
}

async function hung(bench: Bench): Promise<void> {
  const perSecond = bench.size(200);
  const ids = Array.from({ length: 10 }, (_, at) => `crm-${at}`);
  for (const paths of [[], ['/crm-0']]) {
    await using installation = await installed(
      bench,
      ids.map((id, at) => endpoint(bench.url, id, ', limits: { timeoutMs: 5000 }', at + 1)),
    );
    await bench.receiver.behave({ ...CALM, hung: paths });
    const running = installation.start('deliver');
    await running.tasksRunning('deliver', PARTITIONS);
    await using writer = await Writer.to(installation, bench);
    const startedAt = clock.now();
    for (let sent = 0; clock.now() < startedAt + 30_000; sent += 10) {
      await pause(clock, Math.max(0, startedAt + (sent * 1000) / perSecond - clock.now()));
      const leads = Array.from({ length: 10 }, (_, at) => 10 * Math.floor(random() * 100_000) + at);
      await writer.write(leads, (lead) => 1 + (lead % 10));
    }
    await pause(clock, 3_000);
    const { latencies } = await bench.receiver.report();
    const others = ids.slice(1).flatMap((id) => latencies[`/${id}`] ?? []);
    say(
      `hung: ${paths.length} of 10 endpoints hung, ${perSecond} records/s: p50 and p99 of ${others.length} deliveries to the nine others ${percentile(others, 0.5)} and ${percentile(others, 0.99)} ms`,
    );
    running.kill('SIGKILL');
  }
}

async function outage(bench: Bench): Promise<void> {
  const seconds = bench.size(60);
  const leads = Array.from({ length: 500 }, (_, at) => at + 1);
  const retry = ', retry: { baseMs: 500, capMs: 5000 }, breaker: { failures: 10, baseMs: 500, capMs: 2000 }';
  await using installation = await installed(bench, [endpoint(bench.url, 'outage', retry)]);
  await bench.receiver.behave({ ...CALM, outage: true });
  const running = installation.start('deliver');
  await running.tasksRunning('deliver', PARTITIONS);
  await using writer = await Writer.to(installation, bench);
  for (let version = 0; version < 20; version += 1) {
    await writer.write(leads);
    await pause(clock, (seconds * 1000) / 20);
  }
  const during = await bench.receiver.report();
  await bench.receiver.behave(CALM);
  const backAt = clock.now();
  await until(async () => writer.missing('/outage', await bench.receiver.report()) === 0, 100);
  const report = await bench.receiver.report();
  say(
    `outage of ${seconds} s, 20 versions of 500 leads: ${during.requests} requests during it, ${report.accepted} accepted after it (500 pairs), all newest ${clock.now() - backAt} ms after its end`,
  );
  await running.stop();
}

async function kill(bench: Bench): Promise<void> {
  const count = bench.size(50_000);
  const window = 200;
  const env = { LEAD_WEBHOOKS_DELIVER_WINDOW_RECORDS: String(window) };
  const limits = ', limits: { concurrency: 64, timeoutMs: 2000 }, retry: { baseMs: 200, capMs: 1000 }';
  await using installation = await installed(bench, [endpoint(bench.url, 'kill', limits)], env);
  const before = await bench.receiver.report();
  await using writer = await Writer.to(installation, bench);
  const start = (place: number): Running =>
    installation.start('deliver', { LEAD_WEBHOOKS_INSTANCE_ID: `pod-${place}` });
  const fleet = [start(0), start(1)];
  const written = writeAll(writer, count);
  let kills = 0;
  let over = false;
  void written.then(() => {
    over = true;
  });
  while (!over) {
    await pause(clock, 4_000 + random() * 6_000);
    const place = kills % 2;
    fleet[place]?.kill('SIGKILL');
    await fleet[place]?.ended;
    fleet[place] = start(place);
    kills += 1;
  }
  await until(async () => writer.missing('/kill', await bench.receiver.report()) === 0);
  const report = await bench.receiver.report();
  const bound = kills * PARTITIONS * window;
  say(
    `kill -9, ${kills} times over ${count} records, 2 processes: missing 0, ${ledger(report, before)} (send windows: ${bound})`,
  );
  for (const running of fleet) await running.stop();
}

async function writeAll(writer: Writer, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 500) {
    await writer.write(Array.from({ length: 500 }, () => Math.floor(10_000 ** random())));
    await pause(clock, 400);
  }
}

async function dead(bench: Bench): Promise<void> {
  const count = bench.size(200_000);
  const retry = ', retry: { baseMs: 500, capMs: 5000 }, breaker: { failures: 10, baseMs: 500, capMs: 5000 }';
  const endpoints = [
    endpoint(bench.url, 'dead', `${retry}, limits: { concurrency: 64, timeoutMs: 2000 }`),
    endpoint(bench.url, 'alive', ', limits: { concurrency: 64 }'),
  ];
  const env = { LEAD_WEBHOOKS_DELIVER_PENDING_BYTES_MAX: String(2 ** 30) };
  await using installation = await installed(bench, endpoints, env);
  await bench.receiver.behave({ ...CALM, latencyMs: 1, hung: ['/dead'] });
  const running = installation.start('deliver');
  await running.tasksRunning('deliver', PARTITIONS);
  await using writer = await Writer.to(installation, bench);
  let most = 0;
  for (let lead = 1; lead <= count; lead += 1000) {
    await writer.write(Array.from({ length: 1000 }, (_, at) => lead + at));
    most = Math.max(most, residentMb(running));
  }
  await until(async () => writer.missing('/alive', await bench.receiver.report()) === 0);
  const pendingMb = residentMb(running);
  await bench.receiver.behave({ ...CALM, latencyMs: 1 });
  const backAt = clock.now();
  await until(async () => writer.missing('/dead', await bench.receiver.report()) === 0, 2_000);
  say(
    `dead: ${count} leads pending for one endpoint (${Math.round((count * 2_650) / 2 ** 20)} MB of payloads): process of ${Math.max(most, pendingMb)} MB; the other one got all; all delivered ${Math.round((clock.now() - backAt) / 1000)} s after it came back`,
  );
  await running.stop();
}

const SCENARIOS = { order, hung, outage, kill, dead };
const name = argv[2] ?? '';
if (!Object.hasOwn(SCENARIOS, name)) throw new Error(`which one? ${Object.keys(SCENARIOS).join(', ')}`);
const java = await findJava(17, process.env);
if (java === null) throw new Error('Java 17 or newer is needed');
await using cluster = await LocalCluster.start(
  { java, clock, log, env: process.env, signal: new AbortController().signal },
  1,
);
using receiver = new ForkedReceiver();
const url = await receiver.url();
const size = (otherwise: number): number => Number(argv[3] ?? otherwise);
await SCENARIOS[name as keyof typeof SCENARIOS]({ brokers: cluster.brokers, receiver, url, size });
