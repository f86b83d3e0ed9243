/** Scenarios of bench/delivery.ts about order and memory under load: `order` and `dead`. */
import { readFileSync } from 'node:fs';
import { systemClock as clock } from '../src/lib/clock.ts';
import type { Running } from '../test/support/installation.ts';
import {
  type Bench,
  CALM,
  endpoint,
  installed,
  ledger,
  PARTITIONS,
  random,
  say,
  until,
  Writer,
} from './delivery-world.ts';

/** Zipf over 20,000 leads, now and then a 500, at three concurrencies. */
export async function order(bench: Bench): Promise<void> {
  const count = bench.given(0, 40_000);
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

/** One endpoint never answers, one works; then the first recovers. */
export async function dead(bench: Bench): Promise<void> {
  const count = bench.given(0, 200_000);
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

/** Memory of a process in MB. */
function residentMb({ pid }: Running): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
