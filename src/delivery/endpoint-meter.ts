/**
 * A meter that bounds the label `endpoint`: the first ids up to a number keep their own, all others share `other`. Gauges of
 * `other` are what its endpoints hold together, so that no alert is blind for them. Decides nothing else about metrics.
 */
import type { Labels, Meter } from '../lib/meter.ts';

const OTHER = 'other';

export class EndpointMeter implements Meter {
  readonly #meter: Meter;
  readonly #own = new Set<string>();
  readonly #max: number;
  /** Last values of the gauges of endpoints without a label of their own: gauge → endpoint → value. */
  readonly #gauges = new Map<string, Map<string, number>>();

  /** @param max how many endpoints have a label of their own. */
  constructor(meter: Meter, max: number) {
    this.#meter = meter;
    this.#max = max;
  }

  count(name: string, labels?: Labels, by?: number): void {
    this.#meter.count(name, labels && this.#bounded(labels), by);
  }

  gauge(name: string, labels: Labels, value: number): void {
    const bounded = this.#bounded(labels);
    this.#meter.gauge(name, bounded, bounded === labels ? value : this.#together(name, labels, value));
  }

  /** What an endpoint without a label of its own had counts no longer for `other`. */
  forget(name: string, labels: Labels): void {
    const bounded = this.#bounded(labels);
    if (bounded === labels) this.#meter.forget(name, labels);
    else this.#meter.gauge(name, bounded, this.#together(name, labels, 0));
  }

  observe(name: string, labels: Labels, value: number): void {
    this.#meter.observe(name, this.#bounded(labels), value);
  }

  #bounded(labels: Labels): Labels {
    const id = labels['endpoint'];
    if (id === undefined || this.#own.has(String(id))) return labels;
    if (this.#own.size >= this.#max) return { ...labels, endpoint: OTHER };
    this.#own.add(String(id));
    return labels;
  }

  /** The sum, or of times since the epoch the earliest one that there is. */
  #together(name: string, { endpoint, ...rest }: Labels, value: number): number {
    const key = JSON.stringify([name, rest]);
    const values = this.#gauges.get(key) ?? new Map<string, number>();
    this.#gauges.set(key, values.set(String(endpoint), value));
    if (!name.endsWith('_since_seconds')) return [...values.values()].reduce((sum, one) => sum + one, 0);
    const times = [...values.values()].filter((time) => time > 0);
    return times.length === 0 ? 0 : Math.min(...times);
  }
}
