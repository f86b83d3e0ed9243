/**
 * A clock that stands still until a test moves it. Timers run in the order of their time, then of their making. The wall clock can be
 * set apart from the monotonic one, which the timers go by.
 */
import type { Clock } from '../../src/lib/clock.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export class VirtualClock implements Clock {
  /** Monotonic, and what the wall clock is ahead of it. */
  #now = 0;
  #ahead: number;
  readonly #timers = new Set<Timer>();

  constructor(startMs = 1_750_000_000_000) {
    this.#ahead = startMs;
  }

  now(): number {
    return this.#now + this.#ahead;
  }

  monotonic(): number {
    return this.#now;
  }

  /** Sets the wall clock, forwards or (negative) backwards: as somebody does, or as it is found after the machine was suspended. */
  step(ms: number): void {
    this.#ahead += ms;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, run: callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that have not run yet. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves time on and runs what is due on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
      if (!next) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }
}
