/**
 * The deliverer of one task (one outbound partition): takes records in offset order, sends them through the process-wide
 * lanes, and says what each Kafka transaction of the task must write. A state machine without HTTP and Kafka: `post`, time
 * and chance come in as arguments, `plan`, `committed` and `rolledBack` are called by the Kafka side.
 *
 * Its promises rest on three rules. Nothing is sent before the window of the predecessor has been read and this owner's
 * first commit has succeeded. Nothing is sent whose offset a committed `sentBound` does not cover. And the position passes
 * a record only in a commit that also holds everything that is still to be done for it.
 */
import {
  type Commit,
  type DeliverPosition,
  type DeliverStart,
  type OutboundRecord,
  type Packing,
  REDRIVABLE_MS,
  type Redrives,
} from '../core/delivery.ts';
import { assert } from '../lib/assert.ts';
import { Dispatch, type DispatchDeps } from './dispatch.ts';
import { Fifo } from './fifo.ts';
import { HeldRedrives } from './held-redrives.ts';
import { Marks } from './marks.ts';
import { PackedValues } from './packed-values.ts';
import { SendWindow, type Slot } from './send-window.ts';
import { StateWrites } from './state-writes.ts';
import type { TaskPast } from './task-past.ts';

export interface DelivererOptions {
  /** How far sends may run ahead of the committed position, in offsets. */
  readonly windowRecords: number;
  /**
   * Records that are held, in bytes. The window of a predecessor is read whole before anything is sent, whatever it holds; meanwhile
   * of each pair only the newest body is kept (with `supersede: false` each), so at most one body for each lead in the window.
   */
  readonly windowBytes: number;
  /**
   * A delivery that has waited or been in flight for so long becomes pending, ms: when it and its like hold up a window
   * that is half full or more, though much of it is settled; else after ten times as long, for then nothing waits for them.
   */
  readonly pendingAfterMs: number;
  /** Memory of pending deliveries in this task, bytes; beyond → dead letter `backlog`. */
  readonly pendingBytesMax: number;
  /** The same for one endpoint. */
  readonly pendingBytesPerEndpointMax: number;
  /** How long marks are kept, ms: `seen` for the retention of the outbound topic, `done` 48 h. */
  readonly seenMs: number;
  readonly doneMs: number;
  /** `dead`: longer than a dead letter is redrivable, by more than clocks may differ. */
  readonly deadMs: number;
}

const HOUR_MS = 60 * 60 * 1000;

export const DELIVERER_DEFAULTS: DelivererOptions = {
  windowRecords: 2000,
  windowBytes: 16 * 1024 * 1024,
  pendingAfterMs: 1000,
  pendingBytesMax: 42 * 1024 * 1024,
  pendingBytesPerEndpointMax: 32 * 1024 * 1024,
  seenMs: 7 * 24 * HOUR_MS,
  doneMs: 48 * HOUR_MS,
  deadMs: REDRIVABLE_MS + 24 * HOUR_MS,
};

const PATIENCE_WHEN_MOVING = 10;
const EXPIRE_EVERY_MS = 20_000;

export interface DelivererDeps extends DispatchDeps {
  /** What earlier owners of the task may still have on the way: nothing is sent before it is quiet. */
  readonly past: TaskPast;
  /** How values that have to wait are kept. */
  readonly packing: Packing;
  /** Called when `plan` has something new to say; once until the next `plan`. */
  readonly onNews: () => void;
}

export class Deliverer {
  readonly #deps: DelivererDeps;
  readonly #options: DelivererOptions;
  readonly #window: SendWindow;
  readonly #marks: Marks;
  readonly #writes: StateWrites;
  readonly #dispatch: Dispatch;
  readonly #endLife: (landed: Promise<void>) => void;
  /** Taken, but not covered by the committed bound or the window's bytes. */
  readonly #intake = new Fifo<OutboundRecord>();
  readonly #replayEnd: number;
  readonly #heldRedrives = new HeldRedrives();
  /** Offset after the last redrive request taken. */
  #redrivesNext: number;
  #intakeBytes = 0;
  #takenEnd: number;
  /** The position as committed by this owner; before its first commit, as its predecessor left it. */
  #position: DeliverPosition;
  #owner = false;
  #openedAt: number | null = null;
  /** Another process may have the task by now: nothing is sent until a commit has proved that it is ours. */
  #suspended = false;
  /** Grows whenever ownership has to be proved anew. */
  #proofs = 0;
  #plannedFor = 0;
  #stopping = false;
  #abandoned = false;
  #outstanding: Commit | null = null;
  #newsTold = false;
  #stopAgeTimer: (() => void) | null = null;
  #expiredAt = Number.NEGATIVE_INFINITY;

