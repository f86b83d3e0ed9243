/**
 * A consumer group as Kafka's coordinator runs it: before anything is given out anew, every living member is told by its next
 * heartbeat, has its say (`beforeRejoin`) and joins again; one that does neither is waited for until its session ends. So nothing of
 * a member that lives and hears is given to others behind its back, which is what a stage that acts outside of Kafka builds on.
 * A member that is put out by force, or stands still past its session, hears of it too late: that is a fault, not a rule.
 */
import { assignIndexes } from '../../src/kafka/assignment.ts';
import type { StageMembership } from '../../src/kafka/stage.ts';
import { momentOf, pause } from '../../src/lib/clock.ts';
import type { GroupSettings } from './fake-group.ts';
import { type Network, RequestTimedOut } from './network.ts';
import type { SimProcess } from './sim-process.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

type Listener = Parameters<StageMembership['run']>[0];

interface Member {
  readonly id: string;
  readonly instance: string;
  generation: number;
  held: readonly number[];
  lastSeenAt: number;
  /** Answers the join that waits for the others; null = it has not joined again. */
  joined: ((generation: number) => void) | null;
}

const LOOK_MS = 50;
/** What a member hears that is put out while it waits for the others. */
const NO_GENERATION = -1;
/** As the product bounds it (membership.ts), in parts of the session. */
const BEFORE_REJOIN = 1 / 3;

export class PatientGroup {
  readonly name: string;
  readonly settings: GroupSettings;
  readonly #deps: { timeline: Timeline; trace: Trace };
  readonly #count: number;
  readonly #members = new Map<string, Member>();
  #given = new Map<string, readonly number[]>();
  #generation = 0;
  #rebalancing = false;
  #made = 0;

  /** `count`: indexes to give out. */
  constructor(
    deps: { timeline: Timeline; trace: Trace },
    group: { name: string; count: number; settings: GroupSettings },
  ) {
    this.#deps = deps;
    this.name = group.name;
    this.#count = group.count;
    this.settings = group.settings;
    this.#look();
  }

