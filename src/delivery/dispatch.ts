/**
 * The pairs of one task: which delivery of a pair is sent when, and what its outcome changes. One in flight per pair, the
 * newest revision wins, failures wait in the retry heap. It holds every rule about outcomes and none about offsets: it only
 * tells the window, the marks and the state writes what is settled. Time, chance and the POST itself come in as arguments.
 */
import { type AttemptResult, type Outcome, outcomeOf } from '../core/attempt.ts';
import type { OutboundRecord, PendingDelivery, RedriveRequest, StateKey } from '../core/delivery.ts';
import { hasMoved, movesOf } from '../core/emission.ts';
import { type Clock, deadlineIn, leftMs, momentOf } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { Random } from '../lib/random.ts';
import { Backlog, type BacklogOptions } from './backlog.ts';
import type { Books } from './books.ts';
import { DeadLetterBook, GONE, type Why } from './dead-letter-book.ts';
import { DeliveryReport } from './delivery-report.ts';
import type { Lane, LaneMember } from './lane.ts';
import type { Lanes } from './lanes.ts';
import { LostDeliveries, Portion } from './lost-deliveries.ts';
import { pairKey } from './marks.ts';
import { type Delivery, newDelivery, noteFailure, Pair, recordValue } from './pair.ts';
import { type Post, requestOf } from './post.ts';
import { judgeRedrive } from './redrive-rules.ts';
import { agesOf, hopeless, nextDueAt } from './retry-rules.ts';
import { RetryTimes } from './retry-times.ts';
import type { Slot } from './send-window.ts';

export interface DispatchDeps {
  readonly lanes: Lanes;
  readonly post: Post;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly meter: Meter;
}

export interface DispatchOptions extends BacklogOptions {
  /** A delivery becomes pending at once if its lane is held for longer than this, ms. */
  readonly pendingAfterMs: number;
}

export class Dispatch {
  /** What waits for endpoints that are no longer defined, or gone; buried a portion at a time, before each commit. */
  readonly lost: LostDeliveries;
  readonly #deps: DispatchDeps;
  readonly #report: DeliveryReport;
  readonly #books: Books;
  readonly #options: DispatchOptions;
  readonly #pairs = new Map<string, Pair>();
  readonly #retries: RetryTimes<Pair>;
  readonly #unwatch: () => void;
  readonly #backlog: Backlog;
  readonly #letters: DeadLetterBook;
  #state: 'closed' | 'open' | 'stopped' | 'abandoned' = 'closed';
  #inFlight = 0;
  #landed: (() => void)[] = [];

  constructor(deps: DispatchDeps, books: Books, options: DispatchOptions) {
    this.#deps = deps;
    this.#report = new DeliveryReport(deps);
    this.#books = books;
    this.#letters = new DeadLetterBook(books, this.#report);
    this.#options = options;
    this.#backlog = new Backlog(books.values, options);
    this.lost = new LostDeliveries({
      pairs: () => this.#pairs.values(),
      reject: (delivery, why) => this.#rejectWaiting(delivery, why),
      rejectOrphan: ({ key, stored }, why) => {
        const value = books.values.unpacked(stored.packed);
        books.writes.remove(key);
        this.#letter(key.endpointId, { ...stored, value }, why);
        return value.length;
      },
      restore: ({ key, stored }) => this.#restore(key, stored),
      revive: (pair) => this.#offer(pair),
      changed: books.changed,
    });
    this.#retries = new RetryTimes(deps.clock, (pair) => this.#offer(pair));
    this.#unwatch = deps.lanes.watch(() => this.lost.suspect());
  }

