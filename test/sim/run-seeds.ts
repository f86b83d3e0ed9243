/**
 * The simulation from the command line:
 *   npm run sim -- --seeds 10000 [--from 0]   runs seeds, prints counters; exit 1 and the seeds that fail, each with its command
 *   npm run sim -- --seed 17 [--trace]        runs one seed and prints its verdict (and what happened)
 *   --world join | deliver                    only rekey and join, or only deliver; both when absent
 */
import { parseArgs } from 'node:util';
import { simulateDelivery } from './deliver-simulation.ts';
import { simulate, type Verdict } from './simulation.ts';

const FAILURES_SHOWN = 10;

type World = 'join' | 'deliver';
const WORLDS: Readonly<Record<World, { run: (seed: number) => Promise<Verdict>; told: string }>> = {
  join: { run: (seed) => simulate(seed), told: 'payloads' },
  deliver: { run: (seed) => simulateDelivery(seed), told: 'requests' },
};

const { values } = parseArgs({
  options: {
    world: { type: 'string' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

const worlds = (Object.keys(WORLDS) as World[]).filter((name) => (values.world ?? name) === name);
if (worlds.length === 0) throw new Error('--world is join or deliver');
let failed = 0;
for (const name of worlds) {
  failed += values.seed === undefined ? await batch(name, Number(values.from), Number(values.seeds)) : await one(name);
}
process.exitCode = failed > 0 ? 1 : 0;

/** Returns how many seeds failed. */
async function one(name: World): Promise<number> {
  const verdict = await WORLDS[name].run(Number(values.seed));
  if (values.trace) print(verdict.trace.lines.join('\n'));
  print(summary(name, verdict));
  return verdict.violations.length > 0 ? 1 : 0;
}

async function batch(name: World, from: number, seeds: number): Promise<number> {
  const startedAt = performance.now();
  const counts = new Map<string, number>();
  const sum = { failed: 0, events: 0, told: 0, virtualMs: 0 };
  for (let seed = from; seed < from + seeds; seed++) {
    const verdict = await WORLDS[name].run(seed);
    for (const [what, count] of verdict.trace.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    sum.events += verdict.events;
    sum.told += verdict.told;
    sum.virtualMs += verdict.virtualMs;
    if (verdict.violations.length > 0 && ++sum.failed <= FAILURES_SHOWN) print(summary(name, verdict));
  }
  for (const [what, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
    print(`${String(count).padStart(9)}  ${what}`);
  const seconds = (performance.now() - startedAt) / 1000;
  print(
    `${name}: ${seeds} seeds, ${sum.failed} failed, ${sum.events} events, ${sum.told} ${WORLDS[name].told}, ` +
      `${(sum.virtualMs / 3_600_000).toFixed(1)} virtual hours, ${seconds.toFixed(1)} s`,
  );
  return sum.failed;
}

function summary(name: World, verdict: Verdict): string {
  const { seed, events, told, hash, violations } = verdict;
  const head = `${name}: seed ${seed}: ${events} events, ${told} ${WORLDS[name].told}, trace ${hash}`;
  if (violations.length === 0) return `${head}, no violation`;
  const lines = violations
    .slice(0, 5)
    .map(({ promise, message }) => `  ${promise}: ${message.split('\n').slice(0, 8).join('\n    ')}`);
  return [
    `${head}, ${violations.length} violations`,
    ...lines,
    `  again: npm run sim -- --world ${name} --seed ${seed} --trace`,
  ].join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
