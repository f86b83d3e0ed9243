/**
 * The pairs of one task: which delivery of a pair is sent when, and what its outcome changes. One in flight per pair, the
 * newest revision wins, failures wait in the retry heap. It holds every rule about outcomes and none about offsets: it only
 * tells the window, the marks and the state writes what is settled. Time, chance and the POST itself come in as arguments.
 */
import { type AttemptResult, backoffMs, giveUp, type Outcome, outcomeOf, retryAfterMs } from '../core/attempt.ts';
import {
  type DeadLetter,
  type DeadLetterCode,
  FIRST_MOVED_REVISION,
  type OutboundRecord,
  type PendingDelivery,
  REDRIVABLE_MS,
  type RedriveRequest,
} from '../core/delivery.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { Random } from '../lib/random.ts';
import { DeliveryReport } from './delivery-report.ts';
import { DueHeap } from './due-heap.ts';
import type { Lane, Lanes } from './lanes.ts';
import { type Marks, pairKey } from './marks.ts';
import { type Delivery, newDelivery, Pair, restoredDelivery } from './pair.ts';
import type { Post } from './post.ts';
import type { SendWindow, Slot } from './send-window.ts';
import type { StateWrites } from './state-writes.ts';

/** A timer is set for no longer than this at a time, ms (the platform's limit is 24 days). */
const SLEEP_MAX_MS = 60 * 60 * 1000;

export interface DispatchDeps {
  readonly lanes: Lanes;
  readonly post: Post;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly meter: Meter;
}

/**
 * What became of a redrive request. `taken`: it is pending now. `stale`: the pair has had this revision or a newer one since,
 * or is about to. `too-old`: so old that what was delivered since is not known any more. `not-wanted`: the endpoint is
 * defined for another version or dealership by now.
 */
export type RedriveOutcome = 'taken' | 'stale' | 'too-old' | 'not-wanted' | 'no-endpoint';

/** The books of the task that outcomes are written into. */
export interface Books {
  readonly window: SendWindow;
  readonly marks: Marks;
  readonly writes: StateWrites;
  /** Something has changed that the next commit will write. */
  readonly changed: () => void;
}

export class Dispatch {
  readonly #deps: DispatchDeps;
  readonly #report: DeliveryReport;
  readonly #books: Books;
  readonly #pendingBytesMax: number;
  readonly #pairs = new Map<string, Pair>();
  readonly #heap = new DueHeap<Pair>();
  /** Bytes pending in this task, per lane. */
  readonly #pendingBytes = new Map<Lane, number>();
  #state: 'closed' | 'open' | 'stopped' | 'abandoned' = 'closed';
  #inFlight = 0;
  #landed: (() => void) | null = null;
  #timer: { dueAt: number; cancel: () => void } | null = null;

  /** @param pendingBytesMax bytes of pending records per endpoint in this task. */
  constructor(deps: DispatchDeps, books: Books, pendingBytesMax: number) {
    this.#deps = deps;
    this.#report = new DeliveryReport(deps);
    this.#books = books;
    this.#pendingBytesMax = pendingBytesMax;
  }

  /** Requests under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes a delivery read back from `delivery-state`; one whose endpoint is gone becomes a dead letter. */
  restore(endpointId: string, leadId: string, stored: PendingDelivery): void {
    const lane = this.#deps.lanes.get(endpointId);
    if (!lane) {
      this.#books.writes.remove({ endpointId, leadId, suffix: 'pending' });
      this.#letter(endpointId, stored, { code: 'endpoint-removed', message: REMOVED });
      return;
    }
    const pair = this.#pair(lane, leadId);
    pair.seen = stored.record.revision;
    pair.waiting = restoredDelivery(pair, stored);
    pair.written = true;
    this.#countPending(lane, 1, stored.record.value.length);
  }

