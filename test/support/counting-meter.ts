/** A meter whose numbers a test reads by name and labels. */
import type { Labels, Meter } from '../../src/lib/meter.ts';

/** Sums counters by name and keeps the last value of gauges. */
export class CountingMeter implements Meter {
  readonly counts = new Map<string, number>();

  count(name: string, labels: Labels = {}, by = 1): void {
    const key = [name, ...Object.values(labels)].join(' ');
    this.counts.set(key, (this.counts.get(key) ?? 0) + by);
  }

  gauge(name: string, labels: Labels, value: number): void {
    this.counts.set([name, ...Object.values(labels)].join(' '), value);
  }

  forget(name: string, labels: Labels): void {
    this.counts.delete([name, ...Object.values(labels)].join(' '));
  }

  /** By the value alone, whatever its label. */
  forgetAll(_label: string, value: string): void {
    for (const key of this.counts.keys()) if (key.split(' ').slice(1).includes(value)) this.counts.delete(key);
  }

  observe(name: string, labels: Labels): void {
    this.count(name, labels);
  }
}
