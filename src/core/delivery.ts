/**
 * What the Deliverer and Kafka tell each other, as plain interfaces: what is read from the outbound topic, what lies in
 * `delivery-state`, and what one transaction of a deliver task writes. How it is encoded is the Kafka side's business
 * (`kafka/internal-codec.ts`); what it means is decided in `delivery/deliverer.ts`. It lives in the core because neither
 * of the two may import the other.
 */

/** What is known of a record of the outbound topic beside its value. Key and headers can be told from these fields. */
export interface OutboundFacts {
  readonly offset: number;
  /** Decimal text: the record's key. */
  readonly leadId: string;
  /** `v1`, `v2` or `v3`. */
  readonly version: string;
  /** `moves * 2^32 + n`, a safe integer. */
  readonly revision: number;
  readonly cause: 'created' | 'changed';
  /** Decimal text. */
  readonly dealershipId: string;
  /** Newest source commit time in the emission, ms since the epoch; null = unknown. */
  readonly changedAt: number | null;
  readonly traceparent: string | null;
  /** How many bytes of framing stand before the body in the value: 0 or 5. What follows is POSTed. */
  readonly bodyStart: number;
}

/** One record of the outbound topic. */
export interface OutboundRecord extends OutboundFacts {
  /** The record's value as it lies in Kafka, framing included: dead letters carry it byte for byte. */
  readonly value: Buffer;
}

/** How values are kept that have to wait: packed, in memory as in `delivery-state`. `unpack` throws for other bytes. */
export interface Packing {
  pack(value: Buffer): Buffer;
  unpack(packed: Buffer): Buffer;
}

/** The facts of a record alone, so that its value need not be held. */
export function factsOf(record: OutboundFacts): OutboundFacts {
  const { offset, leadId, version, revision, cause, dealershipId, changedAt, traceparent, bodyStart } = record;
  return { offset, leadId, version, revision, cause, dealershipId, changedAt, traceparent, bodyStart };
}

/** Revisions from here on belong to leads that moved: for them the outbound topic's order is not the order of revisions. */
export const FIRST_MOVED_REVISION = 2 ** 32;

/** A delivery that no longer holds the input position: the value of `<endpoint>|<lead>|pending`. */
export interface PendingDelivery {
  readonly record: OutboundFacts;
  /** The record's value, packed. */
  readonly packed: Buffer;
  /** Attempts begun so far; the next one is number `attempts + 1`. */
  readonly attempts: number;
  /** Failed attempts in a row of the pair, those of revisions that this one replaced included: what the backoff grows by. */
  readonly failures: number;
  /** When the record was taken from the outbound topic, ms: the age of a delivery that never failed. */
  readonly since: number;
  /** Not before this time, ms. */
  readonly dueAt: number;
  /** Ms; null while no attempt failed. */
  readonly firstFailureAt: number | null;
  readonly lastFailureAt: number | null;
  /** HTTP status of the last failure; null = there was none. */
  readonly lastStatus: number | null;
  /** `http-503`, `timeout`, `network-ECONNREFUSED` …; empty while no attempt failed. */
  readonly lastCode: string;
}

/**
 * `seen`: the highest revision of a moved lead that the position has passed; a lower one that follows is stale.
 * `done`: an `on: create` endpoint has had this lead.
 * `dead`: the pair has a dead letter; the revision is the highest one delivered since, so that a redrive sends nothing older.
 */
export type MarkKind = 'seen' | 'done' | 'dead';

/** The revision of a `dead` mark while nothing has been delivered since the dead letter. */
export const NONE_DELIVERED = -1;

/** A dead letter is redriven for so long after it was written, ms: what the pair has had since is known for longer. */
export const REDRIVABLE_MS = 30 * 24 * 60 * 60 * 1000;

export interface Mark {
  readonly kind: MarkKind;
  readonly revision: number;
  /** Ms since the epoch; the owning task tombstones the mark afterwards. */
  readonly expiresAt: number;
}

