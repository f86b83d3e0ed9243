/**
 * The process-wide limit of requests in flight, shared out in turns: while it is reached, each lane that could start something
 * waits in a row and gets one place at a time. So a lane with a long queue delays the others by one request, not by its queue.
 */

/** Who waits for a place. */
export interface TurnTaker {
  /** It is its turn: starts one thing and returns true, or false when it has none (any more). */
  turn(): boolean;
}

export class Turns {
  readonly #waiting = new Set<TurnTaker>();
  #free: number;

  /** @param places requests that may be in flight at the same time. */
  constructor(places: number) {
    this.#free = places;
  }

  /** Takes a place, or stands in the row and returns false: `turn` will be called. */
  take(taker: TurnTaker): boolean {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    this.#waiting.add(taker);
    return false;
  }

  /** Gives a place back; it goes to whoever has waited longest. */
  giveBack(): void {
    this.#free += 1;
    for (const taker of this.#waiting) {
      if (this.#free === 0) return;
      this.#waiting.delete(taker);
      this.#free -= 1;
      if (!taker.turn()) this.#free += 1;
    }
  }
}
