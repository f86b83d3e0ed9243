/**
 * Deliveries that are lost because their endpoint is: removed from the definitions, or gone by its own word. They become dead
 * letters, a portion for each commit: there may be hundreds of thousands, and each is unpacked.
 */
import type { PendingDelivery, StateKey } from '../core/delivery.ts';
import { GONE, REMOVED, type Why } from './dead-letter-book.ts';
import type { Delivery, Pair } from './pair.ts';

/** So much at most becomes dead letters in one commit because of its endpoint or its age. */
const PORTION_DELIVERIES = 1000;
const PORTION_BYTES = 8 * 1024 * 1024;

/** What one commit may still bury. */
export class Portion {
  #deliveries = 0;
  #bytes = 0;

  get full(): boolean {
    return this.#deliveries >= PORTION_DELIVERIES || this.#bytes >= PORTION_BYTES;
  }

  /** A delivery of a value of `bytes` was buried. */
  add(bytes: number): void {
    this.#deliveries += 1;
    this.#bytes += bytes;
  }
}

/** A pending delivery of an endpoint that was not defined when it was read back. */
export interface Orphan {
  readonly key: StateKey;
  readonly stored: PendingDelivery;
}

export interface LostDeps {
  readonly pairs: () => Iterable<Pair>;
  /** Makes a dead letter of a delivery that waits. @returns the bytes of its value. */
  readonly reject: (delivery: Delivery, why: Why) => number;
  readonly rejectOrphan: (orphan: Orphan, why: Why) => number;
  /** Takes an orphan whose endpoint is defined; false = it is not. */
  readonly restore: (orphan: Orphan) => boolean;
  /** The endpoint is fine: whatever of the pair is ready may start. */
  readonly revive: (pair: Pair) => void;
  /** There is something for the next commit. */
  readonly changed: () => void;
}

/** What is lost of one task. */
export class LostDeliveries {
  readonly #deps: LostDeps;
  #orphans: Orphan[] = [];
  #suspected = false;

  constructor(deps: LostDeps) {
    this.#deps = deps;
  }

  /**
   * Endpoints have come, gone or changed their state: the next `bury` looks. Orphans whose endpoint is defined again are taken
   * at once, before anything newer of their leads can be.
   */
  suspect(): void {
    this.#orphans = this.#orphans.filter((orphan) => !this.#deps.restore(orphan));
    this.#suspected = true;
    this.#deps.changed();
  }

  /** Keeps an orphan until `bury`. */
  adopt(orphan: Orphan): void {
    this.#orphans.push(orphan);
    this.#suspected = true;
  }

  /** Rejects a portion of what is lost; what was thought to be lost and is not goes on. */
  bury(): void {
    if (!this.#suspected) return;
    this.#suspected = false;
    const portion = new Portion();
    while (this.#orphans.length > 0 && !portion.full) {
      const orphan = this.#orphans.pop();
      if (orphan) portion.add(this.#deps.rejectOrphan(orphan, REMOVED));
    }
    let more = this.#orphans.length > 0;
    for (const pair of this.#deps.pairs()) {
      const { lane } = pair;
      if (!lane.removed && !lane.gone) this.#deps.revive(pair);
      else if (!this.#buryPair(pair, portion)) more = true;
    }
    if (!more) return;
    this.#suspected = true;
    this.#deps.changed();
  }

  /** The newest first: to take one off the end of many is quick. @returns whether nothing of the pair is left. */
  #buryPair({ lane, all, inFlight }: Pair, portion: Portion): boolean {
    for (let at = all.length - 1; at >= 0; at -= 1) {
      const delivery = all[at];
      if (delivery === undefined || delivery === inFlight) continue;
      if (portion.full) return false;
      portion.add(this.#deps.reject(delivery, lane.removed ? REMOVED : GONE));
    }
    return true;
  }
}