/** The deliver task's position, as far as the Deliverer knows it (the Kafka side keeps more in the same record). */
export interface DeliverPosition {
  /** Every record before it is settled or pending. */
  readonly nextOffset: number;
  /** Records at this offset or later cannot have been sent before the next commit (exclusive bound). */
  readonly sentBound: number;
  /** The owner ended with nothing in flight and will start no attempt any more. */
  readonly released: boolean;
  /** Which life of which process wrote this; null = written by a release that did not say. */
  readonly owner: string | null;
  /** Every redrive request before this offset is settled or pending; where to read on. */
  readonly redrives: number;
}

/** A request to deliver a dead letter again, as the operator's command writes it into the topic of redrives. */
export interface RedriveRequest {
  readonly endpointId: string;
  /** What could not be delivered; its offset is the one in the outbound topic. */
  readonly record: OutboundRecord;
  /** Where the dead letter lies. */
  readonly letter: { readonly partition: number; readonly offset: number };
  /** When the dead letter was written, ms since the epoch. */
  readonly deadAt: number;
  /** Ms since the epoch. */
  readonly requestedAt: number;
}

/** Redrive requests in the order of their offsets, and the offset to read on from. */
export interface Redrives {
  readonly requests: readonly RedriveRequest[];
  readonly next: number;
}

/** What a task starts from: its state, read back after it fenced its predecessor. */
export interface DeliverStart {
  readonly position: DeliverPosition;
  /** Last stable offset of the outbound partition, read after fencing: up to there the window is read before any send. */
  readonly logEnd: number;
  /** Read once, and one at a time: there may be very many. Those of one pair come in the order of their revisions. */
  readonly pending: Iterable<{ readonly key: StateKey; readonly delivery: PendingDelivery }>;
  readonly marks: readonly { readonly key: StateKey; readonly mark: Mark }[];
}

export type DeadLetterCode = 'refused' | 'gone' | 'gave-up' | 'backlog' | 'endpoint-removed';

export interface DeadLetter {
  readonly record: OutboundRecord;
  readonly endpointId: string;
  readonly code: DeadLetterCode;
  /** A sentence without any value of the record. */
  readonly message: string;
  readonly attempts: number;
  readonly firstFailureAt: number | null;
  readonly lastFailureAt: number | null;
  readonly status: number | null;
}

/** What the next transaction of the task writes; all of it or nothing. */
export interface Commit {
  readonly position: DeliverPosition;
  /** null = tombstone. */
  readonly pending: readonly { readonly key: StateKey; readonly delivery: PendingDelivery | null }[];
  readonly marks: readonly { readonly key: StateKey; readonly mark: Mark | null }[];
  readonly deadLetters: readonly DeadLetter[];
}

export type StateSuffix = 'pending' | MarkKind;

export interface StateKey {
  readonly endpointId: string;
  readonly leadId: string;
  readonly suffix: StateSuffix;
  /** Only of what is pending for an endpoint with `supersede: false`, which keeps several of a lead. */
  readonly revision?: number;
}

/** Spells a key of `delivery-state`: `orange-crm|138559|pending`, or with a revision behind it. No part can contain a `|`. */
export function formatStateKey(key: StateKey): string {
  const name = `${key.endpointId}|${key.leadId}|${key.suffix}`;
  return key.revision === undefined ? name : `${name}|${key.revision}`;
}

/** Reads a key of `delivery-state` back; null for a key of another form (such as `position`). */
export function parseStateKey(text: string): StateKey | null {
  const [endpointId, leadId, suffix, revision, more] = text.split('|');
  if (!endpointId || !leadId || more !== undefined) return null;
  if (suffix !== 'pending' && suffix !== 'seen' && suffix !== 'done' && suffix !== 'dead') return null;
  if (revision === undefined) return { endpointId, leadId, suffix };
  return suffix === 'pending' && /^\d+$/.test(revision)
    ? { endpointId, leadId, suffix, revision: Number(revision) }
    : null;
}
