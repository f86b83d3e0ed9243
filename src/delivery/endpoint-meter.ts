/**
 * A meter that bounds the label `endpoint`: so many ids at a time keep their own, all others share `other`. Gauges of `other` are what
 * its endpoints hold together, so that no alert is blind for them. An endpoint that is no more takes its series with it and leaves its
 * place to another, so that endpoints which come and go do not make ever more of them. Decides nothing else about metrics.
 */
import type { Labels, Meter } from '../lib/meter.ts';

/** The label of all endpoints that have none of their own. */
export const OTHER = 'other';

/** A gauge of `other`: what each of its endpoints has. */
interface Shared {
  readonly name: string;
  readonly labels: Labels;
  readonly values: Map<string, number>;
}

export class EndpointMeter implements Meter {
  readonly #meter: Meter;
  readonly #max: number;
  readonly #own = new Set<string>();
  readonly #shared = new Map<string, Shared>();

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
    if (bounded === labels) {
      this.#meter.gauge(name, labels, value);
      return;
    }
    const key = keyOf(name, bounded);
    const shared = this.#shared.get(key) ?? { name, labels: bounded, values: new Map() };
    this.#shared.set(key, shared);
    shared.values.set(String(labels['endpoint']), value);
    this.#show(shared);
  }

  /** What an endpoint without a label of its own had counts no longer for `other`. */
  forget(name: string, labels: Labels): void {
    const id = String(labels['endpoint']);
    if (labels['endpoint'] === undefined || this.#own.has(id)) {
      this.#meter.forget(name, labels);
      return;
    }
    const shared = this.#shared.get(keyOf(name, { ...labels, endpoint: OTHER }));
    if (shared?.values.delete(id)) this.#show(shared);
  }

  /** An endpoint that is no more leaves its place to another. What was counted of it under `other` stays there. */
  forgetAll(label: string, value: string): void {
    if (label !== 'endpoint') this.#meter.forgetAll(label, value);
    else if (this.#own.delete(value)) this.#meter.forgetAll(label, value);
    else for (const shared of this.#shared.values()) if (shared.values.delete(value)) this.#show(shared);
  }

  observe(name: string, labels: Labels, value: number): void {
    this.#meter.observe(name, this.#bounded(labels), value);
  }

  /** `labels` themselves when the endpoint has its own label, or none is spoken of. */
  #bounded(labels: Labels): Labels {
    const endpoint = labels['endpoint'];
    if (endpoint === undefined || endpoint === OTHER || this.#own.has(String(endpoint))) return labels;
    if (this.#own.size >= this.#max) return { ...labels, endpoint: OTHER };
    this.#admit(String(endpoint));
    return labels;
  }

  /** Gives an endpoint its own label, and with it what it has in the gauges of `other`. */
  #admit(id: string): void {
    this.#own.add(id);
    for (const shared of this.#shared.values()) {
      const value = shared.values.get(id);
      if (value === undefined) continue;
      shared.values.delete(id);
      this.#show(shared);
      this.#meter.gauge(shared.name, { ...shared.labels, endpoint: id }, value);
    }
  }

  /** The sum, or of times since the epoch the earliest one that there is. */
  #show({ name, labels, values }: Shared): void {
    if (values.size === 0) {
      this.#meter.forget(name, labels);
      return;
    }
    const all = [...values.values()];
    const times = all.filter((time) => time > 0);
    const together = name.endsWith('_since_seconds')
      ? Math.min(...(times.length === 0 ? [0] : times))
      : all.reduce((sum, one) => sum + one, 0);
    this.#meter.gauge(name, labels, together);
  }
}

function keyOf(name: string, labels: Labels): string {
  return `${name} ${Object.values(labels).join(' ')}`;
}
