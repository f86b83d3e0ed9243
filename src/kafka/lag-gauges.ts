/**
 * Shows how far a task is behind its input, as metrics: how many offsets, and how old the oldest record is that it has not processed.
 * What is not read yet has no known age: then it is shown as old as the newest record that was, which is rather too old than too young.
 */
import type { Clock } from '../lib/clock.ts';
import type { Meter } from '../lib/meter.ts';

export class LagGauges {
  readonly #deps: { readonly meter: Meter; readonly clock: Pick<Clock, 'now'> };
  readonly #labels: { readonly stage: string; readonly partition: number };
  #newest: number;

  /** `newest`: time of the newest record that an earlier owner has read, ms; 0 = unknown. */
  constructor(
    deps: { readonly meter: Meter; readonly clock: Pick<Clock, 'now'> },
    labels: { readonly stage: string; readonly partition: number },
    newest = 0,
  ) {
    this.#deps = deps;
    this.#labels = labels;
    this.#newest = newest;
  }

  /** Time of the newest record read, ms; 0 = unknown. */
  get newest(): number {
    return this.#newest;
  }

  /** A record was read that was written at `timestamp`, ms. */
  read(timestamp: number): void {
    if (timestamp > this.#newest) this.#newest = timestamp;
  }

  /**
   * @param records offsets between what is processed and the end of the input
   * @param oldest when the oldest of them was written, ms; null = it is not read yet
   */
  show(records: number, oldest: number | null): void {
    const since = records === 0 ? 0 : (oldest ?? this.#newest);
    const seconds = since === 0 ? 0 : Math.max(0, this.#deps.clock.now() - since) / 1000;
    this.#deps.meter.gauge('lag_records', this.#labels, records);
    this.#deps.meter.gauge('lag_seconds', this.#labels, seconds);
  }
}
