/**
 * A chaos run: several processes of the real program (rekey and join) work on a random history while they, and Kafka, are
 * disturbed in an order and at moments that a seed chooses; in the end the ledger judges what came out. Each disturbance lets some
 * more changes in, so that it falls into work under way.
 */
import { VERSIONS } from '../../src/core/payload/versions.ts';
import { type Clock, pause } from '../../src/lib/clock.ts';
import { type Random, seededRandom } from '../../src/lib/random.ts';
import type { Installation, LogLine } from '../support/installation.ts';
import { type HistoryScale, RandomHistory } from '../support/random-history.ts';
import { settled } from '../support/settled.ts';
import { Fleet } from './fleet.ts';
import { Ledger, type Verdict } from './ledger.ts';
import { type Counts, type Disturbance, scheduleOf } from './schedule.ts';
import type { World } from './world.ts';

export interface ChaosDeps {
  readonly installation: Installation;
  /** Null: somebody else's Kafka, which is left alone. */
  readonly world: World | null;
  readonly clock: Clock;
  /** Hears what happens. */
  readonly say: (text: string) => void;
}

export interface ChaosOptions {
  readonly seed: number;
  readonly changes: number;
  readonly counts: Counts;
  readonly processes: number;
  readonly scale: HistoryScale;
  /** Session and transactions of the processes are over after this long. */
  readonly fencedAfterMs: number;
  /** How long working everything off may take in the end. */
  readonly settleMs: number;
  /** Bytes before the body on the outbound topic. */
  readonly frameBytes: number;
}

export interface ChaosResult {
  readonly verdict: Verdict;
  readonly changes: number;
  /** Log lines of all processes, by event. */
  readonly events: Readonly<Record<(typeof COUNTED)[number], number>>;
  /** Last words of processes that ended though nobody had asked. */
  readonly ends: readonly string[];
  /** What all processes logged, and what was done to them, in the order of time. */
  readonly log: readonly LogLine[];
}

/** What shows that the disturbances did something: tasks that were loaded, fenced, begun again; members put out. */
export const COUNTED = ['task_running', 'task_fenced', 'task_restart', 'group_lost', 'predecessor_evicted'] as const;

const PORTIONS = 8;
const RUNNING_WITHIN_MS = 15_000;
const MOMENT_MS = 1_500;

/** Runs to the end and judges. Rejects when the program cannot work everything off in time. */
export async function chaos(deps: ChaosDeps, options: ChaosOptions): Promise<ChaosResult> {
  const { installation, say } = deps;
  const random = seededRandom(options.seed);
  const history = new RandomHistory(options.seed, options.scale);
  const fleet = new Fleet(installation, { stages: 'rekey,join', identities: 'half' });
  for (let place = 0; place < options.processes; place++) fleet.start(place);
  const schedule = scheduleOf(options.counts, random);
  const done: LogLine[] = [];
  let changes = 0;
  for (const [round, kind] of schedule.entries()) {
    const upTo = Math.round((options.changes * (round + 1)) / schedule.length);
    const count = upTo - changes;
    changes = upTo;
    const fed = feed(deps, { history, count, random: seededRandom(options.seed + round) });
    const note = (at: string): void =>
      void done.push({ time: new Date(deps.clock.now()).toISOString(), event: kind, at });
    note('begins');
    await disturb(kind, { deps, options, fleet, random });
    note('is over');
    await fed;
    say(`${round + 1} of ${schedule.length}: ${kind}; ${changes} changes, ${fleet.ends.length} ended by themselves`);
  }
  await settled(installation, options.settleMs);
  await fleet.stop();
  say('all is worked off; reading the outbound topic');
  const verdict = await judge(installation, history, options.frameBytes);
  const events = Object.fromEntries(COUNTED.map((event) => [event, fleet.logged(event)])) as ChaosResult['events'];
  return { verdict, changes, events, ends: fleet.ends, log: [...done, ...fleet.lines()].sort(byTime) };
}

interface Food {
  readonly history: RandomHistory;
  readonly count: number;
  readonly random: Random;
}

/** Appends changes in a few portions. A portion that Kafka did not take is sent again, as a connector does after a crash. */
async function feed({ installation, clock, say }: ChaosDeps, { history, count, random }: Food): Promise<void> {
  for (let portion = 0; portion < PORTIONS; portion++) {
    const events = history.next(Math.ceil(count / PORTIONS));
    for (;;) {
      try {
        await installation.pipe(events);
        break;
      } catch (error) {
        say(`a portion is sent again: ${error instanceof Error ? error.message : error}`);
      }
    }
    await pause(clock, random() * 300);
  }
}

interface Scene {
  readonly deps: ChaosDeps;
  readonly options: ChaosOptions;
  readonly fleet: Fleet;
  readonly random: Random;
}

async function disturb(kind: Disturbance, scene: Scene): Promise<void> {
  const { deps, options, fleet, random } = scene;
  const { clock, world } = deps;
  const place = one(fleet.places, random);
  const running = fleet.at(place).logged((line) => line['event'] === 'task_running');
  const over = new AbortController();
  await Promise.race([running.catch(() => undefined), pause(clock, RUNNING_WITHIN_MS, over.signal)]);
  over.abort();
  await pause(clock, random() * MOMENT_MS);
  if (kind === 'kill') await fleet.kill(place);
  else if (kind === 'restart') await fleet.restart(place);
  else if (kind === 'churn') await churn(scene, place);
  else if (kind === 'broker') await world?.breakBroker();
  else if (kind === 'leaders') await world?.moveLeaders();
  else if (kind === 'compact') await world?.compact();
  else {
    const frozen = fleet.at(place);
    frozen.kill('SIGSTOP');
    await pause(clock, options.fencedAfterMs + random() * MOMENT_MS);
    frozen.kill('SIGCONT');
  }
}

/** Two join, one is killed, one of the new ones leaves at once and the other later: all while the group is still sorting itself. */
async function churn({ fleet, random, deps, options }: Scene, place: number): Promise<void> {
  const [first, second] = [options.processes, options.processes + 1];
  fleet.start(first);
  fleet.start(second);
  await Promise.all([
    pause(deps.clock, random() * MOMENT_MS).then(() => fleet.kill(place)),
    pause(deps.clock, MOMENT_MS + random() * MOMENT_MS).then(() => fleet.remove(first)),
  ]);
  await pause(deps.clock, random() * MOMENT_MS);
  await fleet.remove(second);
}

async function judge(installation: Installation, history: RandomHistory, frameBytes: number): Promise<Verdict> {
  const ledger = new Ledger(frameBytes);
  await installation.read(installation.topic('outbound'), (record) => ledger.take(record));
  for (const { version } of VERSIONS) ledger.compare(version, history.bodies(version));
  return ledger.verdict();
}

function one<T>(from: readonly T[], random: Random): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error('there is nothing to choose from');
  return picked;
}

function byTime(a: LogLine, b: LogLine): number {
  return String(a['time']) < String(b['time']) ? -1 : 1;
}
