/**
 * One seed from its start to its verdict: a source database that lives for a while, processes that run the product, a fate that
 * crashes, freezes and restarts them; then faults stop, everything gets a bounded time to be told, and the checkers judge.
 */
import { Chance } from './chance.ts';
import { judgeEnd, judgeHistory, type Violation } from './checkers.ts';
import { type StageName, stageOf, TOPICS, type Variant, type World } from './deployment.ts';
import { expectedContent } from './expected-body.ts';
import { FakeGroup } from './fake-group.ts';
import { FakeKafka } from './fake-kafka.ts';
import { Fleet } from './fleet.ts';
import { Network } from './network.ts';
import { SourceWorld } from './source-world.ts';
import { conditionsOf } from './swarm.ts';
import { Timeline } from './timeline.ts';
import { readTold } from './told.ts';
import { Trace } from './trace.ts';

export interface Verdict {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Equal when the seed is run again. */
  readonly hash: string;
  readonly trace: Trace;
  readonly events: number;
  readonly virtualMs: number;
  /** Records on the outbound topic. */
  readonly told: number;
}

const START_MS = 1_760_000_000_000;
/** Faults end at the latest after this time, ms; the source is mostly done before. */
const STORM_MS = 60_000;
/** From the end of faults everything is told within this time, ms: timeouts of transactions and sessions, and the longest back-off. */
const CALM_MS = 90_000;
/** The world is at rest when nothing was open or written for this long, ms: longer than any single answer takes. */
const REST_MS = 6_000;
const TIMEOUT_LOOK_MS = 1_000;

/** Runs a seed. `variant` takes a guard away. */
export async function simulate(seed: number, variant: Variant = {}): Promise<Verdict> {
  const simulation = new Simulation(seed, variant);
  return simulation.run();
}

class Simulation {
  readonly #seed: number;
  readonly #world: World;
  readonly #source: SourceWorld;
  readonly #fleet: Fleet;
  #changedAt = START_MS;

  constructor(seed: number, variant: Variant) {
    this.#seed = seed;
    const conditions = variant.conditions?.(conditionsOf(seed, START_MS)) ?? conditionsOf(seed, START_MS);
    const timeline = new Timeline(START_MS);
    const trace = new Trace(() => timeline.now());
    const chance = new Chance(seed, 1);
    const kafka = new FakeKafka({
      now: () => timeline.now(),
      markLater: (write) => void timeline.after(chance.between(0, conditions.markerMs), write),
      sometimes: (what) => trace.sometimes(what),
    });
    kafka.compact(TOPICS.rekeyState, TOPICS.clusterChanges, TOPICS.joinState);
    const network = new Network({ timeline, chance, trace }, conditions.network);
    const group = (name: StageName): FakeGroup =>
      new FakeGroup({ timeline, trace }, { name, count: conditions.partitions, settings: conditions.group });
    const groups = { rekey: group('rekey'), join: group('join') };
    this.#world = { timeline, kafka, network, groups, chance, trace, conditions, variant };
    this.#source = new SourceWorld({ timeline, kafka, trace, chance: new Chance(seed, 3) }, conditions.source);
    this.#fleet = new Fleet(
      {
        ...{ timeline, network, trace, groups },
        fate: new Chance(seed, 2),
        stageOf: (process, name) => stageOf(this.#world, process, name as StageName),
      },
      conditions.processes.map((what) => (what === 'both' ? ['rekey', 'join'] : [what])),
      conditions,
    );
  }

  async run(): Promise<Verdict> {
    const { timeline, network, conditions, trace } = this.#world;
    this.#watchWrites();
    this.#regularly(TIMEOUT_LOOK_MS, () => this.#world.kafka.endOverdue());
    this.#regularly(conditions.cleaner.everyMs, () => this.#world.kafka.clean(conditions.cleaner));
    this.#fleet.start();
    this.#fleet.trouble();
    await timeline.runUntil(START_MS + STORM_MS, () => this.#source.done && timeline.now() > START_MS + STORM_MS / 6);
    network.faulty = false;
    this.#changedAt = timeline.now();
    trace.note('faults stop');
    this.#fleet.revive();
    await timeline.runUntil(timeline.now() + CALM_MS, () => this.#isAtRest() || this.#fleet.failures.length > 0);
    return this.#verdict();
  }

  #verdict(): Verdict {
    const { kafka, timeline, trace } = this.#world;
    const { truth } = this.#source;
    const told = readTold(kafka.committed(TOPICS.outbound));
    const violations = [...this.#fleet.failures, ...judgeHistory(told, truth)];
    violations.push(...judgeEnd(told, truth, (lead, version) => expectedContent(truth, lead, version)));
    if (kafka.committed(TOPICS.deadLetters).length > 0) violations.push({ promise: 'S1', message: 'dead letters' });
    return {
      seed: this.#seed,
      violations,
      hash: trace.hash,
      trace,
      events: timeline.ran,
      virtualMs: timeline.now() - START_MS,
      told: told.length,
    };
  }

  /** Nothing was open, under way or written for a while. */
  #isAtRest(): boolean {
    const { timeline, kafka } = this.#world;
    const isIdle = this.#source.done && !kafka.busy && this.#fleet.settled;
    if (!isIdle) this.#changedAt = timeline.now();
    return timeline.now() - this.#changedAt > REST_MS;
  }

  #watchWrites(): void {
    const { kafka, conditions, timeline } = this.#world;
    for (let partition = 0; partition < conditions.partitions; partition++) {
      for (const topic of [TOPICS.rekeyState, TOPICS.clusterChanges, TOPICS.joinState]) {
        kafka.watch(kafka.log(topic, partition), () => {
          this.#changedAt = timeline.now();
        });
      }
    }
  }

  #regularly(everyMs: number, work: () => void): void {
    this.#world.timeline.after(everyMs, () => {
      work();
      this.#regularly(everyMs, work);
    });
  }
}
