/**
 * Where time comes from. Everything that waits or dates takes a Clock, so that tests and the simulation own the time.
 *
 * There are two clocks because neither can be trusted alone. The wall clock is set by others: it jumps, forwards and backwards. The
 * monotonic one is not, but it stands still while the machine is suspended or moved to another host. So an instant that others must
 * understand is of the wall clock; a wait that must not end early is measured by the monotonic one; and a time that must not last longer
 * than it is said to (a lease, an attempt) is over as soon as either clock says so.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds since some moment before this process: never set back, and of no meaning elsewhere. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs` by the monotonic clock; the function returned cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.max(0, delayMs)); // the platform warns of a negative one
    return () => clearTimeout(timer);
  },
};

/** A moment by both clocks of this process. */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

/** The present moment. */
export function momentOf(clock: Pick<Clock, 'now' | 'monotonic'>): Moment {
  return { now: clock.now(), monotonic: clock.monotonic() };
}

/** Milliseconds from one moment to a later one by the clock that shows more of them: rather too long than too short. */
export function elapsedMs(from: Moment, to: Moment): number {
  return Math.max(to.monotonic - from.monotonic, to.now - from.now);
}

/** What may last `ms` from `from` on, by neither clock longer. */
export interface Deadline {
  readonly from: Moment;
  readonly ms: number;
}

/** A deadline `ms` from now. */
export function deadlineIn(clock: Pick<Clock, 'now' | 'monotonic'>, ms: number): Deadline {
  return { from: momentOf(clock), ms };
}

/** Milliseconds that are left at a moment; 0 when the deadline has passed. */
export function leftMs({ from, ms }: Deadline, at: Moment): number {
  return Math.max(0, ms - elapsedMs(from, at));
}

/** Waits `delayMs` on `clock`, or until `signal` aborts; never rejects. */
export function pause(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
