/**
 * The one source of time and order in the simulation. An event runs, then all promise callbacks that it set free, then the
 * next event: so the product's asynchronous code runs in an order that depends on nothing but the events. Events of the same
 * time run in the order of their making. Waits for nothing real: `setImmediate` only lets the promise queue run dry.
 */

interface Event {
  readonly at: number;
  readonly order: number;
  /** Null once it was cancelled. */
  run: (() => void) | null;
}

export class Timeline {
  #now: number;
  #made = 0;
  #ran = 0;
  /** A binary heap by time, then by order. */
  readonly #heap: Event[] = [];

  /** `startMs`: virtual milliseconds since the Unix epoch. */
  constructor(startMs: number) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  /** Events that ran so far. */
  get ran(): number {
    return this.#ran;
  }

  /** Runs `run` once after `delayMs`, rounded to whole milliseconds; the function returned cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, Math.round(delayMs)), order: this.#made++, run };
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  /** Runs events until `endMs`, or until `over` says so after an event; time stands at the end then, or at that event. */
  async runUntil(endMs: number, over: () => boolean = () => false): Promise<void> {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > endMs) break;
      this.#pop();
      if (next.run === null) continue;
      this.#now = next.at;
      this.#ran++;
      next.run();
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (over()) return;
    }
    this.#now = Math.max(this.#now, endMs);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Event)) child++;
      const smaller = heap[child] as Event;
      if (!isBefore(smaller, last)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
