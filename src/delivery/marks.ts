/**
 * The marks of one task: `seen` (highest revision of a moved lead that was taken), `done` (an `on: create` endpoint has
 * had the lead) and `dead` (the pair has a dead letter; highest revision delivered since). A mark counts from the moment it is made; it is written to `delivery-state` by the next commit after it
 * was *released* (seen: when the position passes its record, for before that the record itself must still be taken after a
 * restart; done and dead: at once). Expired marks are tombstoned.
 */
import { type Mark, type MarkKind, NONE_DELIVERED, type StateKey } from '../core/delivery.ts';

interface Held {
  readonly key: StateKey;
  readonly mark: Mark;
}

/** A write of `delivery-state`; null = tombstone. */
export interface MarkWrite {
  readonly key: StateKey;
  readonly mark: Mark | null;
}

/** How long marks are kept, in ms. */
export interface MarkLifetimes {
  readonly seenMs: number;
  readonly doneMs: number;
  readonly deadMs: number;
}

const KINDS = ['seen', 'done', 'dead'] as const satisfies readonly MarkKind[];

export class Marks {
  readonly #lifetimes: MarkLifetimes;
  /** Per kind by pair key, in the order of expiry: all marks of a kind live equally long. */
  readonly #held: Record<MarkKind, Map<string, Held>> = {
    seen: new Map(),
    done: new Map(),
    dead: new Map(),
  };
  #unwritten = new Map<string, MarkWrite>();
  #planned: Map<string, MarkWrite> | null = null;

  constructor(lifetimes: MarkLifetimes) {
    this.#lifetimes = lifetimes;
  }

  /** Takes marks read back from `delivery-state`. */
  load(marks: readonly { readonly key: StateKey; readonly mark: Mark }[]): void {
    const inOrder = [...marks].sort((a, b) => a.mark.expiresAt - b.mark.expiresAt);
    for (const held of inOrder) this.#held[held.mark.kind].set(pairKey(held.key.endpointId, held.key.leadId), held);
  }

  /** The revision of a pair's mark; -1 when there is none. */
  revision(kind: MarkKind, pair: string): number {
    return this.#held[kind].get(pair)?.mark.revision ?? -1;
  }

  /** Makes or renews a mark; it counts at once and is written only after `release`. */
  make(kind: MarkKind, endpointId: string, leadId: string, at: { revision: number; now: number }): void {
    const expiresAt = at.now + this.#lifetimes[`${kind}Ms`];
    const pair = pairKey(endpointId, leadId);
    const held = { key: { endpointId, leadId, suffix: kind }, mark: { kind, revision: at.revision, expiresAt } };
    this.#held[kind].delete(pair);
    this.#held[kind].set(pair, held);
  }

  /** Notes a dead letter of the pair: what was delivered since an earlier one stays known, for as long as this one is kept. */
  bury(endpointId: string, leadId: string, now: number): void {
    const pair = pairKey(endpointId, leadId);
    const revision = Math.max(this.revision('dead', pair), NONE_DELIVERED);
    this.make('dead', endpointId, leadId, { revision, now });
    this.release('dead', pair, revision);
  }

  /** A revision was delivered: the pair's `dead` mark shows it, if there is one; its expiry stays. */
  delivered(pair: string, revision: number): void {
    const held = this.#held.dead.get(pair);
    if (!held || held.mark.revision >= revision) return;
    this.#held.dead.set(pair, { key: held.key, mark: { ...held.mark, revision } });
    this.release('dead', pair, revision);
  }

  /** Whether the pair has a mark of the kind. */
  has(kind: MarkKind, pair: string): boolean {
    return this.#held[kind].has(pair);
  }

  /**
   * The next commit shall write the pair's mark with `revision`. A mark that has grown meanwhile is written with the lower
   * revision: the higher one's own record has not been passed yet.
   */
  release(kind: MarkKind, pair: string, revision: number): void {
    const held = this.#held[kind].get(pair);
    if (!held) return;
    this.#unwritten.set(`${pair}|${kind}`, { key: held.key, mark: { ...held.mark, revision } });
  }

  /** What the commit under way writes; must be followed by `committed` or `rolledBack`. */
  plan(now: number): MarkWrite[] {
    for (const kind of KINDS) this.#expire(kind, now);
    this.#planned = this.#unwritten;
    this.#unwritten = new Map();
    return [...this.#planned.values()];
  }

  /** Whether `plan` would write anything that has been released. */
  get waiting(): boolean {
    return this.#unwritten.size > 0;
  }

  /** The planned writes are in Kafka. */
  committed(): void {
    this.#planned = null;
  }

  /** The planned writes are not in Kafka: they belong to the next plan, unless something newer does already. */
  rolledBack(): void {
    const newer = this.#unwritten;
    this.#unwritten = new Map([...(this.#planned ?? []), ...newer]);
    this.#planned = null;
  }

  #expire(kind: MarkKind, now: number): void {
    for (const [pair, held] of this.#held[kind]) {
      if (held.mark.expiresAt > now) return;
      this.#held[kind].delete(pair);
      this.#unwritten.set(`${pair}|${kind}`, { key: held.key, mark: null });
    }
  }
}

/** How a pair is named in memory. */
export function pairKey(endpointId: string, leadId: string): string {
  return `${endpointId}|${leadId}`;
}
