/** What waits for its time, with the one timer that it needs; stopped, it remembers and wakes nobody. */
import type { Clock } from '../lib/clock.ts';
import { DueHeap } from './due-heap.ts';

/** A timer is set for no longer than this at a time, ms (the platform's limit is 24 days). */
const SLEEP_MAX_MS = 60 * 60 * 1000;

/** Something that stands in here once at a time, with the due time that it stands under. */
export interface Sleeper {
  heapDueAt: number | null;
}

export class RetryTimes<T extends Sleeper> {
  readonly #clock: Clock;
  readonly #wakeUp: (sleeper: T) => void;
  readonly #heap = new DueHeap<T>();
  #timer: { dueAt: number; cancel: () => void } | null = null;
  #running = false;

  /** @param wakeUp called for each that is due; it looks whether there is still something to do. */
  constructor(clock: Clock, wakeUp: (sleeper: T) => void) {
    this.#clock = clock;
    this.#wakeUp = wakeUp;
  }

  /** Wakes who is due from now on. */
  start(): void {
    this.#running = true;
    this.#setTimer();
  }

  /** Wakes nobody until `start`. */
  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Wakes `sleeper` at `dueAt` (ms), or earlier if it stands in here with an earlier time. */
  sleep(sleeper: T, dueAt: number): void {
    if (sleeper.heapDueAt !== null && sleeper.heapDueAt <= dueAt) return;
    sleeper.heapDueAt = dueAt;
    this.#heap.push(dueAt, sleeper);
    this.#setTimer();
  }

  #setTimer(): void {
    const dueAt = this.#heap.nextDueAt;
    if (dueAt === null || !this.#running || (this.#timer && this.#timer.dueAt <= dueAt)) return;
    this.#timer?.cancel();
    const delay = Math.min(Math.max(dueAt - this.#clock.now(), 0), SLEEP_MAX_MS);
    this.#timer = { dueAt, cancel: this.#clock.after(delay, this.#wake) };
  }

  readonly #wake = (): void => {
    this.#timer = null;
    const now = this.#clock.now();
    for (let sleeper = this.#heap.takeDue(now); sleeper; sleeper = this.#heap.takeDue(now)) {
      sleeper.heapDueAt = null;
      this.#wakeUp(sleeper);
    }
    this.#setTimer();
  };
}
