/** Tells how far a load is: records left as a gauge with every part, and a log line with the rate now and then. */
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';

/** A load that is over sooner says nothing in the log. */
const SAY_EVERY_MS = 10_000;

export interface LoadProgressDeps {
  readonly clock: Clock;
  readonly logger: Log;
  readonly meter: Meter;
}

/** For `readAll`: hears how many offsets of one log are left. */
export function loadProgress(
  deps: LoadProgressDeps,
  task: { readonly stage: string; readonly partition: number },
): (left: number) => void {
  const startedAt = deps.clock.now();
  let saidAt = startedAt;
  let first: number | null = null;
  return (left) => {
    deps.meter.gauge('load_records_left', { ...task }, left);
    first ??= left;
    const now = deps.clock.now();
    if (now - saidAt < SAY_EVERY_MS) return;
    saidAt = now;
    const perSecond = Math.round(((first - left) * 1000) / (now - startedAt));
    deps.logger.info({ event: 'loading', ...task, left, perSecond }, 'the task still loads its state');
  };
}
