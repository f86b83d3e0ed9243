/** Scenarios of bench/delivery.ts about order and memory under load: `order` and `dead`. */
import { readFileSync } from 'node:fs';
import { systemClock as clock, pause } from '../src/lib/clock.ts';
import type { Running } from '../test/support/installation.ts';
import type { Report } from './delivery-receiver.ts';
import {
  arrival,
  type Bench,
  broken,
  CALM,
  endpoint,
  installed,
  ledger,
  PARTITIONS,
  percentile,
  random,
  say,
  since,
  until,
  Writer,
  writeSteadily,
} from './delivery-world.ts';

const ORDER_LEADS = 20_000;
/** Requests a second for each place in flight (an answer takes 20 ms, and 1 in 50 is a 500), and in all; a little below what is possible. */
const PER_PLACE = 40;
const PER_SECOND_MAX = 1_200;
const PORTION_MS = 100;

/**
 * Each of 20,000 leads once and Zipf draws of them besides, in any order, written while the process runs and about as fast as it can send,
 * so that most are sent one by one and hot leads wait for one another; now and then a 500; at three concurrencies.
 */
export async function order(bench: Bench): Promise<void> {
  const count = Math.max(ORDER_LEADS, bench.given(0, 40_000));
  for (const concurrency of [16, 64, 256]) {
    const perSecond = bench.given(1, Math.min(concurrency * PER_PLACE, PER_SECOND_MAX));
    const path = `/order-${concurrency}`;
    const retry = ', retry: { baseMs: 200, capMs: 1000 }';
    const one = endpoint(bench.url, path.slice(1), `, limits: { concurrency: ${concurrency} }${retry}`);
    await using installation = await installed(bench, [one]);
    await bench.receiver.behave({ ...CALM, failOneIn: 50 });
    const before = await bench.receiver.report();
    const running = installation.start('deliver');
    await running.tasksRunning('deliver', PARTITIONS);
    await using writer = await Writer.to(installation, bench);
    const startedAt = clock.monotonic();
    await writePortions(writer, drawn(count), perSecond);
    const writtenS = (clock.monotonic() - startedAt) / 1000;
    const missing = await arrival(bench, writer, path);
    const seconds = (clock.monotonic() - startedAt) / 1000;
    const report = await bench.receiver.report();
    const { olderAfterNewer, overlapping, duplicates } = since(report, before);
    say(
      `order, concurrency ${concurrency}: ${count} records of ${writer.newest.size} leads written in ${writtenS.toFixed(1)} s, ${report.requests} requests in ${seconds.toFixed(1)} s, ${report.accepted} accepted; missing ${missing}, ${ledger(report, before)}`,
    );
    broken({ missing, 'older after newer': olderAfterNewer, overlapping, duplicates });
    await running.stop();
  }
}

/** Leads in the order of their records: each once, and for the rest of `count` Zipf draws, shuffled. */
function drawn(count: number): number[] {
  const leads = Array.from({ length: count }, (_, at) => {
    return at < ORDER_LEADS ? at + 1 : Math.floor(ORDER_LEADS ** random());
  });
  for (let at = leads.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [leads[at], leads[other]] = [leads[other] ?? 0, leads[at] ?? 0];
  }
  return leads;
}

/** Writes so many records a second, a portion in one transaction. */
async function writePortions(writer: Writer, leads: readonly number[], perSecond: number): Promise<void> {
  const size = Math.max(1, Math.round((perSecond * PORTION_MS) / 1000));
  const startedAt = clock.monotonic();
  for (let sent = 0; sent < leads.length; sent += size) {
    await pause(clock, Math.max(0, startedAt + (sent * 1000) / perSecond - clock.monotonic()));
    await writer.write(leads.slice(sent, sent + size));
  }
}

const BESIDE = { perSecond: 100, seconds: 20, dealership: 4 };
const BESIDE_LEADS = 10_000_000;

/**
 * Very many leads are pending for an endpoint that never answers, within the limits of pending bytes as they are by default; then
 * it recovers. Before, meanwhile and after another endpoint gets its deliveries.
 */
export async function dead(bench: Bench): Promise<void> {
  const count = bench.given(0, 200_000);
  const retry = ', retry: { baseMs: 500, capMs: 5000 }, breaker: { failures: 10, baseMs: 500, capMs: 5000 }';
  const endpoints = [
    endpoint(bench.url, 'dead', `${retry}, limits: { concurrency: 64, timeoutMs: 2000 }`),
    endpoint(bench.url, 'alive', ', limits: { concurrency: 64 }', BESIDE.dealership),
  ];
  await using installation = await installed(bench, endpoints, { LEAD_WEBHOOKS_ADMIN_PORT: '0' });
  await bench.receiver.behave({ ...CALM, latencyMs: 1, hung: ['/dead'] });
  const running = installation.start('deliver');
  await running.tasksRunning('deliver', PARTITIONS);
  await using writer = await Writer.to(installation, bench);
  let besideLead = BESIDE_LEADS;
  const beside = async (when: string): Promise<void> => {
    const before = (await bench.receiver.report()).latencies['/alive']?.length ?? 0;
    await writeSteadily(writer, BESIDE, () => besideLead++);
    await until(
      async () => ((await bench.receiver.report()).latencies['/alive']?.length ?? 0) === besideLead - BESIDE_LEADS,
    );
    const found = ((await bench.receiver.report()).latencies['/alive'] ?? []).slice(before);
    say(`  the other endpoint ${when}: p50 ${percentile(found, 0.5)} ms, p99 ${percentile(found, 0.99)} ms`);
  };
  await beside('before');
  const idleMb = residentMb(running);
  for (let lead = 1; lead <= count; lead += 1000) {
    await writer.write(Array.from({ length: 1000 }, (_, at) => lead + at));
  }
  await until(async () => (await gauge(running, 'pending')) === count, 1_000);
  const bytes = await gauge(running, 'pending_bytes');
  await beside(`while ${count} are pending`);
  const pendingMb = residentMb(running);
  await bench.receiver.behave({ ...CALM, latencyMs: 1 });
  const backAt = clock.now();
  await Promise.all([
    beside('while they are sent'),
    until(async () => deadLeft(writer, await bench.receiver.report()) === 0),
  ]);
  const seconds = Math.round((clock.now() - backAt) / 1000);
  say(
    `dead: ${count} leads pending, ${toMb(count * 2_550)} MB of payloads: ${toMb(bytes)} MB counted, process of ${pendingMb} MB, ${idleMb} before; all delivered ${seconds} s after it came back, most ${peakMb(running)} MB`,
  );
  await running.stop();
}

function deadLeft(writer: Writer, { highest }: Report): number {
  const accepted = new Map(highest);
  return [...writer.newest.keys()].filter((lead) => lead < BESIDE_LEADS && !accepted.has(`/dead ${lead}`)).length;
}

/** A gauge of the endpoint that is dead. */
async function gauge(running: Running, name: string): Promise<number> {
  const listening = await running.logged((line) => line['event'] === 'admin_listening');
  const text = await (await fetch(`http://127.0.0.1:${listening['port']}/metrics`)).text();
  return Number(new RegExp(`^lead_webhooks_${name}{endpoint="dead"} (\\S+)$`, 'm').exec(text)?.[1]);
}

const toMb = (bytes: number): number => Math.round(bytes / 2 ** 20);

/** Memory of a process in MB: now, and the most so far. */
const residentMb = (running: Running): number => statusMb(running, 'VmRSS');
const peakMb = (running: Running): number => statusMb(running, 'VmHWM');

function statusMb({ pid }: Running, field: string): number {
  const kilobytes = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