  /** Requests under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Takes a delivery read back from `delivery-state`, those of one pair in the order of their revisions; one whose endpoint
   * is removed or gone becomes a dead letter.
   */
  restore(key: StateKey, stored: PendingDelivery): void {
    if (!this.#restore(key, stored)) this.lost.adopt({ key, stored });
    else if (this.#deps.lanes.get(key.endpointId)?.gone) this.lost.suspect();
  }

  #restore(key: StateKey, stored: PendingDelivery): boolean {
    const { endpointId, leadId } = key;
    const lane = this.#deps.lanes.get(endpointId);
    if (!lane) return false;
    const pair = this.#pairs.get(pairKey(endpointId, leadId)) ?? this.#pair(lane, leadId);
    const delivery = this.#backlog.restore(pair, stored, key.revision ?? null);
    pair.noteWritten(delivery.stateRevision, true);
    pair.seen = Math.max(pair.seen, stored.record.revision);
    this.#queue(pair, delivery);
    return true;
  }

  /** Takes a record for one of the lanes that want it. Opens `slot` unless the record is stale or done already. */
  accept(lane: Lane, record: OutboundRecord, slot: Slot): void {
    const { marks } = this.#books;
    const { endpoint } = lane;
    const key = pairKey(endpoint.id, record.leadId);
    const known = this.#pairs.get(key);
    const seen = Math.max(known?.seen ?? -1, marks.revision('seen', key));
    // Equal: a pending delivery was read back whose record the position has not passed; its mark is still to be written.
    if (hasMoved(movesOf(record.revision)) && record.revision >= seen) {
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
    if (lane.gone) {
      this.#letter(endpoint.id, { ...delivery, value: record.value }, GONE);
      this.#forget(pair);
      return;
    }
    delivery.slot = slot;
    slot.open += 1;
    slot.deliveries.push(delivery);
    this.#queue(pair, delivery);
    this.#offer(pair);
  }

  /** Of a record just taken: what waits for a lane that is held for long does not hold the position. */
  giveWayToHeld({ deliveries, takenAt, open }: Slot): void {
    if (open === 0 || !deliveries.some(({ pair }) => pair.lane.heldFor(this.#options.pendingAfterMs, takenAt))) return;
    if (this.#deps.lanes.wayOutBroken) return;
    for (const delivery of deliveries) {
      const { lane, inFlight } = delivery.pair;
      if (delivery.slot === null || inFlight === delivery) continue;
      if (lane.heldFor(this.#options.pendingAfterMs, takenAt)) this.makePending(delivery);
    }
  }

  /**
   * Takes a dead letter that is to be delivered again. It becomes pending at once, so no slot holds the position for it, and
   * takes its turn among the pair's others. Never sends what is older than what the pair has had or is about to get.
   */
  redrive(request: RedriveRequest, now: number): void {
    const { endpointId, record } = request;
    const lane = this.#deps.lanes.get(endpointId);
    const known = this.#pairs.get(pairKey(endpointId, record.leadId));
    const outcome = judgeRedrive(request, { lane, marks: this.#books.marks, newest: known?.newest ?? -1, now });
    this.#report.redrive(endpointId, outcome);
    if (outcome !== 'taken' || !lane) return;
    const pair = known ?? this.#pair(lane, record.leadId);
    pair.seen = Math.max(pair.seen, record.revision);
    const delivery = newDelivery(pair, record, now);
    this.#queue(pair, delivery);
    this.makePending(delivery);
    this.#offer(pair);
  }

  /** From now on attempts may start. */
  open(): void {
    if (this.#state !== 'closed') return;
    this.#state = 'open';
    this.#retries.start();
    for (const pair of this.#pairs.values()) this.#offer(pair);
  }

  /** Starts no attempt until `open`; resolves when the last one in flight has ended. */
  close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closed';
    this.#retries.stop();
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#landed.push(resolve));
  }

  /** Starts no attempt any more; resolves when the last one in flight has ended. */
  stop(): Promise<void> {
    if (this.#state !== 'abandoned') this.#state = 'stopped';
    return this.close();
  }

  /** Another owner has the task: what is still in flight changes nothing here any more; resolves when it has ended. */
  abandon(): Promise<void> {
    const landed = this.stop();
    this.#state = 'abandoned';
    this.#unwatch();
    this.#backlog.clear();
    const mine = new Set<LaneMember>(this.#pairs.values());
    const lanes = new Set(Array.from(this.#pairs.values(), ({ lane }) => lane));
    for (const lane of lanes) lane.withdraw((member) => mine.has(member));
    this.#pairs.clear();
    return landed;
  }

  /**
   * Gives up what has waited for too long behind a lane that is held; others give up when an attempt fails.
   * @returns false if there is more of it: a commit takes a portion.
   */
  expireHeld(now: number): boolean {
    const { hopeless: given, oldest } = agesOf(this.#pairs.values(), now);
    const portion = new Portion();
    while (given.length > 0 && !portion.full) {
      const next = given.pop();
      if (next) portion.add(this.#rejectWaiting(next.delivery, next.why));
    }
    this.#backlog.tellOldest(oldest);
    this.#backlog.compact(this.#pairs.values());
    return given.length === 0;
  }

  /**
   * Lets a delivery hold the position no longer: it is written to `delivery-state` by the next commit. Beyond the limit of
   * pending bytes a waiting one becomes a dead letter instead (one in flight cannot).
   */
  makePending(delivery: Delivery): void {
    if (delivery.pending) return;
    const { pair } = delivery;
    // Where each revision counts, an earlier one must not be looked for in the window when a later one is in the state.
    if (delivery.stateRevision !== null) {
      const before = pair.all;
      for (const earlier of before.slice(0, before.indexOf(delivery))) this.makePending(earlier);
    }
    const full = this.#backlog.take(delivery, pair.inFlight === delivery);
    if (full !== null) {
      this.#rejectWaiting(delivery, full);
      return;
    }
    this.#books.window.release(delivery);
    this.#books.writes.touch(delivery);
    this.#books.changed();
  }

  /** The plan is in Kafka: pairs at rest need no memory. */
  committed(): void {
    for (const pair of this.#books.writes.committed()) this.#forget(pair);
  }

  #pair(lane: Lane, leadId: string): Pair {
    const key = pairKey(lane.endpoint.id, leadId);
    const pair = new Pair({ key, lane, leadId }, this.#begin);
    this.#pairs.set(key, pair);
    return pair;
  }

  #queue(pair: Pair, delivery: Delivery): void {
    for (const superseded of pair.queue(delivery)) this.#supersede(superseded);
  }

  #offer(pair: Pair): void {
    if (this.#state !== 'open' || !pair.waiting || pair.inFlight || pair.queued) return;
    if (pair.waiting.dueAt > this.#deps.clock.now()) {
      this.#retries.sleep(pair, pair.waiting.dueAt);
      return;
    }
    pair.queued = true;
    pair.lane.enqueue(pair);
  }

  /** The lane has a free place: starts the pair's attempt. */
  readonly #begin = (pair: Pair): boolean => {
    pair.queued = false;
    const delivery = pair.waiting;
    if (this.#state !== 'open' || !delivery || pair.inFlight || pair.lane.removed || pair.lane.gone) {
      this.#forget(pair);
      return false;
    }
    const startedAt = this.#deps.clock.now();
    if (delivery.dueAt > startedAt) {
      this.#retries.sleep(pair, delivery.dueAt);
      return false;
    }
    pair.advance();
    pair.inFlight = delivery;
    delivery.attempts += 1;
    this.#inFlight += 1;
    const deadline = deadlineIn(this.#deps.clock, pair.lane.endpoint.limits.timeoutMs);
    const request = requestOf(delivery, recordValue(delivery, this.#books.values), () => {
      return this.#state === 'open' && this.#deps.lanes.leased(leftMs(deadline, momentOf(this.#deps.clock)));
    });
    void this.#deps.post(pair.lane.endpoint, request).then((result) => this.#ended(delivery, result, startedAt));
    return true;
  };

  #ended(delivery: Delivery, result: AttemptResult, startedAt: number): void {
    const { pair } = delivery;
    const now = this.#deps.clock.now();
    const outcome = outcomeOf(result, pair.lane.endpoint.outcomes);
    this.#inFlight -= 1;
    pair.inFlight = null;
    if (result.kind === 'answer') this.#deps.lanes.answered();
    if (this.#state !== 'abandoned') {
      if (result.kind === 'withheld') this.#withheld(delivery);
      else {
        this.#report.attempt(delivery, outcome, { now, startedAt, result });
        if (outcome.kind === 'delivered') this.#delivered(delivery, now);
        else this.#notDelivered(delivery, outcome, { now, result });
      }
      this.#books.changed();
    }
    const ours = result.kind === 'withheld' || result.kind === 'unheard';
    pair.lane.finished(ours ? null : { leadId: pair.leadId, outcome, result, startedAt });
    this.#offer(pair);
    this.#forget(pair);
    if (this.#inFlight === 0) for (const resolve of this.#landed.splice(0)) resolve();
  }

  #delivered(delivery: Delivery, now: number): void {
    const { pair, record } = delivery;
    const { endpoint } = pair.lane;
    this.#settle(delivery);
    this.#books.marks.delivered(pair.key, record.revision);
    if (endpoint.on !== 'create') return;
    this.#books.marks.make('done', endpoint.id, pair.leadId, { revision: record.revision, now });
    this.#books.marks.release('done', pair.key, record.revision);
    for (const other of pair.all) this.#supersede(other);
    pair.waiting = null;
    pair.later = [];
  }

  /** Nothing was sent, so no attempt was used up. */
  #withheld(delivery: Delivery): void {
    const { pair } = delivery;
    delivery.attempts -= 1;
    if (pair.lane.removed || pair.lane.gone) this.lost.suspect();
    if (pair.waiting && pair.lane.endpoint.supersede) this.#supersede(delivery);
    else pair.putBack(delivery);
  }

  #notDelivered(delivery: Delivery, outcome: Outcome, at: { now: number; result: AttemptResult }): void {
    const { pair } = delivery;
    const { supersede } = pair.lane.endpoint;
    // What the endpoint says of our token says nothing about this delivery: it waits behind the lane, not for its own time.
    if (outcome.kind !== 'unauthorized') delivery.failures += 1;
    noteFailure(delivery, outcome, at.now);
    const dueAt = nextDueAt(delivery, { outcome, ...at }, this.#deps.random);
    const why = hopeless(delivery, outcome, at.now);
    if (pair.waiting && supersede) {
      if (!why) pair.waiting.dueAt = Math.max(pair.waiting.dueAt, dueAt);
      pair.waiting.failures = delivery.failures;
      this.#supersede(delivery);
    } else if (why) {
      this.#reject(delivery, why);
    } else {
      delivery.dueAt = dueAt;
      pair.putBack(delivery);
      if (delivery.pending) this.#books.writes.touch(delivery);
      else this.makePending(delivery);
    }
  }

  #supersede(delivery: Delivery): void {
    this.#report.superseded(delivery.pair.lane.endpoint.id);
    this.#settle(delivery);
  }

  #rejectWaiting(delivery: Delivery, why: Why): number {
    const bytes = this.#reject(delivery, why);
    delivery.pair.remove(delivery);
    this.#forget(delivery.pair);
    return bytes;
  }

  /** @returns the bytes of the value. */
  #reject(delivery: Delivery, why: Why): number {
    const value = recordValue(delivery, this.#books.values);
    this.#letter(delivery.pair.lane.endpoint.id, { ...delivery, value }, why);
    this.#settle(delivery);
    return value.length;
  }

  #letter(endpointId: string, delivery: Parameters<DeadLetterBook['write']>[1], why: Why): void {
    this.#letters.write(endpointId, delivery, { ...why, now: this.#deps.clock.now() });
    this.#books.changed();
  }

  /** The delivery needs nothing more. */
  #settle(delivery: Delivery): void {
    this.#books.window.release(delivery);
    this.#books.changed();
    if (!delivery.pending) return;
    this.#backlog.leave(delivery);
    this.#books.writes.touch(delivery);
  }

  #forget(pair: Pair): void {
    if (pair.inFlight || pair.waiting || pair.queued) return;
    if (pair.written.size > 0 || this.#books.writes.concerns(pair)) return;
    if (this.#pairs.get(pair.key) === pair) this.#pairs.delete(pair.key);
  }
}
