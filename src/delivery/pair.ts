/**
 * What is known of one (endpoint, lead) pair while anything of it is unsettled: at most one delivery in flight and at most
 * one waiting, the newest. Pure bookkeeping; `deliverer.ts` decides.
 */
import type { OutboundRecord, PendingDelivery } from '../core/delivery.ts';
import type { Lane, LaneMember } from './lanes.ts';
import type { Slot } from './send-window.ts';

/** One record on its way to one endpoint. */
export interface Delivery {
  readonly pair: Pair;
  readonly record: OutboundRecord;
  readonly since: number;
  /** The window's slot that it holds; null once settled or pending. */
  slot: Slot | null;
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

/** One (endpoint, lead). */
export class Pair implements LaneMember {
  readonly key: string;
  readonly lane: Lane;
  readonly leadId: string;
  inFlight: Delivery | null = null;
  waiting: Delivery | null = null;
  /** Highest revision taken; -1 = none. */
  seen = -1;
  /** Stands in the lane's queue. */
  queued = false;
  /** Stands in the retry heap with this due time. */
  heapDueAt: number | null = null;
  /** `delivery-state` holds a pending delivery of this pair, as far as it is committed. */
  written = false;
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

  /** The newest revision that is in flight or waits; -1 = none. */
  get newest(): number {
    return Math.max(this.inFlight?.record.revision ?? -1, this.waiting?.record.revision ?? -1);
  }

  /** What `delivery-state` should hold for this pair; null = nothing. */
  get toStore(): Delivery | null {
    if (this.waiting?.pending) return this.waiting;
    return this.inFlight?.pending ? this.inFlight : null;
  }
}

/** A delivery that was just taken from the outbound topic. */
export function newDelivery(pair: Pair, record: OutboundRecord, since: number): Delivery {
  return {
    pair,
    record,
    since,
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

/** A delivery read back from `delivery-state`. */
export function restoredDelivery(pair: Pair, stored: PendingDelivery): Delivery {
  const failures = stored.firstFailureAt === null ? 0 : stored.attempts;
  return { ...stored, pair, slot: null, pending: true, failures };
}

/** The delivery as `delivery-state` keeps it. */
export function storedDelivery(delivery: Delivery): PendingDelivery {
  const { record, since, attempts, dueAt, firstFailureAt, lastFailureAt, lastStatus, lastCode } = delivery;
  return { record, since, attempts, dueAt, firstFailureAt, lastFailureAt, lastStatus, lastCode };
}