  /** Takes a record for one of the lanes that want it. Opens `slot` unless the record is stale or done already. */
  accept(lane: Lane, record: OutboundRecord, slot: Slot): void {
    const { marks } = this.#books;
    const { endpoint } = lane;
    const key = pairKey(endpoint.id, record.leadId);
    const known = this.#pairs.get(key);
    const seen = Math.max(known?.seen ?? -1, marks.revision('seen', key));
    // Equal: a pending delivery was read back whose record the position has not passed; its mark is still to be written.
    if (record.revision >= FIRST_MOVED_REVISION && record.revision >= seen) {
      marks.make('seen', endpoint.id, record.leadId, { revision: record.revision, now: slot.takenAt });
      slot.seen ??= [];
      slot.seen.push({ pair: key, revision: record.revision });
    }
    if (record.revision <= seen || (endpoint.on === 'create' && marks.revision('done', key) >= 0)) {
      this.#report.stale(endpoint.id);
      return;
    }
    const pair = known ?? this.#pair(lane, record.leadId);
    pair.seen = record.revision;
    const delivery = newDelivery(pair, record, slot.takenAt);
    delivery.slot = slot;
    slot.open += 1;
    slot.deliveries.push(delivery);
    this.#replaceWaiting(pair, delivery);
    this.#offer(pair);
  }

  /**
   * Takes a dead letter that is to be delivered again. It becomes pending at once, so no slot holds the position for it, and
   * takes its turn among the pair's others. Never sends what is older than what the pair has had or is about to get.
   */
  redrive(request: RedriveRequest, now: number): RedriveOutcome {
    const outcome = this.#redrive(request, now);
    this.#report.redrive(request.endpointId, outcome);
    return outcome;
  }

