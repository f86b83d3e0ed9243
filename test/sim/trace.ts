/**
 * What happened in a run: a hash over every event (equal when the seed is run again), the newest lines for the reader of a
 * failure, and the "sometimes" counters that show that a batch of seeds met what it is meant to meet.
 */
const LINES_KEPT = 4_000;

export class Trace {
  readonly counts = new Map<string, number>();
  readonly lines: string[] = [];
  readonly #now: () => number;
  readonly #start: number;
  #hash = 0x811c9dc5;

  constructor(now: () => number) {
    this.#now = now;
    this.#start = now();
  }

  /** FNV-1a over all notes, as hex. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** Notes an event; `sometimes` counts it too. */
  note(what: string): void {
    const line = `${((this.#now() - this.#start) / 1000).toFixed(3)} ${what}`;
    let hash = this.#hash;
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
    this.#hash = hash;
    if (this.lines.push(line) > 2 * LINES_KEPT) this.lines.splice(0, LINES_KEPT);
  }

  /** Counts something that a batch of seeds must meet. */
  sometimes(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}
