/**
 * One seed from its start to its verdict: a source database that lives for a while, processes that run the product, a fate that
 * crashes, freezes and restarts them; then faults stop, everything gets a bounded time to be told, and the checkers judge.
 */
import type { Stage } from '../../src/kafka/stage.ts';
import { AssertionFailed } from '../../src/lib/assert.ts';
import { Chance } from './chance.ts';
import { judgeEnd, judgeHistory, type Violation } from './checkers.ts';
import { type StageName, stageOf, TOPICS, type Variant, type World } from './deployment.ts';
import { expectedContent } from './expected-body.ts';
import { FakeGroup } from './fake-group.ts';
import { FakeKafka } from './fake-kafka.ts';
import { Network } from './network.ts';
import { type Point, SimProcess } from './sim-process.ts';
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

interface Living {
  readonly process: SimProcess;
  readonly stop: AbortController;
  readonly stages: readonly Stage[];
}

class Simulation {
  readonly #seed: number;
  readonly #world: World;
  readonly #source: SourceWorld;
  readonly #fate: Chance;
  readonly #failures: Violation[] = [];
  /** By place: the processes of a deployment, each made anew after its death. */
  readonly #living: (Living | null)[];
  #started = 0;
  #changedAt = START_MS;

  constructor(seed: number, variant: Variant) {
    this.#seed = seed;
    const conditions = variant.conditions?.(conditionsOf(seed, START_MS)) ?? conditionsOf(seed, START_MS);
    const timeline = new Timeline(START_MS);
    const trace = new Trace(() => timeline.now());
    const chance = new Chance(seed, 1);
    this.#fate = new Chance(seed, 2);
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
    this.#living = conditions.processes.map(() => null);
  }

  async run(): Promise<Verdict> {
    const { timeline, network, conditions, trace } = this.#world;
    this.#watchWrites();
    this.#regularly(TIMEOUT_LOOK_MS, () => this.#world.kafka.endOverdue());
    this.#regularly(conditions.cleaner.everyMs, () => this.#world.kafka.clean(conditions.cleaner));
    for (const place of this.#living.keys()) this.#start(place);
    this.#trouble();
    await timeline.runUntil(START_MS + STORM_MS, () => this.#source.done && timeline.now() > START_MS + STORM_MS / 6);
    network.faulty = false;
    this.#changedAt = timeline.now();
    trace.note('faults stop');
    for (const [place, living] of this.#living.entries()) {
      if (living === null) this.#start(place);
      else living.process.thaw();
    }
    await timeline.runUntil(timeline.now() + CALM_MS, () => this.#isAtRest() || this.#failures.length > 0);
    return this.#verdict();
  }

  #verdict(): Verdict {
    const { kafka, timeline, trace } = this.#world;
    const { truth } = this.#source;
    const told = readTold(kafka.committed(TOPICS.outbound));
    const violations = [...this.#failures, ...judgeHistory(told, truth)];
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
    const { timeline, kafka, groups } = this.#world;
    const isIdle =
      this.#source.done &&
      !kafka.busy &&
      Object.values(groups).every((group) => this.#isSettled(group)) &&
      this.#living.every((living) => living?.stages.every((stage) => stage.readiness().ok) === true);
    if (!isIdle) this.#changedAt = timeline.now();
    return timeline.now() - this.#changedAt > REST_MS;
  }

  /** All members live and know the newest assignment: nobody waits for a dead one's session to end. */
  #isSettled(group: FakeGroup): boolean {
    const { conditions } = this.#world;
    const stages = conditions.processes.filter((what) => what === 'both' || what === group.name).length;
    return group.settled && group.members.length === stages;
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

  #start(place: number): void {
    const { conditions, timeline, groups, trace } = this.#world;
    const process = new SimProcess(`p${place}`, timeline, (one, point) => this.#meet(place, one, point));
    const what = conditions.processes[place] ?? 'both';
    const names: StageName[] = what === 'both' ? ['rekey', 'join'] : [what];
    trace.note(`${process.name} starts (${this.#started++})`);
    if (conditions.evictsPredecessor) {
      for (const group of Object.values(groups)) {
        for (const id of group.members) if (id.startsWith(`${process.name}-`)) group.remove(id, 'is evicted');
      }
    }
    const stop = new AbortController();
    const stages = names.map((name) => stageOf(this.#world, process, name));
    const living: Living = { process, stop, stages };
    this.#living[place] = living;
    void Promise.all(stages.map((stage) => stage.run(stop.signal))).then(
      () => process.enter(() => this.#ended(place, living)),
      (error: unknown) => process.enter(() => this.#failed(place, living, error)),
    );
  }

  /** Stopped as asked: as a rolling restart does it. */
  #ended(place: number, living: Living): void {
    this.#world.trace.sometimes('fate: a process stopped cleanly');
    this.#die(place, living, 'stopped');
  }

  #failed(place: number, living: Living, error: unknown): void {
    const isBug = error instanceof AssertionFailed || !(error instanceof Error);
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#failures.push({ promise: 'crash', message: `${isBug ? 'a bug: ' : ''}${message}` });
    this.#die(place, living, 'failed');
  }

  #die(place: number, living: Living, why: string): void {
    const { conditions, timeline, trace } = this.#world;
    if (living.process.dead) return;
    living.process.crash();
    trace.note(`${living.process.name} ${why}`);
    if (this.#living[place] === living) this.#living[place] = null;
    timeline.after(this.#fate.between(0, conditions.restartMs), () => {
      if (this.#living[place] === null) this.#start(place);
    });
  }

  /** A named point is reached. */
  #meet(place: number, process: SimProcess, point: Point): void {
    const { conditions, network, trace } = this.#world;
    if (!network.faulty) return;
    const living = this.#living[place];
    if (living === null || living === undefined || living.process !== process) return;
    if (this.#fate.happens(conditions.crash[point])) {
      trace.sometimes(`crash: ${point}`);
      this.#die(place, living, `crashes ${point}`);
    } else if (this.#fate.happens(conditions.freeze[point])) {
      trace.sometimes(`freeze: ${point}`);
      this.#freeze(process, point);
    }
  }

  #freeze(process: SimProcess, where: string): void {
    const { conditions, trace } = this.#world;
    const forMs = this.#fate.between(0, conditions.freezeMs);
    trace.note(`${process.name} freezes ${where} for ${forMs.toFixed(0)} ms`);
    process.freeze(forMs);
  }

  /** Troubles from outside, at any moment. */
  #trouble(): void {
    const { conditions, timeline, network, groups, trace } = this.#world;
    if (!Number.isFinite(conditions.troubleMs)) return;
    timeline.after(this.#fate.between(0, 2 * conditions.troubleMs), () => {
      if (!network.faulty) return;
      const place = this.#fate.below(this.#living.length);
      const living = this.#living[place];
      const kind = this.#fate.pick(['crash', 'freeze', 'stop', 'evict'] as const);
      if (living !== null && living !== undefined) {
        trace.sometimes(`trouble: ${kind}`);
        if (kind === 'crash') this.#die(place, living, 'is killed');
        if (kind === 'freeze') this.#freeze(living.process, 'anywhere');
        if (kind === 'stop') living.process.enter(() => living.stop.abort());
        const group = this.#fate.pick([groups.rekey, groups.join]);
        const member = group.members[0];
        if (kind === 'evict' && member !== undefined) group.remove(member, 'is evicted though it lives');
      }
      this.#trouble();
    });
  }
}
