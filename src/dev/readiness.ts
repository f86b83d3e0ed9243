/**
 * Waiting for a service that was just started: asks again and again, and stops at once when its process has ended. Ready
 * means that the service answered a real request; nothing here guesses by time.
 */
import { type Clock, pause } from '../lib/clock.ts';
import type { TetheredProcess } from './tethered-process.ts';

/** Between two questions. */
const INTERVAL_MS = 50;

export interface ReadinessOptions {
  /** For messages: "Apache Kafka 4.4.0". */
  readonly what: string;
  /** Asks once; false or a rejection means "not yet". */
  readonly ask: () => Promise<boolean>;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Returns when `ask` says yes. Throws, with what the process wrote, when it ends first; throws after `timeoutMs`, and
 * when `signal` aborts. The process is left as it is.
 */
export async function untilReady(process: TetheredProcess, options: ReadinessOptions): Promise<void> {
  const { what, clock, signal } = options;
  const deadline = clock.now() + options.timeoutMs;
  let output: string | null = null;
  void process.ended.then((text) => {
    output = text;
  });
  for (;;) {
    signal.throwIfAborted();
    if (output !== null) throw new Error(`${what} ended while it started: ${output}`);
    if (await options.ask().catch(() => false)) return;
    if (clock.now() > deadline) throw new Error(`${what} did not answer within ${options.timeoutMs / 1000} s`);
    await pause(clock, INTERVAL_MS, signal);
  }
}
