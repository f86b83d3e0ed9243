/**
 * The figures of the process itself: event loop, memory, processor time, what is running. They are read when somebody scrapes, so they
 * cost nothing in between but the sampling of the event loop's delay. prom-client's own set is not used: it brings thirty names, some twice.
 */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

const NANOS_PER_SECOND = 1e9;
const MICROS_PER_SECOND = 1e6;
const SAMPLE_MS = 20;

export interface ProcessFacts {
  readonly version: string;
  /** Those that the process is there for, whether or not they have begun. */
  readonly stages: readonly string[];
}

/**
 * Fills the process metrics of the table at each scrape of `metrics`.
 * @returns a function that ends the sampling of the event loop.
 */
export function observeProcess(metrics: Metrics, { version, stages }: ProcessFacts): () => void {
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  delay.enable();
  let utilization = performance.eventLoopUtilization();
  let cpu = { user: 0, system: 0 };

  metrics.gauge('build_info', { version, node: process.versions.node }, 1);
  for (const stage of stages) metrics.gauge('stage_info', { stage }, 1);
  metrics.gauge('process_start_time_seconds', {}, performance.timeOrigin / 1000);
  metrics.beforeScrape(() => {
    // The timer of the sampler itself counts as delay: what is beyond its period is ours.
    const late = (nanos: number): number => Math.max(0, nanos / NANOS_PER_SECOND - SAMPLE_MS / 1000);
    metrics.gauge('event_loop_delay_seconds', { quantile: '0.5' }, late(delay.percentile(50)));
    metrics.gauge('event_loop_delay_seconds', { quantile: '0.99' }, late(delay.percentile(99)));
    metrics.gauge('event_loop_delay_seconds', { quantile: '1' }, late(delay.max));
    delay.reset();

    const now = performance.eventLoopUtilization();
    metrics.gauge('event_loop_utilization_ratio', {}, performance.eventLoopUtilization(now, utilization).utilization);
    utilization = now;

    const used = process.cpuUsage();
    metrics.count('process_cpu_seconds_total', { mode: 'user' }, (used.user - cpu.user) / MICROS_PER_SECOND);
    metrics.count('process_cpu_seconds_total', { mode: 'system' }, (used.system - cpu.system) / MICROS_PER_SECOND);
    cpu = used;

    const memory = process.memoryUsage();
    metrics.gauge('process_resident_memory_bytes', {}, memory.rss);
    metrics.gauge('process_heap_used_bytes', {}, memory.heapUsed);
    metrics.gauge('process_external_memory_bytes', {}, memory.external);
  });
  return () => delay.disable();
}
