/**
 * The rate limit of one endpoint in one process: a token bucket that holds what 50 ms bring, one token at least. So over any
 * stretch the process stays within its share of the rate, but for that. Knows no clock: time comes with each question.
 */
const BURST_SECONDS = 0.05;

export class RateLimit {
  #ratePerSecond: number | null;
  #share = 1;
  #tokens = 1;
  #filledAt = Number.NEGATIVE_INFINITY;

  /** @param ratePerSecond requests per second of all processes together; null = no limit. */
  constructor(ratePerSecond: number | null) {
    this.#ratePerSecond = ratePerSecond;
  }

  /** Sets the limit of all processes together. */
  limit(ratePerSecond: number | null): void {
    this.#ratePerSecond = ratePerSecond;
  }

  /** Sets the share of the limit that is this process's: from 0 to 1. */
  share(share: number): void {
    this.#share = share;
  }

  /** When the next request may start, ms; not later than `now` = at once; infinity = this process has no share. */
  nextAt(now: number): number {
    if (this.#ratePerSecond === null) return now;
    this.#fill(now);
    if (this.#tokens >= 1) return now;
    return now + Math.max(1, Math.ceil(((1 - this.#tokens) / (this.#ratePerSecond * this.#share)) * 1000));
  }

  /** A request starts. */
  take(now: number): void {
    if (this.#ratePerSecond === null) return;
    this.#fill(now);
    this.#tokens -= 1;
  }

  #fill(now: number): void {
    if (this.#ratePerSecond === null) return;
    const perSecond = this.#ratePerSecond * this.#share;
    const seconds = Math.max(0, now - this.#filledAt) / 1000;
    // Infinity times nothing: before the first question a process without a share has its one token all the same.
    const came = seconds === Number.POSITIVE_INFINITY ? 0 : seconds * perSecond;
    this.#tokens = Math.min(Math.max(1, perSecond * BURST_SECONDS), this.#tokens + came);
    this.#filledAt = now;
  }
}