  /** Restores a task from what its predecessor left. Sends nothing yet: the first `plan` is due at once, `onNews` or not. */
  constructor(deps: DelivererDeps, options: DelivererOptions, start: DeliverStart) {
    this.#deps = deps;
    this.#options = options;
    this.#position = start.position;
    this.#takenEnd = start.position.nextOffset;
    this.#redrivesNext = start.position.redrives;
    this.#replayEnd = Math.min(start.position.sentBound, start.logEnd);
    this.#window = new SendWindow(start.position.nextOffset);
    this.#marks = new Marks(options);
    const values = new PackedValues(deps.packing);
    this.#writes = new StateWrites(values);
    const books = { window: this.#window, marks: this.#marks, writes: this.#writes, values, changed: this.#tell };
    this.#dispatch = new Dispatch(deps, books, options);
    this.#marks.load(start.marks);
    for (const { key, delivery } of start.pending) this.#dispatch.restore(key, delivery);
    this.#endLife = deps.past.begin(start.position, deps.lanes.longestTimeoutMs, () => this.#openIfReady());
  }

  /** Whether more records should be fetched: false above the limits of records or bytes. */
  wants(): boolean {
    // While nothing is admitted, the records of that window would pile up, old ones beside new ones.
    if (this.#takenEnd < this.#replayEnd && !this.#suspended && !this.#stopping) return true;
    return this.#intake.size < this.#options.windowRecords && this.bytesHeld < this.#options.windowBytes;
  }

  /**
   * Takes records in offset order, each offset once.
   * @param nextOffset where the next fetch begins: beyond the last record and whatever follows it that is no record.
   */
  take(records: readonly OutboundRecord[], nextOffset: number): void {
    for (const record of records) {
      assert(record.offset >= this.#takenEnd, `outbound record ${record.offset} was taken before`);
      this.#takenEnd = record.offset + 1;
      this.#intake.push(record);
      this.#intakeBytes += record.value.length;
    }
    this.#takenEnd = Math.max(this.#takenEnd, nextOffset);
    this.#admit();
    this.#openIfReady();
  }

  /**
   * Takes redrive requests in offset order. Until the window of the predecessor has been read they are kept: what is newer
   * than they are must be known before.
   */
  redrive({ requests, next }: Redrives): void {
    assert(next >= this.#redrivesNext, `the redrives before ${next} were taken before`);
    if (next > this.#redrivesNext) this.#tell();
    this.#redrivesNext = next;
    this.#heldRedrives.keep(requests);
    this.#admitRedrives();
  }

  /** Whether more redrive requests should be read: false while many are kept. */
  get wantsRedrives(): boolean {
    return !this.#heldRedrives.full;
  }

  /** Requests under way. */
  get inFlight(): number {
    return this.#dispatch.inFlight;
  }

  /** Bytes of records that are held in memory and not pending. */
  get bytesHeld(): number {
    return this.#intakeBytes + this.#window.bytes;
  }

  /** What the next transaction must write; null when that is nothing. One plan at a time. */
  plan(): Commit | null {
    if (this.#abandoned) return null;
    assert(this.#outstanding === null, 'a plan was made before the last one ended');
    this.#newsTold = false;
    const now = this.#deps.clock.now();
    this.#dispatch.lost.bury();
    this.#leaveSettled();
    this.#giveWay(now);
    this.#leaveSettled();
    const position = this.#nextPosition();
    const { pending, deadLetters } = this.#writes.plan();
    const marks = this.#marks.plan(now);
    const commit: Commit = { position, pending, marks, deadLetters };
    const known = this.#owner || this.#suspended;
    if (known && isSame(position, this.#position) && pending.length + marks.length + deadLetters.length === 0) {
      this.#dispatch.committed();
      this.#marks.committed();
      return null;
    }
    this.#outstanding = commit;
    this.#plannedFor = this.#proofs;
    return commit;
  }

  /** The transaction with `commit` has succeeded. */
  committed(commit: Commit): void {
    assert(this.#outstanding === commit, 'another commit than the one planned last');
    this.#outstanding = null;
    // A commit that was planned before the group was joined again proves nothing of what came then.
    if (!this.#suspended && this.#plannedFor === this.#proofs) this.#owner = true;
    this.#position = commit.position;
    this.#dispatch.committed();
    this.#marks.committed();
    this.#admit();
    this.#openIfReady();
  }

  /** The transaction with `commit` was aborted (surely; a commit that may have succeeded ends the task instead). */
  rolledBack(commit: Commit): void {
    assert(this.#outstanding === commit, 'another commit than the one planned last');
    this.#outstanding = null;
    this.#writes.rolledBack();
    this.#marks.rolledBack();
    this.#tell();
  }

  /**
   * The task may be given to another process soon: starts no attempt until `resume`, and waits for those in flight, until
   * `deadline` (ms since the epoch) at most. The next `plan` then says `released`, unless one is still in flight.
   */
  async suspend(deadline: number): Promise<void> {
    this.#suspended = true;
    this.#owner = false;
    this.#openedAt = null;
    this.#proofs += 1;
    await this.#landedBy(this.#dispatch.close(), deadline);
    this.#leaveNothingToRepeat();
    this.#tell();
  }

  /** The task is still assigned to this process: attempts start again after the next commit has proved it. */
  resume(): void {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.#owner = false;
    this.#proofs += 1;
    this.#tell();
  }

  /** Nothing moves, on purpose: the predecessor's attempts are waited for, or the group, or our own way out. */
  get waitsOnPurpose(): boolean {
    if (this.#suspended || !this.#deps.past.quiet) return true;
    return this.#window.oldest !== undefined && this.#deps.lanes.wayOutBroken;
  }

  /**
   * Starts no attempt any more and waits for those in flight, until `deadline` (ms since the epoch) at most. The next
   * `plan` then says `released`, unless one is still in flight.
   */
  async drain(deadline: number): Promise<void> {
    this.#stopping = true;
    this.#stopAgeTimer?.();
    await this.#landedBy(this.#dispatch.stop(), deadline);
    this.#leaveNothingToRepeat();
  }

  /** Lets the position pass everything that has been sent: who takes the task over in peace sends nothing again. */
  #leaveNothingToRepeat(): void {
    if (this.#abandoned || this.#deps.lanes.wayOutBroken) return;
    for (const delivery of this.#window.beforeSettled()) this.#dispatch.makePending(delivery);
  }

  async #landedBy(landed: Promise<void>, deadline: number): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#deps.clock.after(Math.max(deadline - this.#deps.clock.now(), 0), resolve);
    });
    await Promise.race([landed, late]);
    cancel();
  }

  /** The task belongs to somebody else, or its state is unknown: nothing that still happens here counts. */
  abandon(): void {
    this.#stopping = true;
    this.#abandoned = true;
    this.#stopAgeTimer?.();
    this.#endLife(this.#dispatch.abandon());
  }

  #nextPosition(): DeliverPosition {
    const nextOffset = this.#window.position;
    const pausing = this.#stopping || this.#suspended;
    // What the predecessor may have in flight is in flight for the successor too.
    const released = pausing && this.#dispatch.inFlight === 0 && this.#deps.past.quiet;
    const { owner } = this.#deps.past;
    // Requests that are only held must be read again by the next owner.
    const redrives = this.#heldRedrives.empty ? this.#redrivesNext : this.#position.redrives;
    if (released)
      return { nextOffset, sentBound: Math.max(this.#window.end, this.#replayEnd), released, owner, redrives };
    const ahead = pausing ? this.#window.end : nextOffset + this.#options.windowRecords;
    return { nextOffset, sentBound: Math.max(this.#position.sentBound, ahead), released, owner, redrives };
  }

  #admitRedrives(): void {
    if (this.#openedAt === null || this.#stopping) return;
    const now = this.#deps.clock.now();
    if (this.#heldRedrives.full) this.#tell();
    for (const request of this.#heldRedrives.take()) this.#dispatch.redrive(request, now);
  }

  #admit(): void {
    const now = this.#deps.clock.now();
    const replaying = this.#window.end < this.#replayEnd;
    for (let record = this.#intake.peek(); record; record = this.#intake.peek()) {
      if (this.#stopping || this.#suspended || record.offset >= this.#position.sentBound) break;
      if (!replaying && this.#window.bytes >= this.#options.windowBytes) break;
      this.#intake.shift();
      this.#intakeBytes -= record.value.length;
      this.#admitOne(record, now);
    }
    // What lies before the next record is none: markers, or the records of an aborted transaction, maybe a window full.
    this.#window.advance(this.#intake.peek()?.offset ?? this.#takenEnd);
    if (this.#window.position !== this.#position.nextOffset) this.#tell();
    this.#watchAge();
  }

  #admitOne(record: OutboundRecord, now: number): void {
    this.#window.advance(record.offset + 1);
    const lanes = this.#deps.lanes.wanting(record);
    if (lanes.length === 0) return;
    const bytes = record.value.length;
    const times = { takenAt: now, enteredAt: this.#deps.clock.monotonic() };
    const slot: Slot = { offset: record.offset, bytes, ...times, deliveries: [], count: 0, seen: null, open: 0 };
    for (const lane of lanes) this.#dispatch.accept(lane, record, slot);
    if (slot.open === 0 && !slot.seen) return;
    this.#window.admit(slot);
    this.#dispatch.giveWayToHeld(slot);
  }

  #openIfReady(): void {
    if (this.#openedAt !== null || !this.#owner || this.#stopping || this.#window.end < this.#replayEnd) return;
    if (this.#suspended || !this.#deps.past.quiet) return;
    this.#openedAt = this.#deps.clock.monotonic();
    this.#dispatch.open();
    this.#admitRedrives();
  }

  /** Lets the position pass what is settled at the front. */
  #leaveSettled(): void {
    for (let slot = this.#window.leave(); slot; slot = this.#window.leave()) {
      for (const { pair, revision } of slot.seen ?? []) this.#marks.release('seen', pair, revision);
    }
  }

  /** Lets deliveries that take too long hold the position no longer. */
  #giveWay(now: number): void {
    if (this.#openedAt === null) return;
    const patience = this.#patience();
    const monotonic = this.#deps.clock.monotonic();
    if (monotonic - this.#openedAt >= patience && !this.#deps.lanes.wayOutBroken) {
      for (const delivery of this.#window.stragglers(monotonic - patience)) this.#dispatch.makePending(delivery);
    }
    if (monotonic - this.#expiredAt < EXPIRE_EVERY_MS) return;
    if (this.#dispatch.expireHeld(now)) this.#expiredAt = monotonic;
    else this.#tell();
  }

  #patience(): number {
    const { windowRecords, windowBytes, pendingAfterMs } = this.#options;
    const span = this.#window.end - this.#window.position;
    const crowded = span * 2 > windowRecords || this.#window.bytes * 2 > windowBytes;
    return crowded && this.#window.heldByStragglers ? pendingAfterMs : pendingAfterMs * PATIENCE_WHEN_MOVING;
  }

  /** Sees to it that `plan` is called when the oldest record has been held for too long, though nothing else happens. */
  #watchAge(): void {
    const oldest = this.#window.oldest;
    if (!oldest || this.#stopAgeTimer || this.#stopping) return;
    const dueAt = oldest.enteredAt + this.#options.pendingAfterMs;
    const delay = Math.max(dueAt - this.#deps.clock.monotonic(), this.#options.pendingAfterMs / 4);
    this.#stopAgeTimer = this.#deps.clock.after(delay, () => {
      this.#stopAgeTimer = null;
      const held = this.#window.oldest;
      if (held && this.#deps.clock.monotonic() - held.enteredAt >= this.#patience()) this.#tell();
      this.#watchAge();
    });
  }

  readonly #tell = (): void => {
    if (this.#newsTold) return;
    this.#newsTold = true;
    this.#deps.onNews();
  };
}

/** Whether a commit of `next` would move nothing that matters (its `sentBound` alone does not). */
function isSame(next: DeliverPosition, last: DeliverPosition): boolean {
  return next.nextOffset === last.nextOffset && next.released === last.released && next.redrives === last.redrives;
}
