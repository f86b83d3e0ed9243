/** A clock for tests of what waits: time stands still until the test lets some pass, and then everything due runs. */
import type { Clock } from '../../src/lib/clock.ts';
import { settled } from './fake-brokers.ts';

/** Time that passes when the test says so. */
export class ManualClock implements Clock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now = (): number => this.#now;

  monotonic = (): number => this.#now;

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
    await settled();
  }
}
