/**
 * Scenarios of bench/delivery.ts in which something goes wrong: the receivers (`outage`), the processes (`kill`), or a receiver asks for a
 * pause (`retry-after`).
 */
import { partitionOf } from '../src/core/partition.ts';
import { systemClock as clock, pause } from '../src/lib/clock.ts';
import type { Running } from '../test/support/installation.ts';
import { uncovered } from '../test/support/uncovered.ts';
import {
  arrival,
  type Bench,
  broken,
  CALM,
  endpoint,
  installed,
  ledger,
  PARTITIONS,
  random,
  say,
  since,
  until,
  Writer,
} from './delivery-world.ts';

/** Everybody gets 503 while each of 500 leads gets 20 versions. */
export async function outage(bench: Bench): Promise<void> {
  const seconds = bench.given(0, 60);
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

/** Two processes, killed in turn at random times; how many requests come twice, and how many might have. */
export async function kill(bench: Bench): Promise<void> {
  const count = bench.given(0, 50_000);
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
  let bound = 0;
  let over = false;
  void written.then(() => {
    over = true;
  });
  while (!over) {
    await pause(clock, 4_000 + random() * 6_000);
    const place = kills % 2;
    fleet[place]?.kill('SIGKILL');
    await fleet[place]?.ended;
    await pause(clock, 1_000); // what was on its way is answered
    const accepted = new Map((await bench.receiver.report()).highest);
    const killed = { endpoint: 'kill', version: 'v3', partitions: tasksOf(fleet[place]) };
    const isAccepted = (lead: string, revision: number): boolean => (accepted.get(`/kill ${lead}`) ?? 0) >= revision;
    bound += await uncovered(installation, killed, isAccepted);
    fleet[place] = start(place);
    kills += 1;
  }
  const missing = await arrival(bench, writer, '/kill');
  const report = await bench.receiver.report();
  const { olderAfterNewer, overlapping, duplicates } = since(report, before);
  say(
    `kill -9, ${kills} times over ${count} records, 2 processes: missing ${missing}, ${ledger(report, before)}; under another webhook-id ${report.renamed}; accepted and not covered by a committed position when a process died: ${bound} (send windows: ${kills * PARTITIONS * window})`,
  );
  broken({
    missing,
    'older after newer': olderAfterNewer,
    overlapping,
    'under another webhook-id': report.renamed,
    'duplicates beyond the bound': Math.max(0, duplicates - bound),
  });
  for (const running of fleet) await running.stop();
}

/** The tasks that a process had when it was last told. */
function tasksOf(running: Running | undefined): readonly number[] {
  const tasks = running?.lines.findLast(({ event }) => event === 'assigned')?.['tasks'];
  return Array.isArray(tasks) ? (tasks as number[]) : [];
}

async function writeAll(writer: Writer, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 500) {
    await writer.write(Array.from({ length: 500 }, () => Math.floor(10_000 ** random())));
    await pause(clock, 400);
  }
}

/**
 * Three processes; a receiver that asks for a pause of so many seconds, and counts what comes all the same. One process alone has traffic
 * when it is asked; the others get theirs when a second has passed, so that nothing but the word of the first one can hold them back.
 */
export async function retryAfter(bench: Bench): Promise<void> {
  const seconds = bench.given(0, 30);
  await using installation = await installed(bench, [
    endpoint(bench.url, 'asks', ', retry: { baseMs: 100, capMs: 200 }'),
  ]);
  const fleet = [installation.start('deliver'), installation.start('deliver'), installation.start('deliver')];
  const has = ({ event, tasks }: Readonly<Record<string, unknown>>): boolean =>
    event === 'assigned' && Array.isArray(tasks) && tasks.length === PARTITIONS / fleet.length;
  for (const running of fleet) await running.logged(has);
  await using writer = await Writer.to(installation, bench);
  const leads = Array.from({ length: 60 }, (_, at) => at + 1);
  const asked = tasksOf(fleet[0]);
  const ofAsked = leads.filter((lead) => asked.includes(partitionOf(String(lead), PARTITIONS)));
  const writeFor = async (ms: number): Promise<void> => {
    for (const end = clock.monotonic() + ms; clock.monotonic() < end; ) {
      await writer.write(leads);
      await pause(clock, 100);
    }
  };
  await writeFor(5_000);
  await until(async () => writer.missing('/asks', await bench.receiver.report()) === 0, 100);
  await bench.receiver.behave({ ...CALM, retryAfterSeconds: seconds });
  await writer.write(ofAsked);
  await until(async () => (await bench.receiver.report()).asked !== null, 50);
  await pause(clock, 1_500);
  await writeFor(seconds * 1000 + 5_000);
  const missing = await arrival(bench, writer, '/asks');
  const { asked: kept } = await bench.receiver.report();
  say(
    `retry-after of ${seconds} s, 3 processes, one of them asked: ${kept?.atOnce} requests in the first second after the first 429, ${kept?.later} from then to the end of the pause; the first after it came ${kept?.resumedMs} ms late; missing ${missing}`,
  );
  broken({ missing, 'within the pause': kept?.later ?? 1 });
  for (const running of fleet) await running.stop();
}
