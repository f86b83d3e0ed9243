/**
 * A meter that bounds the label `endpoint`: so many ids at a time keep their own, all others share `other`. Gauges of `other` are what
 * its endpoints hold together, so that no alert is blind for them. An endpoint that is no more takes its series with it and leaves its
 * place to another, so that endpoints which come and go do not make ever more of them. Decides nothing else about metrics.
 */
import type { Labels, Meter } from '../lib/meter.ts';

/** The label of all endpoints that have none of their own. */
export const OTHER = 'other';

interface Series {
  readonly name: string;
  readonly labels: Labels;
}

/** A gauge of `other`: what each of its endpoints has. */
interface Shared extends Series {
  readonly values: Map<string, number>;
}

export class EndpointMeter implements Meter {
  readonly #meter: Meter;
  readonly #max: number;
  /** Endpoints with a label of their own, and their series by name and values of the labels. */
  readonly #own = new Map<string, Map<string, Series>>();
  readonly #shared = new Map<string, Shared>();

  /** @param max how many endpoints have a label of their own. */
  constructor(meter: Meter, max: number) {
    this.#meter = meter;
    this.#max = max;
  }

  count(name: string, labels?: Labels, by?: number): void {
    this.#meter.count(name, labels && this.#bounded(name, labels), by);
  }

  gauge(name: string, labels: Labels, value: number): void {
    const bounded = this.#bounded(name, labels);
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
    const own = this.#own.get(id);
    own?.delete(keyOf(name, labels));
    if (own !== undefined || labels['endpoint'] === undefined) {
      this.#meter.forget(name, labels);
      return;
    }
    const shared = this.#shared.get(keyOf(name, { ...labels, endpoint: OTHER }));
    if (shared?.values.delete(id)) this.#show(shared);
  }

  observe(name: string, labels: Labels, value: number): void {
    this.#meter.observe(name, this.#bounded(name, labels), value);
  }

  /** The endpoint is no more. What was counted of it under `other` stays there. */
  release(endpoint: string): void {
    for (const { name, labels } of this.#own.get(endpoint)?.values() ?? []) this.#meter.forget(name, labels);
    this.#own.delete(endpoint);
    for (const shared of this.#shared.values()) if (shared.values.delete(endpoint)) this.#show(shared);
  }

  /** `labels` themselves when the endpoint has its own label, or none is spoken of. */
  #bounded(name: string, labels: Labels): Labels {
    const endpoint = labels['endpoint'];
    if (endpoint === undefined || endpoint === OTHER) return labels;
    const id = String(endpoint);
    const own = this.#own.get(id) ?? this.#admit(id);
    if (own === null) return { ...labels, endpoint: OTHER };
    const key = keyOf(name, labels);
    if (!own.has(key)) own.set(key, { name, labels });
    return labels;
  }

  /** Gives an endpoint its own label if there is room, and with it what it has in the gauges of `other`; null = there is none. */
  #admit(id: string): Map<string, Series> | null {
    if (this.#own.size >= this.#max) return null;
    const own = new Map<string, Series>();
    this.#own.set(id, own);
    for (const shared of this.#shared.values()) {
      const value = shared.values.get(id);
      if (value === undefined) continue;
      shared.values.delete(id);
      this.#show(shared);
      this.gauge(shared.name, { ...shared.labels, endpoint: id }, value);
    }
    return own;
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
