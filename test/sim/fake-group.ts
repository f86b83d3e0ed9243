/**
 * A consumer group and its coordinator, harsher than a real one: a rebalance gives everything out at once, and each member
 * hears of it when it next beats. So the old owner of an index works on beside the new one for a while, as an evicted living
 * member does on a real broker. Who gets what is decided by the product's own rule (assignment.ts).
 */
import { assignIndexes } from '../../src/kafka/assignment.ts';
import type { StageMembership } from '../../src/kafka/stage.ts';
import { momentOf } from '../../src/lib/clock.ts';
import type { Network } from './network.ts';
import type { SimProcess } from './sim-process.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

type Listener = Parameters<StageMembership['run']>[0];

interface Member {
  readonly id: string;
  readonly instance: string;
  /** The generation that the member knows, and what it holds by it. */
  generation: number;
  held: readonly number[];
  lastBeatAt: number;
}

interface Given {
  readonly generation: number;
  readonly indexes: readonly number[];
}

export interface GroupSettings {
  readonly sessionMs: number;
  readonly heartbeatMs: number;
}

const LOOK_MS = 500;

export class FakeGroup {
  readonly name: string;
  readonly settings: GroupSettings;
  readonly #deps: { timeline: Timeline; trace: Trace };
  readonly #count: number;
  readonly #members = new Map<string, Member>();
  #given = new Map<string, readonly number[]>();
  #generation = 0;
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

  /** Whether every member has heard of the newest assignment. */
  get settled(): boolean {
    return [...this.#members.values()].every(({ generation }) => generation === this.#generation);
  }

  /** A new member; returns its id. What it gets comes with its next `beat`. */
  join(instance: string): string {
    const id = `${instance}-${this.#made++}`;
    const lastBeatAt = this.#deps.timeline.now();
    this.#members.set(id, { id, instance, generation: -1, held: [], lastBeatAt });
    this.#rebalance(`${id} joins`);
    return id;
  }

  /** `gone`: no member any more; a Given: there is a newer assignment; `ok`: the membership is confirmed. */
  beat(id: string): 'gone' | 'ok' | Given {
    const member = this.#members.get(id);
    if (member === undefined) return 'gone';
    member.lastBeatAt = this.#deps.timeline.now();
    if (member.generation === this.#generation) return 'ok';
    member.generation = this.#generation;
    member.held = this.#given.get(id) ?? [];
    return { generation: this.#generation, indexes: member.held };
  }

  /** Takes a member out, living or not; nothing if it is none. */
  remove(id: string, why: string): void {
    if (this.#members.delete(id)) this.#rebalance(`${id} ${why}`);
  }

  #rebalance(why: string): void {
    this.#generation++;
    this.#given = this.#members.size === 0 ? new Map() : assignIndexes([...this.#members.values()], this.#count);
    const given = [...this.#given].map(([id, indexes]) => `${id}=${indexes.join('+')}`).join(' ');
    this.#deps.trace.note(`group ${this.name} generation ${this.#generation}: ${why}: ${given}`);
    this.#deps.trace.sometimes('group: rebalance');
  }

  #look(): void {
    this.#deps.timeline.after(LOOK_MS, () => {
      for (const { id, lastBeatAt } of [...this.#members.values()]) {
        if (this.#deps.timeline.now() - lastBeatAt <= this.settings.sessionMs) continue;
        this.#deps.trace.sometimes('group: session timeout');
        this.remove(id, 'is silent');
      }
      this.#look();
    });
  }
}

/** One process's membership of a group. */
export class FakeMembership implements StageMembership {
  readonly #deps: { group: FakeGroup; process: SimProcess; network: Network; trace: Trace };
  readonly #instance: string;
  #id: string | null = null;
  #stopped = false;

  constructor(deps: { group: FakeGroup; process: SimProcess; network: Network; trace: Trace }, instance: string) {
    this.#deps = deps;
    this.#instance = instance;
  }

  async run(listener: Listener): Promise<void> {
    await this.#join();
    await new Promise<void>((resolve) => this.#beat(listener, resolve));
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

  async #join(): Promise<void> {
    const { group, process, network } = this.#deps;
    this.#id = await network.request(process, `join ${group.name}`, { losable: false }, () =>
      group.join(this.#instance),
    );
  }

  #beat(listener: Listener, onAssigned: () => void): void {
    const { group, process, network, trace } = this.#deps;
    void (async () => {
      const id = this.#id ?? '';
      const sentAt = momentOf(process.clock);
      const answer = await network.request(process, `beat ${id}`, { losable: false }, () => group.beat(id));
      if (this.#stopped) return;
      if (answer === 'gone') {
        trace.sometimes('group: an evicted member finds out');
        await this.#join();
      } else if (answer === 'ok') {
        listener.onHeartbeat(sentAt);
      } else {
        listener.onAssigned(answer.indexes);
        onAssigned();
      }
      const delayMs = answer === 'gone' ? 0 : group.settings.heartbeatMs;
      process.clock.after(delayMs, () => this.#stopped || this.#beat(listener, onAssigned));
    })();
  }
}
