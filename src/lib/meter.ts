/**
 * Metrics as everything below `bin` sees them. Names (without the `lead_webhooks_` prefix) and labels must stand in the
 * table of ops/metrics.ts, which implements this with prom-client; an unknown name is a bug and fails at once.
 */
export interface Meter {
  /** Adds to a counter. */
  count(name: string, labels?: Labels, by?: number): void;
  /** Sets a gauge. */
  gauge(name: string, labels: Labels, value: number): void;
  /** Takes the series of a gauge away, because what it measured is no longer here; one that was never set is no fault. */
  forget(name: string, labels: Labels): void;
  /** Takes away the series of every metric, counters too, that have this label: what it names is no more. */
  forgetAll(label: string, value: string): void;
  /** Observes a duration, in seconds, or a size, in bytes. */
  observe(name: string, labels: Labels, value: number): void;
}

export type Labels = Readonly<Record<string, string | number>>;

export const silentMeter: Meter = { count() {}, gauge() {}, forget() {}, forgetAll() {}, observe() {} };
