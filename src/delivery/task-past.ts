/**
 * What earlier owners of one task may still have on the way to receivers, as far as this process can know: of its own earlier lives of
 * the task it knows each attempt; of a stranger only that no attempt outlasts its lease. A stranger may have been put out of the
 * group while it lives and hears nothing of it: then it goes on to begin attempts until its lease ends. It is kept for as long as
 * the process lives, beyond each life of the task, and says when a new life may send. It waits by the monotonic clock alone: a wall
 * clock that is set forward must not end a wait too soon.
 */
import type { DeliverPosition } from '../core/delivery.ts';
import type { Clock } from '../lib/clock.ts';

export class TaskPast {
  /** Names this life of the process, in the positions that it writes. */
  readonly owner: string;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  /** Lives of this process that are over and have attempts on the way. */
  #unfinished = 0;
  /** Until then a stranger may have attempts on the way, ms by the monotonic clock. */
  #strangerUntil = Number.NEGATIVE_INFINITY;
  #onQuiet: (() => void) | null = null;
  #stopTimer: (() => void) | null = null;

  /**
   * @param at.owner differs from that of every other process, earlier lives of this one included.
   * @param at.leaseMs how long after it lost the task a stranger may have attempts on the way by its lease, ms.
   */
  constructor(clock: Clock, at: { readonly owner: string; readonly leaseMs: number }) {
    this.#clock = clock;
    this.owner = at.owner;
    this.#leaseMs = at.leaseMs;
  }

  /**
   * A life of the task begins from a position. If this process wrote it, nobody else has sent anything since: an owner commits a
   * position of its own before its first attempt. But that position says nothing of a stranger before, who may still be waited for.
   * @param longestMs how long an attempt may last, ms.
   * @param onQuiet called when `quiet` becomes true while the life lasts.
   * @returns what ends the life; it is given a promise that resolves when the last of its attempts has ended.
   */
  begin(position: DeliverPosition, longestMs: number, onQuiet: () => void): (landed: Promise<void>) => void {
    const { released, owner } = position;
    if (!released && owner !== this.owner) {
      this.#strangerUntil = Math.max(this.#strangerUntil, this.#clock.monotonic() + Math.max(longestMs, this.#leaseMs));
    }
    this.#onQuiet = onQuiet;
    this.#stopTimer?.();
    this.#wait();
    return (landed) => this.#end(onQuiet, landed);
  }

  /** Nothing of an earlier owner can be on the way any more. */
  get quiet(): boolean {
    return this.#unfinished === 0 && this.#clock.monotonic() >= this.#strangerUntil;
  }

  #end(onQuiet: () => void, landed: Promise<void>): void {
    if (this.#onQuiet === onQuiet) {
      this.#onQuiet = null;
      this.#stopTimer?.();
    }
    this.#unfinished += 1;
    void landed.then(() => {
      this.#unfinished -= 1;
      if (this.quiet) this.#onQuiet?.();
    });
  }

  #wait(): void {
    this.#stopTimer = null;
    const restMs = this.#strangerUntil - this.#clock.monotonic();
    if (restMs > 0) {
      this.#stopTimer = this.#clock.after(restMs, () => {
        this.#wait(); // timers of the platform may be early by a fraction
        if (this.quiet) this.#onQuiet?.();
      });
    }
  }
}
