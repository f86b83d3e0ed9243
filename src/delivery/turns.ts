/**
 * The process-wide limit of requests in flight, shared out in turns: while it is reached, each lane that could start something
 * waits in a row and gets one place at a time. So a lane with a long queue delays the others by one request, not by its queue.
 *
 * A place that has been taken for longer than a second is lent: whoever waits may have one in its stead. So endpoints that never answer
 * take no places from those that do. As many places as there are can be lent; the limit is therefore kept within twice its number.
 */
import type { Clock } from '../lib/clock.ts';

/** For how long a request keeps others from starting, ms. */
const LENT_AFTER_MS = 1_000;

/** Who waits for a place. */
export interface TurnTaker {
  /** It is its turn: starts one thing and returns true, or false when it has none (any more). */
  turn(place: Place): boolean;
}

/** One request in flight. */
export interface Place {
  /** By the monotonic clock, ms. */
  readonly takenAt: number;
}

export class Turns {
  readonly #clock: Clock;
  readonly #places: number;
  readonly #waiting = new Set<TurnTaker>();
  /** Those that count, the oldest first. */
  readonly #taken = new Set<Place>();
  readonly #lent = new Set<Place>();
  #stopTimer: (() => void) | null = null;

  /** @param places requests that may be in flight at the same time. */
  constructor(clock: Clock, places: number) {
    this.#clock = clock;
    this.#places = places;
  }

  /** Takes a place, or stands in the row and returns null: `turn` will be called. */
  take(taker: TurnTaker): Place | null {
    if (this.#free <= 0) this.#lend();
    if (this.#free > 0) return this.#occupy();
    this.#waiting.add(taker);
    this.#watch();
    return null;
  }

  /** Gives a place back; what is free goes to whoever has waited longest. */
  giveBack(place: Place): void {
    if (!this.#taken.delete(place)) this.#lent.delete(place);
    this.#handOut();
  }

  get #free(): number {
    return this.#places - this.#taken.size;
  }

  #occupy(): Place {
    const place = { takenAt: this.#clock.monotonic() };
    this.#taken.add(place);
    return place;
  }

  #handOut(): void {
    if (this.#waiting.size === 0) return;
    if (this.#free <= 0) this.#lend();
    for (const taker of this.#waiting) {
      if (this.#free <= 0) break;
      this.#waiting.delete(taker);
      const place = this.#occupy();
      if (!taker.turn(place)) this.#taken.delete(place);
    }
    this.#watch();
  }

  #lend(): void {
    const before = this.#clock.monotonic() - LENT_AFTER_MS;
    for (const place of this.#taken) {
      if (place.takenAt > before || this.#lent.size >= this.#places) return;
      this.#taken.delete(place);
      this.#lent.add(place);
    }
  }

  /** While somebody waits: looks again when the oldest place can be lent. */
  #watch(): void {
    const [oldest] = this.#taken;
    if (this.#waiting.size === 0 || oldest === undefined || this.#stopTimer || this.#lent.size >= this.#places) return;
    const restMs = oldest.takenAt + LENT_AFTER_MS - this.#clock.monotonic();
    this.#stopTimer = this.#clock.after(Math.max(restMs, 1), () => {
      this.#stopTimer = null;
      this.#handOut();
    });
  }
}
