/**
 * What is known of one (endpoint, lead) pair while anything of it is unsettled: at most one delivery in flight, the one that is
 * next, and behind it, for an endpoint that wants each revision, the later ones. Pure bookkeeping; `dispatch.ts` decides.
 */
import type { Outcome } from '../core/attempt.ts';
import type { Address } from '../core/byte-heap.ts';
import { factsOf, type OutboundFacts, type OutboundRecord, type PendingDelivery } from '../core/delivery.ts';
import { assert } from '../lib/assert.ts';
import type { Lane, LaneMember } from './lane.ts';
import type { PackedValues } from './packed-values.ts';
import type { Slot } from './send-window.ts';

/** One record on its way to one endpoint. */
export interface Delivery {
  readonly pair: Pair;
  record: OutboundFacts;
  /** The record's value: at hand, or where it is kept packed while the delivery is pending. */
  value: Buffer | Address;
  readonly since: number;
  /** The window's slot that it holds; null once settled or pending. */
  slot: Slot | null;
  /** Its name in `delivery-state` beside the pair's: the revision, or null if the pair keeps the newest alone. */
  readonly stateRevision: number | null;
  /** It is to be found in `delivery-state`, now or after the next commit. */
  pending: boolean;
  attempts: number;
  /** The pair's failed attempts in a row: grows the backoff, also across revisions. */
  failures: number;
  dueAt: number;
  firstFailureAt: number | null;
  lastFailureAt: number | null;
  lastStatus: number | null;
  lastCode: string;
}

const NONE: readonly Delivery[] = [];
/** Shared by the pairs, of which there may be very many: nearly all of them have written nothing, or the newest alone. */
const NOTHING_WRITTEN: ReadonlySet<number | null> = new Set();
const NEWEST_WRITTEN: ReadonlySet<number | null> = new Set([null]);

/** One (endpoint, lead). */
export class Pair implements LaneMember {
  readonly key: string;
  readonly lane: Lane;
  readonly leadId: string;
  inFlight: Delivery | null = null;
  /** The next one. */
  waiting: Delivery | null = null;
  /** Those behind it, oldest first; only for an endpoint with `supersede: false`. */
  later: readonly Delivery[] = NONE;
  /** Highest revision taken; -1 = none. */
  seen = -1;
  /** Stands in the lane's queue. */
  queued = false;
  /** Stands in the retry heap with this due time. */
  heapDueAt: number | null = null;
  /** Under which state revisions `delivery-state` holds a pending delivery of this pair, as far as it is committed. */
  written: ReadonlySet<number | null> = NOTHING_WRITTEN;
  readonly #begin: (pair: Pair) => boolean;

  constructor(at: { key: string; lane: Lane; leadId: string }, begin: (pair: Pair) => boolean) {
    this.key = at.key;
    this.lane = at.lane;
    this.leadId = at.leadId;
    this.#begin = begin;
  }

  begin(): boolean {
    return this.#begin(this);
  }

  dismissed(): void {
    this.queued = false;
  }

  /** The newest revision that is in flight or waits; -1 = none. */
  get newest(): number {
    return Math.max(-1, ...this.all.map(({ record }) => record.revision));
  }

  /** Every delivery of the pair that is not settled, in the order of sending. */
  get all(): Delivery[] {
    const first = [this.inFlight, this.waiting].filter((delivery) => delivery !== null);
    return this.later.length === 0 ? first : [...first, ...this.later];
  }

  /**
   * Puts a delivery that is newer than all others where it belongs: in the place of what waits, whose wait it inherits, for the
   * receiver is not hurried by changes; or behind it, where each revision counts.
   * @returns those that it has replaced.
   */
  queue(delivery: Delivery): readonly Delivery[] {
    const { waiting: old, later } = this;
    if (!old || !this.lane.endpoint.supersede) {
      this.append(delivery);
      return NONE;
    }
    this.waiting = delivery;
    this.later = NONE;
    delivery.dueAt = old.dueAt;
    delivery.failures = old.failures;
    return [old, ...later];
  }

