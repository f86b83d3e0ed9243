/**
 * The meter: the metrics of the table on a prom-client registry of their own, so that two programs in one process (the demo, tests) never
 * share a number. An unknown name, a wrong type or a wrong label is our bug and fails at once. Serving `/metrics` is the admin server's.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { assert } from '../lib/assert.ts';
import type { Labels, Meter } from '../lib/meter.ts';
import { METRIC_PREFIX, METRICS, type Metric } from './metric-table.ts';

type Instrument = Counter | Gauge | Histogram;

export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #known = new Map<string, { metric: Metric; instrument: Instrument }>();
  readonly #beforeScrape: (() => void)[] = [];

  /** Starts with every metric of the table at nothing. */
  constructor() {
    for (const metric of METRICS) this.#known.set(metric.name, { metric, instrument: this.#instrumentOf(metric) });
  }

  /** Adds `by` (default 1, never negative) to a counter. */
  count(name: string, labels: Labels = {}, by = 1): void {
    const instrument = this.#find(name, labels);
    assert(instrument instanceof Counter, `metric ${name} is not a counter`);
    assert(by >= 0, `counter ${name} cannot go down`);
    instrument.inc(labels, by);
  }

  /** Sets a gauge. */
  gauge(name: string, labels: Labels, value: number): void {
    const instrument = this.#find(name, labels);
    assert(instrument instanceof Gauge, `metric ${name} is not a gauge`);
    instrument.set(labels, value);
  }

  /** Takes one series of a gauge away; one that was never set is no fault. */
  forget(name: string, labels: Labels): void {
    const instrument = this.#find(name, labels);
    assert(instrument instanceof Gauge, `metric ${name} is not a gauge`);
    instrument.remove(labels);
  }

  /** Takes away all series of all metrics with this label, a moment later. */
  forgetAll(label: string, value: string): void {
    for (const { metric, instrument } of this.#known.values()) {
      if (metric.labels.includes(label)) void forgetSeries(instrument, label, value);
    }
  }

  /** Puts `value`, in the unit of the name, into a histogram. */
  observe(name: string, labels: Labels, value: number): void {
    const instrument = this.#find(name, labels);
    assert(instrument instanceof Histogram, `metric ${name} is not a histogram`);
    instrument.observe(labels, value);
  }

  /** Runs `refresh` before each scrape: for gauges that are read off something rather than kept. */
  beforeScrape(refresh: () => void): void {
    this.#beforeScrape.push(refresh);
  }

  /** The content type of `scrape`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in the Prometheus text format. */
  async scrape(): Promise<string> {
    for (const refresh of this.#beforeScrape) refresh();
    return await this.#registry.metrics();
  }

  #find(name: string, labels: Labels): Instrument {
    const found = this.#known.get(name);
    assert(found !== undefined, `metric ${name} is not in the table`);
    let given = 0;
    for (const label in labels) {
      assert(found.metric.labels.includes(label), `metric ${name} has no label ${label}`);
      given += 1;
    }
    assert(given === found.metric.labels.length, `metric ${name} needs the labels ${found.metric.labels.join(', ')}`);
    return found.instrument;
  }

  #instrumentOf({ name, type, help, labels, buckets }: Metric): Instrument {
    const options = { name: METRIC_PREFIX + name, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === 'counter') return new Counter(options);
    if (type === 'gauge') return new Gauge(options);
    assert(buckets !== undefined, `histogram ${name} has no buckets`);
    return new Histogram({ ...options, buckets: [...buckets] });
  }
}

/** Which series there are is known to the instrument alone, and to remember them beside it would cost every count. */
async function forgetSeries(instrument: Instrument, label: string, value: string): Promise<void> {
  const { values } = await instrument.get();
  for (const { labels } of values) {
    const { le: _, ...own } = labels as Record<string, string | number>;
    if (String(own[label]) === value) instrument.remove(own);
  }
}
