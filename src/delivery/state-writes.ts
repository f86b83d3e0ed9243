/**
 * What the next commit must write besides position and marks: pending deliveries that changed, and dead letters. A plan that
 * is rolled back returns whole to the next one, so position and writes never come apart.
 */
import type { DeadLetter, PendingDelivery, StateKey } from '../core/delivery.ts';
import { type Pair, storedDelivery } from './pair.ts';

/** A write of `delivery-state`; null = tombstone. */
export interface PendingWrite {
  readonly key: StateKey;
  readonly delivery: PendingDelivery | null;
}

export class StateWrites {
  #dirty = new Set<Pair>();
  #removed: StateKey[] = [];
  #deadLetters: DeadLetter[] = [];
  #planned: { pairs: Map<Pair, boolean>; removed: StateKey[]; deadLetters: DeadLetter[] } | null = null;

  /** What `delivery-state` should hold for the pair has changed. */
  touch(pair: Pair): void {
    this.#dirty.add(pair);
  }

  /** A stored delivery whose endpoint does not exist any more is to be tombstoned. */
  remove(key: StateKey): void {
    this.#removed.push(key);
  }

  /** One record for the dead-letter topic. */
  deadLetter(letter: DeadLetter): void {
    this.#deadLetters.push(letter);
  }

  /** Whether a commit under way or to come still concerns the pair. */
  concerns(pair: Pair): boolean {
    return this.#dirty.has(pair) || this.#planned?.pairs.has(pair) === true;
  }

  /** What the commit under way writes; must be followed by `committed` or `rolledBack`. */
  plan(): { pending: PendingWrite[]; deadLetters: DeadLetter[] } {
    const pending: PendingWrite[] = this.#removed.map((key) => ({ key, delivery: null }));
    const pairs = new Map<Pair, boolean>();
    for (const pair of this.#dirty) {
      const delivery = pair.toStore;
      pairs.set(pair, delivery !== null);
      if (!delivery && !pair.written) continue;
      const key: StateKey = { endpointId: pair.lane.endpoint.id, leadId: pair.leadId, suffix: 'pending' };
      pending.push({ key, delivery: delivery && storedDelivery(delivery) });
    }
    this.#planned = { pairs, removed: this.#removed, deadLetters: this.#deadLetters };
    this.#dirty = new Set();
    this.#removed = [];
    this.#deadLetters = [];
    return { pending, deadLetters: this.#planned.deadLetters };
  }

  /** The plan is in Kafka. @returns the pairs that it wrote. */
  committed(): Iterable<Pair> {
    const pairs = this.#planned?.pairs ?? new Map<Pair, boolean>();
    for (const [pair, written] of pairs) pair.written = written;
    this.#planned = null;
    return pairs.keys();
  }

  /** The plan is not in Kafka. */
  rolledBack(): void {
    if (!this.#planned) return;
    for (const pair of this.#planned.pairs.keys()) this.#dirty.add(pair);
    this.#removed = [...this.#planned.removed, ...this.#removed];
    this.#deadLetters = [...this.#planned.deadLetters, ...this.#deadLetters];
    this.#planned = null;
  }
}
