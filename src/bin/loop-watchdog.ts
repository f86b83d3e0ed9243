/**
 * Ends the process when its event loop stands still: then no timer, probe or signal handler of it works any more, and only another
 * thread can tell. The thread counts its own ticks and not the time, so that a process that was stopped and continued, or a
 * machine that slept, is no finding. What Kafka holds makes the hard end safe.
 */
import { Worker } from 'node:worker_threads';

export interface LoopWatch {
  /** How long the loop may stand still, ms. */
  readonly limitMs: number;
  /** How often both threads tick, ms (default 1,000). */
  readonly tickMs?: number;
}

/** Starts the watch; the function returned ends it. Neither thread keeps the process alive. */
export function watchEventLoop({ limitMs, tickMs = 1_000 }: LoopWatch): () => void {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const heart = setInterval(() => Atomics.add(beats, 0, 1), tickMs);
  heart.unref();
  const worker = new Worker(new URL('./loop-watchdog-thread.ts', import.meta.url), {
    execArgv: [],
    workerData: { beats, ticksMax: Math.ceil(limitMs / tickMs), tickMs },
  });
  worker.unref();
  return () => {
    clearInterval(heart);
    void worker.terminate();
  };
}
