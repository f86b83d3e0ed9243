/**
 * Scenario `hung` of bench/delivery.ts: what an endpoint that never answers, or answers a byte a second, costs nine others. Rounds of calm,
 * hung and drip take turns, each with a process and topics of its own, so that the machine's own unrest shows in the figures of one kind.
 */
import { systemClock as clock, pause } from '../src/lib/clock.ts';
import {
  type Bench,
  CALM,
  endpoint,
  installed,
  PARTITIONS,
  percentile,
  random,
  say,
  Writer,
} from './delivery-world.ts';

const ENDPOINTS = 10;
const KINDS = ['calm', 'hung', 'drip'] as const;
type Kind = (typeof KINDS)[number];

interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}

/** All ten want each record: they are of one dealership. */
export function hung(bench: Bench): Promise<void> {
  return rounds(bench, { together: true });
}

/** Each has its own dealership, and so its own records. */
export function hungApart(bench: Bench): Promise<void> {
  return rounds(bench, { together: false });
}

async function rounds(bench: Bench, { together }: { together: boolean }): Promise<void> {
  const perSecond = bench.given(0, 200);
  const count = bench.given(1, 3);
  const seconds = bench.given(2, 20);
  const found: Record<Kind, Figures[]> = { calm: [], hung: [], drip: [] };
  for (let place = 0; place < count; place++) {
    for (const kind of KINDS) {
      const figures = await round(bench, kind, { together, perSecond, seconds });
      found[kind].push(figures);
      say(
        `  round ${place + 1}, ${kind}: p50 ${figures.p50} ms, p99 ${figures.p99} ms of ${figures.count} deliveries to the nine others`,
      );
    }
  }
  const median = (kind: Kind, of: 'p50' | 'p99'): number =>
    percentile(
      found[kind].map((figures) => figures[of]),
      0.5,
    );
  const where = together ? 'ten endpoints of one dealership' : 'ten endpoints of ten dealerships';
  const all = KINDS.map((kind) => `${kind} ${median(kind, 'p50')} and ${median(kind, 'p99')} ms`);
  say(
    `${where}, ${perSecond} deliveries/s, medians of the p50 and p99 of ${count} rounds for the nine others: ${all.join('; ')}`,
  );
}

async function round(
  bench: Bench,
  kind: Kind,
  { together, perSecond, seconds }: { together: boolean; perSecond: number; seconds: number },
): Promise<Figures> {
  const ids = Array.from({ length: ENDPOINTS }, (_, at) => `crm-${at}`);
  const limits = ', limits: { concurrency: 16, timeoutMs: 5000 }';
  const endpoints = ids.map((id, at) => endpoint(bench.url, id, limits, together ? 1 : at + 1));
  await using installation = await installed(bench, endpoints);
  const paths = ['/crm-0'];
  await bench.receiver.behave({ ...CALM, hung: kind === 'hung' ? paths : [], drip: kind === 'drip' ? paths : [] });
  const running = installation.start('deliver');
  await running.tasksRunning('deliver', PARTITIONS);
  await using writer = await Writer.to(installation, bench);
  const recordsPerSecond = together ? perSecond / ENDPOINTS : perSecond;
  const atOnce = together ? 1 : ENDPOINTS;
  const startedAt = clock.monotonic();
  for (let sent = 0; clock.monotonic() < startedAt + seconds * 1000; sent += atOnce) {
    await pause(clock, Math.max(0, startedAt + (sent * 1000) / recordsPerSecond - clock.monotonic()));
    const leads = Array.from({ length: atOnce }, (_, at) => ENDPOINTS * Math.floor(random() * 100_000) + at);
    await writer.write(leads, (lead) => (together ? 1 : 1 + (lead % ENDPOINTS)));
  }
  await pause(clock, 3_000);
  const { latencies } = await bench.receiver.report();
  const others = ids.slice(1).flatMap((id) => latencies[`/${id}`] ?? []);
  running.kill('SIGKILL');
  await running.ended;
  return { p50: percentile(others, 0.5), p99: percentile(others, 0.99), count: others.length };
}
