/**
 * What the next commit must write besides position and marks: pending deliveries that changed, and dead letters. A plan that
 * is rolled back returns whole to the next one, so position and writes never come apart.
 */
import type { DeadLetter, PendingDelivery, StateKey } from '../core/delivery.ts';
import type { PackedValues } from './packed-values.ts';
import { type Delivery, type Pair, storedDelivery } from './pair.ts';

/** A write of `delivery-state`; null = tombstone. */
export interface PendingWrite {
  readonly key: StateKey;
  readonly delivery: PendingDelivery | null;
}

export class StateWrites {
  readonly #values: PackedValues;
  /** By pair, under which state revisions. */
  #dirty = new Map<Pair, Set<number | null>>();
  #removed: StateKey[] = [];
  #deadLetters: DeadLetter[] = [];
  #planned: { pairs: Map<Pair, Map<number | null, boolean>>; removed: StateKey[]; deadLetters: DeadLetter[] } | null =
    null;

  /** @param values where the values of pending deliveries are kept. */
  constructor(values: PackedValues) {
    this.#values = values;
  }

  /** What `delivery-state` should hold of the delivery has changed. */
  touch({ pair, stateRevision }: Delivery): void {
    this.#touch(pair, stateRevision);
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
    const pairs = new Map<Pair, Map<number | null, boolean>>();
    for (const [pair, revisions] of this.#dirty) {
      const held = new Map<number | null, boolean>();
      pairs.set(pair, held);
      for (const revision of revisions) {
        const delivery = pair.toStore(revision);
        held.set(revision, delivery !== null);
        if (!delivery && !pair.written.has(revision)) continue;
        pending.push({ key: keyOf(pair, revision), delivery: delivery && storedDelivery(delivery, this.#values) });
      }
    }
    this.#planned = { pairs, removed: this.#removed, deadLetters: this.#deadLetters };
    this.#dirty = new Map();
    this.#removed = [];
    this.#deadLetters = [];
    return { pending, deadLetters: this.#planned.deadLetters };
  }

  /** The plan is in Kafka. @returns the pairs that it wrote. */
  committed(): Iterable<Pair> {
    const pairs = this.#planned?.pairs ?? new Map<Pair, Map<number | null, boolean>>();
    for (const [pair, held] of pairs) {
      for (const [revision, written] of held) pair.noteWritten(revision, written);
    }
    this.#planned = null;
    return pairs.keys();
  }

  /** The plan is not in Kafka. */
  rolledBack(): void {
    if (!this.#planned) return;
    for (const [pair, held] of this.#planned.pairs) {
      for (const revision of held.keys()) this.#touch(pair, revision);
    }
    this.#removed = [...this.#planned.removed, ...this.#removed];
    this.#deadLetters = [...this.#planned.deadLetters, ...this.#deadLetters];
    this.#planned = null;
  }

  #touch(pair: Pair, revision: number | null): void {
    const revisions = this.#dirty.get(pair) ?? new Set();
    this.#dirty.set(pair, revisions.add(revision));
  }
}

function keyOf(pair: Pair, revision: number | null): StateKey {
  const key: StateKey = { endpointId: pair.lane.endpoint.id, leadId: pair.leadId, suffix: 'pending' };
  return revision === null ? key : { ...key, revision };
}