  #redrive({ endpointId, record, deadAt }: RedriveRequest, now: number): RedriveOutcome {
    const { marks } = this.#books;
    const lane = this.#deps.lanes.get(endpointId);
    if (!lane) return 'no-endpoint';
    const { endpoint } = lane;
    if (endpoint.version !== record.version || endpoint.dealership !== record.dealershipId) return 'not-wanted';
    const key = pairKey(endpointId, record.leadId);
    if (!marks.has('dead', key) || now - deadAt > REDRIVABLE_MS) return 'too-old';
    const delivered = marks.revision('dead', key);
    if (record.revision <= delivered || (endpoint.on === 'create' && delivered >= 0)) return 'stale';
    const pair = this.#pairs.get(key) ?? this.#pair(lane, record.leadId);
    if (pair.newest >= record.revision) return 'stale';
    pair.seen = Math.max(pair.seen, record.revision);
    const delivery = newDelivery(pair, record, now);
    this.#replaceWaiting(pair, delivery);
    this.makePending(delivery);
    this.#offer(pair);
    return 'taken';
  }

  /** From now on attempts may start. */
  open(): void {
    if (this.#state !== 'closed') return;
    this.#state = 'open';
    for (const pair of this.#pairs.values()) this.#offer(pair);
  }

  /** Starts no attempt any more; resolves when the last one in flight has ended. */
  stop(): Promise<void> {
    if (this.#state !== 'abandoned') this.#state = 'stopped';
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#landed = resolve;
    });
  }

  /** Another owner has the task: what is still in flight changes nothing here any more. */
  abandon(): void {
    void this.stop();
    this.#state = 'abandoned';
    for (const [lane, bytes] of this.#pendingBytes) lane.addPending(0, -bytes);
    for (const pair of this.#pairs.values()) {
      if (pair.waiting?.pending) pair.lane.addPending(-1, 0);
      if (pair.inFlight?.pending) pair.lane.addPending(-1, 0);
    }
    this.#pendingBytes.clear();
    this.#pairs.clear();
  }

  /** Settles what waits for endpoints that are no longer defined, as dead letters. */
  endpointsChanged(): void {
    for (const pair of this.#pairs.values()) {
      if (!pair.lane.removed || !pair.waiting) continue;
      this.#reject(pair.waiting, { code: 'endpoint-removed', message: REMOVED });
      pair.waiting = null;
      this.#forget(pair);
    }
  }

  /** Gives up what has waited for too long behind a disabled endpoint; others give up when an attempt fails. */
  expireDisabled(now: number): void {
    for (const pair of this.#pairs.values()) {
      const { endpoint } = pair.lane;
      const delivery = pair.waiting;
      if (endpoint.enabled || !delivery?.pending) continue;
      if (!giveUp(delivery.firstFailureAt ?? delivery.since, now, endpoint.retry.giveUpAfterMs)) continue;
      this.#reject(delivery, { code: 'gave-up', message: 'endpoint stayed disabled for longer than giveUpAfterMs' });
      pair.waiting = null;
      this.#forget(pair);
    }
  }

  /**
   * Lets a delivery hold the position no longer: it is written to `delivery-state` by the next commit. Beyond the limit of
   * pending bytes a waiting one becomes a dead letter instead (one in flight cannot).
   */
  makePending(delivery: Delivery): void {
    if (delivery.pending) return;
    const { pair } = delivery;
    const bytes = delivery.record.value.length;
    const held = this.#pendingBytes.get(pair.lane) ?? 0;
    if (pair.waiting === delivery && held + bytes > this.#pendingBytesMax) {
      this.#reject(delivery, { code: 'backlog', message: 'too many bytes are pending for this endpoint' });
      pair.waiting = null;
      this.#forget(pair);
      return;
    }
    delivery.pending = true;
    this.#countPending(pair.lane, 1, bytes);
    this.#books.window.release(delivery);
    this.#books.writes.touch(pair);
    this.#books.changed();
  }

  /** The plan is in Kafka: pairs that are at rest need no memory. */
  committed(): void {
    for (const pair of this.#books.writes.committed()) this.#forget(pair);
  }

  #pair(lane: Lane, leadId: string): Pair {
    const key = pairKey(lane.endpoint.id, leadId);
    const pair = new Pair({ key, lane, leadId }, this.#begin);
    this.#pairs.set(key, pair);
    return pair;
  }

  /** A newer revision takes the place of the waiting one, and inherits its wait: the receiver is not hurried by changes. */
  #replaceWaiting(pair: Pair, delivery: Delivery): void {
    const old = pair.waiting;
    pair.waiting = delivery;
    if (!old) return;
    delivery.dueAt = old.dueAt;
    delivery.failures = old.failures;
    this.#supersede(old);
  }

  #offer(pair: Pair): void {
    if (this.#state !== 'open' || !pair.waiting || pair.inFlight || pair.queued) return;
    if (pair.waiting.dueAt > this.#deps.clock.now()) {
      this.#sleep(pair, pair.waiting.dueAt);
      return;
    }
    pair.queued = true;
    pair.lane.enqueue(pair);
  }

  /** The lane has a free place: starts the pair's attempt. */
  readonly #begin = (pair: Pair): boolean => {
    pair.queued = false;
    const delivery = pair.waiting;
    if (this.#state !== 'open' || !delivery || pair.inFlight || pair.lane.removed) {
      this.#forget(pair);
      return false;
    }
    const startedAt = this.#deps.clock.now();
    if (delivery.dueAt > startedAt) {
      this.#sleep(pair, delivery.dueAt);
      return false;
    }
    pair.waiting = null;
    pair.inFlight = delivery;
    delivery.attempts += 1;
    this.#inFlight += 1;
    const { record, attempts } = delivery;
    const { leadId, version, revision } = record;
    const body = record.value.subarray(record.bodyStart);
    const request = { leadId, version, revision, attempt: attempts, body };
    void this.#deps.post(pair.lane.endpoint, request).then((result) => this.#ended(delivery, result, startedAt));
    return true;
  };

  #ended(delivery: Delivery, result: AttemptResult, startedAt: number): void {
    const { pair } = delivery;
    this.#inFlight -= 1;
    pair.inFlight = null;
    if (this.#state !== 'abandoned') {
      const now = this.#deps.clock.now();
      const outcome = outcomeOf(result, pair.lane.endpoint.outcomes);
      this.#report.attempt(delivery, outcome, { now, startedAt, result });
      if (outcome.kind === 'delivered') this.#delivered(delivery, now);
      else this.#notDelivered(delivery, outcome, { now, result });
      this.#offer(pair);
      this.#forget(pair);
      this.#books.changed();
    }
    pair.lane.finished();
    if (this.#inFlight === 0) this.#landed?.();
  }

  #delivered(delivery: Delivery, now: number): void {
    const { pair, record } = delivery;
    const { endpoint } = pair.lane;
    this.#settle(delivery);
    this.#books.marks.delivered(pair.key, record.revision);
    if (endpoint.on !== 'create') return;
    this.#books.marks.make('done', endpoint.id, pair.leadId, { revision: record.revision, now });
    this.#books.marks.release('done', pair.key, record.revision);
    if (pair.waiting) this.#supersede(pair.waiting);
    pair.waiting = null;
  }

  #notDelivered(delivery: Delivery, outcome: Outcome, at: { now: number; result: AttemptResult }): void {
    const { pair } = delivery;
    const { retry } = pair.lane.endpoint;
    delivery.failures += 1;
    delivery.firstFailureAt ??= at.now;
    delivery.lastFailureAt = at.now;
    delivery.lastStatus = outcome.status;
    delivery.lastCode = outcome.code;
    const asked = at.result.kind === 'answer' ? retryAfterMs(at.result.retryAfter, at.now) : null;
    const dueAt = at.now + Math.max(backoffMs(delivery.failures, retry, this.#deps.random), asked ?? 0);
    if (pair.waiting) {
      pair.waiting.dueAt = Math.max(pair.waiting.dueAt, outcome.kind === 'retry' ? dueAt : 0);
      pair.waiting.failures = delivery.failures;
      this.#supersede(delivery);
    } else if (outcome.kind !== 'retry') {
      const code = outcome.kind === 'gone' ? 'gone' : 'refused';
      this.#reject(delivery, { code, message: `endpoint answered ${outcome.code}` });
    } else if (pair.lane.removed) {
      this.#reject(delivery, { code: 'endpoint-removed', message: REMOVED });
    } else if (giveUp(delivery.firstFailureAt, at.now, retry.giveUpAfterMs)) {
      this.#reject(delivery, {
        code: 'gave-up',
        message: `failed for longer than giveUpAfterMs, last ${outcome.code}`,
      });
    } else {
      delivery.dueAt = dueAt;
      pair.waiting = delivery;
      if (delivery.pending) this.#books.writes.touch(pair);
      else this.makePending(delivery);
    }
  }

  #supersede(delivery: Delivery): void {
    this.#report.superseded(delivery.pair.lane.endpoint.id);
    this.#settle(delivery);
  }

  #reject(delivery: Delivery, why: { code: DeadLetterCode; message: string }): void {
    this.#letter(delivery.pair.lane.endpoint.id, delivery, why);
    this.#settle(delivery);
  }

  #letter(
    endpointId: string,
    delivery: Omit<PendingDelivery, 'since' | 'dueAt' | 'lastCode'>,
    { code, message }: { code: DeadLetterCode; message: string },
  ): void {
    const { record, attempts, firstFailureAt, lastFailureAt, lastStatus: status } = delivery;
    const times = { firstFailureAt, lastFailureAt };
    const letter: DeadLetter = { record, endpointId, code, message, attempts, ...times, status };
    this.#books.writes.deadLetter(letter);
    this.#books.marks.bury(endpointId, record.leadId, this.#deps.clock.now());
    this.#report.deadLetter(letter);
    this.#books.changed();
  }

  /** The delivery needs nothing more. */
  #settle(delivery: Delivery): void {
    this.#books.window.release(delivery);
    this.#books.changed();
    if (!delivery.pending) return;
    delivery.pending = false;
    this.#countPending(delivery.pair.lane, -1, -delivery.record.value.length);
    this.#books.writes.touch(delivery.pair);
  }

  #countPending(lane: Lane, deliveries: number, bytes: number): void {
    this.#pendingBytes.set(lane, (this.#pendingBytes.get(lane) ?? 0) + bytes);
    lane.addPending(deliveries, bytes);
  }

  #forget(pair: Pair): void {
    if (pair.inFlight || pair.waiting || pair.queued || pair.written || this.#books.writes.concerns(pair)) return;
    if (this.#pairs.get(pair.key) === pair) this.#pairs.delete(pair.key);
  }

  #sleep(pair: Pair, dueAt: number): void {
    if (pair.heapDueAt !== null && pair.heapDueAt <= dueAt) return;
    pair.heapDueAt = dueAt;
    this.#heap.push(dueAt, pair);
    this.#setTimer();
  }

  #setTimer(): void {
    const dueAt = this.#heap.nextDueAt;
    if (dueAt === null || this.#state !== 'open' || (this.#timer && this.#timer.dueAt <= dueAt)) return;
    this.#timer?.cancel();
    const delay = Math.min(Math.max(dueAt - this.#deps.clock.now(), 0), SLEEP_MAX_MS);
    this.#timer = { dueAt, cancel: this.#deps.clock.after(delay, this.#wake) };
  }

  readonly #wake = (): void => {
    this.#timer = null;
    const now = this.#deps.clock.now();
    for (let pair = this.#heap.takeDue(now); pair; pair = this.#heap.takeDue(now)) {
      pair.heapDueAt = null;
      this.#offer(pair);
    }
    this.#setTimer();
  };
}

const REMOVED = 'endpoint is no longer defined';
