/**
 * Deliveries that are lost because their endpoint is: removed from the definitions, or gone by its own word. They become dead
 * letters, a portion for each commit: there may be hundreds of thousands, and each is unpacked.
 */
import type { PendingDelivery, StateKey } from '../core/delivery.ts';
import { GONE, REMOVED, type Why } from './dead-letter-book.ts';
import type { Delivery, Pair } from './pair.ts';

/** So many deliveries at most become dead letters in one commit because of their endpoint or their age. */
export const BURIED_MAX = 1000;

/** A pending delivery of an endpoint that was not defined when it was read back. */
export interface Orphan {
  readonly key: StateKey;
  readonly stored: PendingDelivery;
}

export interface LostDeps {
  readonly pairs: () => Iterable<Pair>;
  /** Makes a dead letter of a delivery that waits. */
  readonly reject: (delivery: Delivery, why: Why) => void;
  readonly rejectOrphan: (orphan: Orphan, why: Why) => void;
  /** There is something for the next commit. */
  readonly changed: () => void;
}

export class LostDeliveries {
  readonly #deps: LostDeps;
  #orphans: Orphan[] = [];
  #suspected = false;

  constructor(deps: LostDeps) {
    this.#deps = deps;
  }

  /** There may be deliveries whose endpoint is removed or gone: the next `bury` looks. */
  suspect(): void {
    this.#suspected = true;
    this.#deps.changed();
  }

  /** Keeps an orphan until `bury`. */
  adopt(orphan: Orphan): void {
    this.#orphans.push(orphan);
    this.#suspected = true;
  }

  /** Rejects a portion of what is lost. */
  bury(): void {
    if (!this.#suspected) return;
    this.#suspected = false;
    const orphans = this.#orphans.splice(0, BURIED_MAX);
    for (const orphan of orphans) this.#deps.rejectOrphan(orphan, REMOVED);
    let buried = orphans.length;
    for (const { lane, all, inFlight } of this.#deps.pairs()) {
      if (!lane.removed && !lane.gone) continue;
      if (buried >= BURIED_MAX) {
        this.suspect();
        return;
      }
      for (const delivery of all) {
        if (delivery === inFlight) continue;
        this.#deps.reject(delivery, lane.removed ? REMOVED : GONE);
        buried += 1;
      }
    }
    if (this.#orphans.length > 0) this.suspect();
  }
}
