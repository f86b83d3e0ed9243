/**
 * The simulation from the command line:
 *   npm run sim -- --seeds 10000 [--from 0]   runs seeds, prints counters; exit 1 and the seeds that fail, each with its command
 *   npm run sim -- --seed 17 [--trace]        runs one seed and prints its verdict (and what happened)
 */
import { parseArgs } from 'node:util';
import { simulate, type Verdict } from './simulation.ts';

const FAILURES_SHOWN = 10;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

process.exitCode = values.seed === undefined ? await batch(Number(values.from), Number(values.seeds)) : await one();

async function one(): Promise<number> {
  const verdict = await simulate(Number(values.seed));
  if (values.trace) print(verdict.trace.lines.join('\n'));
  print(summary(verdict));
  return verdict.violations.length > 0 ? 1 : 0;
}

async function batch(from: number, seeds: number): Promise<number> {
  const startedAt = performance.now();
  const counts = new Map<string, number>();
  let failed = 0;
  let events = 0;
  let told = 0;
  let virtualMs = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const verdict = await simulate(seed);
    for (const [what, count] of verdict.trace.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    events += verdict.events;
    told += verdict.told;
    virtualMs += verdict.virtualMs;
    if (verdict.violations.length > 0 && ++failed <= FAILURES_SHOWN) print(summary(verdict));
  }
  for (const [what, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
    print(`${String(count).padStart(9)}  ${what}`);
  const seconds = (performance.now() - startedAt) / 1000;
  print(
    `${seeds} seeds, ${failed} failed, ${events} events, ${told} payloads, ${(virtualMs / 3_600_000).toFixed(1)} virtual hours, ` +
      `${seconds.toFixed(1)} s`,
  );
  return failed > 0 ? 1 : 0;
}

function summary(verdict: Verdict): string {
  const head = `seed ${verdict.seed}: ${verdict.events} events, ${verdict.told} payloads, trace ${verdict.hash}`;
  if (verdict.violations.length === 0) return `${head}, no violation`;
  const lines = verdict.violations
    .slice(0, 5)
    .map(({ promise, message }) => `  ${promise}: ${message.split('\n').slice(0, 8).join('\n    ')}`);
  return [
    `${head}, ${verdict.violations.length} violations`,
    ...lines,
    `  again: npm run sim -- --seed ${verdict.seed} --trace`,
  ].join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