  /** Ids of the members, in the order of their joining. */
  get members(): string[] {
    return [...this.#members.keys()];
  }

  /** Whether every member has its part of the newest assignment. */
  get settled(): boolean {
    return !this.#rebalancing && this.#members.values().every(({ generation }) => generation === this.#generation);
  }

  /**
   * JoinGroup: a new member (`id` null or unknown) or one that joins again; `answer` comes with its id and the generation once
   * all have joined.
   */
  join(instance: string, id: string | null, answer: (id: string, generation: number) => void): void {
    const now = this.#deps.timeline.now();
    let member = this.#members.get(id ?? '');
    if (member === undefined) {
      member = { id: `${instance}-${this.#made++}`, instance, generation: -1, held: [], lastSeenAt: now, joined: null };
      this.#members.set(member.id, member);
    }
    const { id: own } = member;
    member.lastSeenAt = now;
    member.joined = (generation) => answer(own, generation);
    this.#rebalance(`${own} joins`);
    this.#giveOut();
  }

  /** SyncGroup: what the member gets in a generation; null = that generation is over, or the member is none any more. */
  sync(id: string, generation: number): readonly number[] | null {
    const member = this.#members.get(id);
    if (member === undefined || this.#rebalancing || generation !== this.#generation) return null;
    member.lastSeenAt = this.#deps.timeline.now();
    member.generation = generation;
    member.held = this.#given.get(id) ?? [];
    return member.held;
  }

  /** Heartbeat. `gone`: no member any more; `rejoin`: a rebalance has begun. */
  beat(id: string): 'gone' | 'rejoin' | 'ok' {
    const member = this.#members.get(id);
    if (member === undefined) return 'gone';
    member.lastSeenAt = this.#deps.timeline.now();
    return this.#rebalancing || member.generation !== this.#generation ? 'rejoin' : 'ok';
  }

  /** Takes a member out, living or not; nothing if it is none. */
  remove(id: string, why: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    member.joined?.(NO_GENERATION);
    this.#rebalance(`${id} ${why}`);
    this.#giveOut();
  }

  #rebalance(why: string): void {
    this.#deps.trace.note(`group ${this.name}: ${why}`);
    this.#rebalancing = true;
  }

  /** Gives everything out once every member has joined again. */
  #giveOut(): void {
    const members = [...this.#members.values()];
    if (!this.#rebalancing || members.some(({ joined }) => joined === null)) return;
    this.#rebalancing = false;
    this.#generation++;
    this.#given = members.length === 0 ? new Map() : assignIndexes(members, this.#count);
    const given = [...this.#given].map(([id, indexes]) => `${id}=${indexes.join('+')}`).join(' ');
    this.#deps.trace.note(`group ${this.name} generation ${this.#generation}: ${given}`);
    this.#deps.trace.sometimes('group: rebalance');
    for (const member of members) {
      member.lastSeenAt = this.#deps.timeline.now();
      member.joined?.(this.#generation);
      member.joined = null;
    }
  }

  #look(): void {
    this.#deps.timeline.after(LOOK_MS, () => {
      for (const { id, lastSeenAt, joined } of [...this.#members.values()]) {
        if (joined !== null || this.#deps.timeline.now() - lastSeenAt <= this.settings.sessionMs) continue;
        this.#deps.trace.sometimes('group: session timeout');
        this.remove(id, 'is silent');
      }
      this.#look();
    });
  }
}

/** One process's membership: beats, and joins again when it is told to, as membership.ts has the client do it. */
export class PatientMembership implements StageMembership {
  readonly #deps: { group: PatientGroup; process: SimProcess; network: Network; trace: Trace };
  readonly #instance: string;
  #id: string | null = null;
  #stopped = false;

  constructor(deps: { group: PatientGroup; process: SimProcess; network: Network; trace: Trace }, instance: string) {
    this.#deps = deps;
    this.#instance = instance;
  }

  async run(listener: Listener): Promise<void> {
    await this.#join(listener);
    void this.#beat(listener);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const { group, process, network } = this.#deps;
    const id = this.#id;
    if (id === null) return;
    await network.request(process, `leave ${id}`, { losable: false }, () => group.remove(id, 'leaves'));
  }

  /** For lag tools; nothing of ours reads them. */
  async commitOffsets(): Promise<void> {}

  async #join(listener: Listener): Promise<void> {
    const { group, process, network, trace } = this.#deps;
    while (!this.#stopped) {
      const { id, generation } = await this.#joinRequest();
      this.#id = id;
      const sentAt = momentOf(process.clock);
      const indexes = await network.request(process, `sync ${id}`, { losable: false }, () =>
        group.sync(id, generation),
      );
      if (this.#stopped) return;
      if (indexes === null) {
        trace.sometimes('group: an assignment that is over before it is heard');
        continue;
      }
      listener.onHeartbeat(sentAt);
      listener.onAssigned(indexes);
      return;
    }
  }

  #joinRequest(): Promise<{ id: string; generation: number }> {
    const { group, process, network } = this.#deps;
    const answered = new Promise<{ id: string; generation: number }>((resolve) => {
      const answer = (id: string, generation: number): void => {
        // The answer leaves when all have joined; it takes its way like any other.
        const arrive = (): void => process.enter(() => resolve({ id, generation }));
        network.later(arrive);
      };
      const join = (): void => group.join(this.#instance, this.#id, answer);
      void network.request(process, `join ${group.name}`, { losable: false }, join);
    });
    return answered;
  }

  async #beat(listener: Listener): Promise<void> {
    const { group, process, network, trace } = this.#deps;
    const { heartbeatMs, sessionMs } = group.settings;
    for (;;) {
      await pause(process.clock, heartbeatMs);
      if (this.#stopped) return;
      const id = this.#id ?? '';
      const sentAt = momentOf(process.clock);
      const answer = await this.#ask(id, () =>
        network.request(process, `beat ${id}`, { losable: true }, () => group.beat(id)),
      );
      if (this.#stopped) return;
      if (answer === 'ok') listener.onHeartbeat(sentAt);
      if (answer !== 'gone' && answer !== 'rejoin') continue;
      if (answer === 'gone') trace.sometimes('group: an evicted member finds out');
      const say = listener.beforeRejoin?.() ?? Promise.resolve();
      await Promise.race([say, pause(process.clock, sessionMs * BEFORE_REJOIN)]);
      if (answer === 'gone') this.#id = null;
      await this.#join(listener);
    }
  }

  /** The answer of the group; null = it was lost. */
  async #ask<T>(id: string, ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RequestTimedOut)) throw error;
      this.#deps.trace.sometimes('group: the answer to a heartbeat is lost');
      this.#deps.trace.note(`beat of ${id} is lost`);
      return null;
    }
  }
}
