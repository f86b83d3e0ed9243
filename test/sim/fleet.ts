/**
 * The processes of a simulated deployment and their fate: each place runs some stages, its process crashes, stands still, is
 * stopped or put out of its group, and comes back after a while. It knows the stages only as something that runs; what they do,
 * and whether it was right, is others' business. A stage that fails by itself is a violation.
 */
import type { Stage } from '../../src/kafka/stage.ts';
import { AssertionFailed } from '../../src/lib/assert.ts';
import type { Chance } from './chance.ts';
import type { Violation } from './checkers.ts';
import type { Network } from './network.ts';
import { type Point, SimProcess } from './sim-process.ts';
import type { Conditions } from './swarm.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/** A group as fate and the watch for rest see it. */
export interface GroupOfFleet {
  readonly members: readonly string[];
  readonly settled: boolean;
  remove(id: string, why: string): void;
}

export interface FleetDeps {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly trace: Trace;
  readonly fate: Chance;
  /** By the name of the stage. */
  readonly groups: Readonly<Record<string, GroupOfFleet>>;
  /** Makes a stage of a process. */
  readonly stageOf: (process: SimProcess, name: string) => Stage;
}

const TROUBLES = ['crash', 'freeze', 'stop', 'evict'] as const;
export type Trouble = (typeof TROUBLES)[number];

export type Fates = Pick<
  Conditions,
  'crash' | 'freeze' | 'freezeMs' | 'troubleMs' | 'restartMs' | 'evictsPredecessor'
> & {
  /** What comes from outside; all when absent. */
  readonly troubles?: readonly Trouble[];
};

interface Living {
  readonly process: SimProcess;
  readonly stop: AbortController;
  readonly stages: readonly Stage[];
}

export class Fleet {
  readonly failures: Violation[] = [];
  readonly #deps: FleetDeps;
  readonly #places: readonly (readonly string[])[];
  readonly #fates: Fates;
  /** By place; each is made anew after its death. */
  readonly #living: (Living | null)[];
  #started = 0;

  /** `places`: the names of the stages that each process runs. */
  constructor(deps: FleetDeps, places: readonly (readonly string[])[], fates: Fates) {
    this.#deps = deps;
    this.#places = places;
    this.#fates = fates;
    this.#living = places.map(() => null);
  }

  /** Starts every process that does not live. */
  start(): void {
    for (const [place, living] of this.#living.entries()) if (living === null) this.#start(place);
  }

  /** Every process lives and goes on from here: those that stand still too. */
  revive(): void {
    this.start();
    for (const living of this.#living) living?.process.thaw();
  }

  /** All processes live and are ready, and their groups know it: nobody waits for a dead one's session to end. */
  get settled(): boolean {
    const { groups } = this.#deps;
    const isReady = this.#living.every((living) => living?.stages.every((stage) => stage.readiness().ok) === true);
    return isReady && Object.entries(groups).every(([name, group]) => group.settled && this.#isFull(name, group));
  }

  #isFull(name: string, { members }: GroupOfFleet): boolean {
    return members.length === this.#places.filter((stages) => stages.includes(name)).length;
  }

  /** Troubles from outside, at any moment, for as long as the network is faulty. */
  trouble(): void {
    const { timeline, network, fate } = this.#deps;
    const { troubleMs } = this.#fates;
    if (!Number.isFinite(troubleMs)) return;
    timeline.after(fate.between(0, 2 * troubleMs), () => {
      if (!network.faulty) return;
      this.#strike();
      this.trouble();
    });
  }

  #strike(): void {
    const { trace, fate, groups } = this.#deps;
    const place = fate.below(this.#living.length);
    const living = this.#living[place];
    const kind = fate.pick(this.#fates.troubles ?? TROUBLES);
    if (living === null || living === undefined) return;
    trace.sometimes(`trouble: ${kind}`);
    if (kind === 'crash') this.#die(place, living, 'is killed');
    if (kind === 'freeze') this.#freeze(living.process, 'anywhere');
    if (kind === 'stop') living.process.enter(() => living.stop.abort());
    const group = fate.pick(Object.values(groups));
    const member = group.members[0];
    if (kind === 'evict' && member !== undefined) group.remove(member, 'is evicted though it lives');
  }

  #start(place: number): void {
    const { timeline, groups, trace, stageOf } = this.#deps;
    const process = new SimProcess(`p${place}`, timeline, (one, point) => this.#meet(place, one, point));
    trace.note(`${process.name} starts (${this.#started++})`);
    if (this.#fates.evictsPredecessor) {
      for (const group of Object.values(groups)) {
        for (const id of group.members) if (id.startsWith(`${process.name}-`)) group.remove(id, 'is evicted');
      }
    }
    const stop = new AbortController();
    const stages = (this.#places[place] ?? []).map((name) => stageOf(process, name));
    const living: Living = { process, stop, stages };
    this.#living[place] = living;
    void Promise.all(stages.map((stage) => stage.run(stop.signal))).then(
      () => process.enter(() => this.#ended(place, living)),
      (error: unknown) => process.enter(() => this.#failed(place, living, error)),
    );
  }

  /** Stopped as asked: as a rolling restart does it. */
  #ended(place: number, living: Living): void {
    this.#deps.trace.sometimes('fate: a process stopped cleanly');
    this.#die(place, living, 'stopped');
  }

  #failed(place: number, living: Living, error: unknown): void {
    const isBug = error instanceof AssertionFailed || !(error instanceof Error);
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.failures.push({ promise: 'crash', message: `${isBug ? 'a bug: ' : ''}${message}` });
    this.#die(place, living, 'failed');
  }

  #die(place: number, living: Living, why: string): void {
    const { timeline, trace, fate } = this.#deps;
    if (living.process.dead) return;
    living.process.crash();
    trace.note(`${living.process.name} ${why}`);
    if (this.#living[place] === living) this.#living[place] = null;
    timeline.after(fate.between(0, this.#fates.restartMs), () => {
      if (this.#living[place] === null) this.#start(place);
    });
  }

  /** A named point is reached. */
  #meet(place: number, process: SimProcess, point: Point): void {
    const { network, trace, fate } = this.#deps;
    if (!network.faulty) return;
    const living = this.#living[place];
    if (living === null || living === undefined || living.process !== process) return;
    if (fate.happens(this.#fates.crash[point])) {
      trace.sometimes(`crash: ${point}`);
      this.#die(place, living, `crashes ${point}`);
    } else if (fate.happens(this.#fates.freeze[point])) {
      trace.sometimes(`freeze: ${point}`);
      this.#freeze(process, point);
    }
  }

  #freeze(process: SimProcess, where: string): void {
    const forMs = this.#deps.fate.between(0, this.#fates.freezeMs);
    this.#deps.trace.note(`${process.name} freezes ${where} for ${forMs.toFixed(0)} ms`);
    process.freeze(forMs);
  }
}