  /** Puts a delivery at the end of those that wait. */
  append(delivery: Delivery): void {
    if (this.waiting) this.later = [...this.later, delivery];
    else this.waiting = delivery;
  }

  /** Puts a delivery before those that wait: it was sent and is to be sent again. */
  putBack(delivery: Delivery): void {
    if (this.waiting) this.later = [this.waiting, ...this.later];
    this.waiting = delivery;
  }

  /** Takes a delivery that waits out. */
  remove(delivery: Delivery): void {
    if (this.waiting === delivery) this.advance();
    else if (this.later.at(-1) === delivery) this.later = this.later.slice(0, -1);
    else this.later = this.later.filter((other) => other !== delivery);
  }

  /** The next one is none of those that wait any more; the one behind it is. */
  advance(): void {
    this.waiting = this.later[0] ?? null;
    if (this.later.length > 0) this.later = this.later.slice(1);
  }

  /** `delivery-state` holds a pending delivery of this pair under a state revision now, or does not any more. */
  noteWritten(stateRevision: number | null, held: boolean): void {
    if (stateRevision === null) {
      this.written = held ? NEWEST_WRITTEN : NOTHING_WRITTEN;
      return;
    }
    const written = new Set(this.written);
    if (held) written.add(stateRevision);
    else written.delete(stateRevision);
    this.written = written.size === 0 ? NOTHING_WRITTEN : written;
  }

  /** What `delivery-state` should hold for this pair under a state revision; null = nothing. */
  toStore(stateRevision: number | null): Delivery | null {
    const stored = this.all.filter((delivery) => delivery.pending && delivery.stateRevision === stateRevision);
    return stored.at(-1) ?? null;
  }
}

/** Keeps what an attempt that failed at `now` (ms) is remembered by. */
export function noteFailure(delivery: Delivery, outcome: Outcome, now: number): void {
  delivery.firstFailureAt ??= now;
  delivery.lastFailureAt = now;
  delivery.lastStatus = outcome.status;
  delivery.lastCode = outcome.code;
}

/** A delivery that was just taken from the outbound topic. */
export function newDelivery(pair: Pair, record: OutboundRecord, since: number): Delivery {
  return {
    pair,
    record,
    value: record.value,
    since,
    stateRevision: pair.lane.endpoint.supersede ? null : record.revision,
    slot: null,
    pending: false,
    attempts: 0,
    failures: 0,
    dueAt: 0,
    firstFailureAt: null,
    lastFailureAt: null,
    lastStatus: null,
    lastCode: '',
  };
}

/** A delivery read back from `delivery-state`, its value kept in `values`. */
export function restoredDelivery(
  pair: Pair,
  stored: PendingDelivery,
  { stateRevision, values }: { stateRevision: number | null; values: PackedValues },
): Delivery {
  const { packed, ...rest } = stored;
  return { ...rest, value: values.keepPacked(packed), pair, stateRevision, slot: null, pending: true };
}

/** Holds the delivery's value no longer as it was read, but packed. @returns how many bytes that takes. */
export function pack(delivery: Delivery, values: PackedValues): number {
  const { record, value } = delivery;
  assert(typeof value !== 'number', 'the value is packed already');
  delivery.value = values.keep(value);
  delivery.record = factsOf(record);
  return values.bytes(delivery.value);
}

/** The value of a delivery's record, unpacked if need be. */
export function recordValue({ value }: Delivery, values: PackedValues): Buffer {
  return typeof value === 'number' ? values.value(value) : value;
}

/** The delivery as `delivery-state` keeps it; it is pending. */
export function storedDelivery(delivery: Delivery, values: PackedValues): PendingDelivery {
  const { record, value, since, attempts, failures, dueAt } = delivery;
  const { firstFailureAt, lastFailureAt, lastStatus, lastCode } = delivery;
  assert(typeof value === 'number', 'what is pending is packed');
  const packed = values.packed(value);
  return { record, packed, since, attempts, failures, dueAt, firstFailureAt, lastFailureAt, lastStatus, lastCode };
}
