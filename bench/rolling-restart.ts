/**
 * A rolling restart under load: 3 processes of the real program (rekey and join, default settings, 12 partitions) are stopped and
 * started one after the other, each when the one before it works again, at 500 changes a second. Prints the longest time
 * without any record on the outbound topic, the longest time without a commit of any one join task, and how many tasks were
 * loaded; with an instance id that survives the restart and without.
 *
 *   node bench/rolling-restart.ts [changes before = 20000]
 *
 * It brings its own broker (Java and Maven are needed).
 */
import { argv, stdout } from 'node:process';
import { findJava } from '../src/dev/java.ts';
import { LocalCluster } from '../src/dev/local-cluster.ts';
import { createKafka } from '../src/kafka/client.ts';
import { Fetcher } from '../src/kafka/fetcher.ts';
import { systemClock as clock, pause } from '../src/lib/clock.ts';
import { silentLog as log } from '../src/lib/log.ts';
import { Fleet, type Identities } from '../test/chaos/fleet.ts';
import { Installation, type Running } from '../test/support/installation.ts';
import { RandomHistory } from '../test/support/random-history.ts';
import { settled } from '../test/support/settled.ts';

const PROCESSES = 3;
const PARTITIONS = 12;
const PER_SECOND = 500;
const PORTION = 50;
/** Between one process that works again and the stop of the next, and before the first and after the last. */
const CALM_MS = 5_000;
const SCALE = { leads: 6_000, clusters: 2_600, appointments: 5_000, testDrives: 3_000 };

async function roll(brokers: readonly string[], identities: Identities, before: number): Promise<void> {
  const env = { LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: '30000' };
  await using installation = new Installation({ brokers, registryUrl: null, partitions: PARTITIONS, env });
  await installation.install();
  const history = new RandomHistory(1, SCALE);
  const fleet = new Fleet(installation, { stages: 'rekey,join', identities });
  await installation.pipe(history.next(before));
  for (let place = 0; place < PROCESSES; place++) fleet.start(place);
  await settled(installation, 120_000);

  const over = new AbortController();
  const fed = feed(installation, history, over.signal);
  const gaps = new Gaps(brokers);
  await pause(clock, CALM_MS);
  await gaps.start(installation);
  const loaded = fleet.logged('task_running');
  const startedAt = clock.now();
  for (let place = 0; place < PROCESSES; place++) {
    await fleet.restart(place);
    await works(fleet.at(place));
    await pause(clock, CALM_MS);
  }
  const { any, task } = await gaps.stop();
  over.abort();
  await fed;
  const loads = fleet.logged('task_running') - loaded;
  await fleet.stop();
  const seconds = Math.round((clock.now() - startedAt) / 1000);
  stdout.write(
    `instance id: ${identities}; ${seconds} s; longest gap of all output ${any} ms, of one task ${task} ms; ${loads} loads\n`,
  );
}

async function feed(installation: Installation, history: RandomHistory, signal: AbortSignal): Promise<void> {
  const startedAt = clock.now();
  for (let sent = 0; !signal.aborted; sent += PORTION) {
    await pause(clock, startedAt + (sent * 1000) / PER_SECOND - clock.now(), signal);
    await installation.pipe(history.next(PORTION));
  }
}

/** Resolves when both stages of a process have been given tasks and loaded some. */
async function works(running: Running): Promise<void> {
  await Promise.all(['rekey', 'join'].map((stage) => running.tasksRunning(stage, 1)));
}

/** Longest times between two looks of a subscriber at something new. */
class Gaps {
  readonly #fetcher: Fetcher;
  readonly #last = new Map<string, number>();
  readonly #longest = new Map<string, number>();

  constructor(brokers: readonly string[]) {
    this.#fetcher = new Fetcher({ kafka: createKafka({ brokers, clientId: 'bench' }, log), log, clock });
  }

  async start(installation: Installation): Promise<void> {
    const signal = AbortSignal.timeout(10_000);
    for (const name of ['outbound', 'join-state']) {
      const topic = installation.topic(name);
      for (const { partition, lastStable } of await this.#fetcher.offsets(topic, signal)) {
        const of = name === 'outbound' ? 'outbound' : `task ${partition}`;
        this.#last.set(of, clock.now());
        this.#fetcher.subscribe(
          { topic, partition, offset: lastStable },
          {
            deliver: ({ records }) => {
              if (records.length > 0) this.#seen(of);
            },
            fail(error) {
              throw error;
            },
          },
        );
      }
    }
  }

  async stop(): Promise<{ any: number; task: number }> {
    for (const of of this.#last.keys()) this.#seen(of);
    await this.#fetcher.stop();
    const tasks = [...this.#longest].filter(([of]) => of !== 'outbound').map(([, ms]) => ms);
    return { any: this.#longest.get('outbound') ?? 0, task: Math.max(...tasks) };
  }

  #seen(of: string): void {
    const now = clock.now();
    this.#longest.set(of, Math.max(this.#longest.get(of) ?? 0, now - (this.#last.get(of) ?? now)));
    this.#last.set(of, now);
  }
}

const before = Number(argv[2] ?? 20_000);
const java = await findJava(17, process.env);
if (java === null) throw new Error('Java 17 or newer is needed');
const deps = { java, clock, log, env: process.env, signal: new AbortController().signal };
await using cluster = await LocalCluster.start(deps, 1);
for (const identities of ['none', 'all'] as const) await roll(cluster.brokers, identities, before);
