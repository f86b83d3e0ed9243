/**
 * The records of one task that are taken and may be sent, in offset order, and which of them still hold the input position.
 * A record's slot is open while one of its deliveries is neither settled nor pending; from then on nothing of the record is kept here
 * but its offset. Knows offsets, not endpoints.
 */

import { Fifo } from './fifo.ts';
import type { Delivery } from './pair.ts';

export interface Slot {
  readonly offset: number;
  /** Of the record, while it is held. */
  bytes: number;
  /** Ms since the epoch, and by the monotonic clock: how long it is held must not depend on a clock that is set. */
  readonly takenAt: number;
  readonly enteredAt: number;
  readonly deliveries: Delivery[];
  /** How many deliveries it began with: known to the window alone, and still when they are let go. */
  count: number;
  /** Pair keys whose `seen` mark must be written when the position passes this record; null = none. */
  seen: { readonly pair: string; readonly revision: number }[] | null;
  /** Deliveries that hold the position. */
  open: number;
}

/** The window of one task. */
export class SendWindow {
  readonly #slots = new Fifo<Slot>();
  #end: number;
  #bytes = 0;
  /** Deliveries of the records here, and how many of them are settled or pending. */
  #count = 0;
  #settled = 0;

  /** @param position offset of the first record that will come. */
  constructor(position: number) {
    this.#end = position;
  }

  /** Bytes of the records held: those with an open slot. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Everything below this offset has been admitted. */
  get end(): number {
    return this.#end;
  }

  /** The smallest offset that is not settled; the end when all are. `leave` first. */
  get position(): number {
    return this.#slots.peek()?.offset ?? this.#end;
  }

  /** The oldest record held; undefined when there is none. */
  get oldest(): Slot | undefined {
    return this.#slots.peek();
  }

  /**
   * More than a quarter of the deliveries here are settled: the others are stragglers that hold them up. Deliveries, not records: of
   * records that ten endpoints want none is settled as long as one of the ten hangs.
   */
  get heldByStragglers(): boolean {
    return this.#settled * 4 > this.#count;
  }

  /** Everything below `offset` has been admitted. */
  advance(offset: number): void {
    if (offset > this.#end) this.#end = offset;
  }

  /** Admits a record some of whose deliveries may hold the position. */
  admit(slot: Slot): void {
    this.#slots.push(slot);
    this.#bytes += slot.bytes;
    slot.count = slot.deliveries.length;
    this.#count += weightOf(slot);
    this.#settled += weightOf(slot) - slot.open;
    if (slot.open === 0) this.#close(slot);
  }

  /** The delivery no longer holds the position. Safe to call twice. */
  release(delivery: Delivery): void {
    const slot = delivery.slot;
    if (!slot) return;
    delivery.slot = null;
    slot.open -= 1;
    this.#settled += 1;
    if (slot.open === 0) this.#close(slot);
  }

  #close(slot: Slot): void {
    this.#bytes -= slot.bytes;
    slot.bytes = 0;
    slot.deliveries.length = 0;
  }

  /** Takes one settled record off the front; undefined when the front is open or there is none. */
  leave(): Slot | undefined {
    const first = this.#slots.peek();
    if (!first || first.open > 0) return undefined;
    this.#count -= weightOf(first);
    this.#settled -= weightOf(first);
    return this.#slots.shift();
  }

  /**
   * The open deliveries of all records up to the last one of which something is settled: while they hold the position, a new owner
   * reads that one again and repeats what has been sent of it.
   */
  beforeSettled(): Delivery[] {
    const slots = [...this.#slots];
    const last = slots.findLastIndex(({ open, count }) => open < count);
    const before = slots.slice(0, last + 1);
    return before.flatMap((slot) => slot.deliveries.filter((delivery) => delivery.slot === slot));
  }

  /** The open deliveries of records that were taken at `enteredBefore` (ms by the monotonic clock) or earlier. */
  *stragglers(enteredBefore: number): Generator<Delivery> {
    for (const slot of this.#slots) {
      if (slot.enteredAt > enteredBefore) return;
      for (const delivery of slot.deliveries) if (delivery.slot === slot) yield delivery;
    }
  }
}

/** What a record counts: one that nobody wants takes a place, too. */
function weightOf({ count }: Slot): number {
  return Math.max(1, count);
}
