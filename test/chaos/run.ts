/**
 * The long form of the chaos suite, on a Kafka of its own (Java and Maven are needed):
 *
 *   npm run chaos -- --kills 100 --changes 200000 --partitions 4 --processes 3 --brokers 3 --seed 1
 *
 * The other disturbances come in proportion to the kills; `--freeze 0` and so on say otherwise. `--logs FILE` keeps what all
 * processes logged. KAFKA_VERSION chooses the brokers' version. Prints a table; exit 1 when anything is missing, doubled, out of order or wrong.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { findJava } from '../../src/dev/java.ts';
import { LocalCluster } from '../../src/dev/local-cluster.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { Installation } from '../support/installation.ts';
import { type ChaosResult, chaos } from './chaos.ts';
import { type Counts, usualCounts } from './schedule.ts';
import { World } from './world.ts';

const TIMEOUT_MS = 6_000;
const KAFKA_JAVA = 17;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    changes: { type: 'string', default: '200000' },
    partitions: { type: 'string', default: '4' },
    processes: { type: 'string', default: '3' },
    brokers: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    freeze: { type: 'string' },
    restart: { type: 'string' },
    churn: { type: 'string' },
    broker: { type: 'string' },
    leaders: { type: 'string' },
    compact: { type: 'string' },
    logs: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const seed = Number(values.seed);
const nodes = values.brokers === '3' ? 3 : 1;
const usual = usualCounts(Number(values.kills), nodes);
const counts: Counts = {
  kill: usual.kill,
  freeze: Number(values.freeze ?? usual.freeze),
  restart: Number(values.restart ?? usual.restart),
  churn: Number(values.churn ?? usual.churn),
  broker: Number(values.broker ?? usual.broker),
  leaders: Number(values.leaders ?? usual.leaders),
  compact: Number(values.compact ?? usual.compact),
};

const startedAt = clock.now();
const { result, version, holes } = await run();
if (values.logs !== undefined)
  writeFileSync(values.logs, result.log.map((line) => `${JSON.stringify(line)}\n`).join(''));
const lines = table(result, holes);
process.stdout.write(
  `Kafka ${version}, ${nodes} broker(s), seed ${seed}, ${Math.round((clock.now() - startedAt) / 1000)} s\n`,
);
for (const [what, count] of lines) process.stdout.write(`${what.padEnd(58)} ${count}\n`);
for (const text of [...result.verdict.examples, ...new Set(result.ends)]) say(text);
const { missing, wrong, duplicates, backwards, repeated } = result.verdict;
const bugs = result.ends.filter((text) => text.includes('bug:')).length;
process.exitCode = missing + wrong + duplicates + backwards + repeated + bugs === 0 ? 0 : 1;

async function run(): Promise<{ result: ChaosResult; version: string; holes: number[] }> {
  const java = await findJava(KAFKA_JAVA, process.env);
  if (java === null) throw new Error(`Java ${KAFKA_JAVA} or newer is needed`);
  const deps = { java, clock, log: silentLog, env: process.env, signal: new AbortController().signal };
  await using cluster = await LocalCluster.start(deps, nodes);
  await using installation = new Installation({
    brokers: cluster.brokers,
    registryUrl: null,
    partitions: Number(values.partitions),
    replicationFactor: nodes,
    env: {
      LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: String(TIMEOUT_MS),
      LEAD_WEBHOOKS_TRANSACTION_TIMEOUT_MS: String(TIMEOUT_MS),
    },
  });
  await installation.install();
  const world = new World({ installation, cluster, clock, random: seededRandom(seed) });
  await world.prepare();
  const result = await chaos(
    { installation, world, clock, say: values.verbose ? say : () => undefined },
    {
      seed,
      changes: Number(values.changes),
      counts,
      processes: Number(values.processes),
      scale: { leads: 3_000, clusters: 1_300, appointments: 2_500, testDrives: 1_500 },
      fencedAfterMs: TIMEOUT_MS + 2_000,
      settleMs: 300_000,
      frameBytes: 0,
    },
  );
  const holes = [];
  for (const name of ['rekey-state', 'cluster-changes', 'join-state'] as const) holes.push(await world.holes(name));
  return { result, version: cluster.version, holes };
}

function table({ verdict, changes, events, ends }: ChaosResult, holes: readonly number[]): [string, number][] {
  const did = (kind: keyof Counts): number => counts[kind];
  return [
    ['changes', changes],
    ['processes killed with -9', did('kill')],
    ['processes frozen until fenced, then thawed', did('freeze')],
    ['processes stopped and started', did('restart')],
    ['rounds in which processes joined, left and were killed', did('churn')],
    ['brokers killed with -9 and started again', did('broker')],
    ['times that all leaders were moved', did('leaders')],
    ['times that cluster-changes was compacted', did('compact')],
    ['offsets that compaction took from rekey-state', holes[0] ?? 0],
    ['offsets that compaction took from cluster-changes', holes[1] ?? 0],
    ['offsets that compaction took from join-state', holes[2] ?? 0],
    ['tasks loaded', events.task_running],
    ['tasks fenced by their successor', events.task_fenced],
    ['tasks begun again after a failure', events.task_restart],
    ['times that a process lost its group', events.group_lost],
    ['predecessors put out of the group', events.predecessor_evicted],
    ['processes that ended by themselves and were started again', ends.length],
    ['records on the outbound topic', verdict.records],
    ['living leads that were never announced, per version', verdict.missing],
    ['last bodies that are not what the database says', verdict.wrong],
    ['revisions that came twice', verdict.duplicates],
    ['revisions that did not grow while a lead stayed', verdict.backwards],
    ['bodies that repeat the one before', verdict.repeated],
  ];
}
