/**
 * From start to exit code. A Lifecycle runs one main function, tells it by a signal when to stop, then runs the stop steps, newest
 * first, all within one deadline. It reads no process state: `bin` hands it the signals and the crashes of the process.
 *
 *   running ──stop asked, or main ended or failed──▶ stopping ──steps done, or deadline──▶ stopped (exit code)
 *
 *  - Stop asked (SIGTERM, SIGINT): main is aborted and should return; exit 0 when it and every step ended in time.
 *  - A second signal, at any time: exit 1 now, nothing more is waited for. What Kafka holds makes that safe.
 *  - Main fails, or something nobody awaited fails: one clear line; the steps still run; exit 1.
 *  - A bug (AssertionFailed): one clear line, exit 1 now. Our state cannot be trusted, so nothing more of it is written.
 */
import { AssertionFailed, assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { StartRefused } from '../lib/start-refused.ts';

export interface LifecycleDeps {
  readonly log: Log;
  readonly clock: Clock;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

export type ExitCode = 0 | 1;

interface Step {
  readonly name: string;
  readonly stop: () => Promise<void>;
}

export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #stopTimeoutMs: number;
  readonly #stop = new AbortController();
  readonly #steps: Step[] = [];
  #started = false;
  #signalled = false;
  #exitCode: ExitCode = 0;

  /** @param options `stopTimeoutMs`: how long a stop may take, main's return included. */
  constructor(deps: LifecycleDeps, options: { readonly stopTimeoutMs: number }) {
    this.#deps = deps;
    this.#stopTimeoutMs = options.stopTimeoutMs;
  }

  /** Aborts when a stop is asked for. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Adds a step to the stop. Steps run one after the other, the last one added first; one that fails does not keep the others from running. */
  onStop(name: string, stop: () => Promise<void>): void {
    this.#steps.push({ name, stop });
  }

  /** Asks for a stop; the first reason is logged, later ones are ignored. */
  requestStop(reason: string): void {
    if (this.#stop.signal.aborted) return;
    this.#deps.log.info({ event: 'stop_requested', reason }, 'stopping');
    this.#stop.abort();
  }

  /** SIGTERM or SIGINT came: the first asks for a stop, the second ends the process. */
  handleSignal(name: string): void {
    if (this.#signalled) {
      this.#deps.log.warn({ event: 'stop_forced', reason: name }, 'a second signal: ending at once');
      this.#deps.exit(1);
      return;
    }
    this.#signalled = true;
    this.requestStop(name);
  }

  /** Something failed that nobody waits for: a rejection or an exception that reached the process, or a task that ended by itself. */
  fail(error: unknown): void {
    this.#exitCode = 1;
    // A refused start is no fault of the program: its sentence says all, and a stack would only hide it.
    const about = error instanceof StartRefused ? {} : { error };
    this.#deps.log.error({ event: 'failed', ...about }, lineOf(error));
    if (error instanceof AssertionFailed) this.#deps.exit(1);
    else this.requestStop('failure');
  }

  /**
   * Runs `main` until it returns, then the stop steps. Call once.
   * @returns 0 after a clean stop, 1 when anything failed or the deadline passed. Never rejects.
   */
  async run(main: (signal: AbortSignal) => Promise<void>): Promise<ExitCode> {
    assert(!this.#started, 'a lifecycle runs once');
    this.#started = true;
    const overdue = this.#overdue();
    const ended = Promise.resolve()
      .then(() => main(this.signal))
      .catch((error: unknown) => {
        if (!this.#isAbort(error)) this.fail(error);
      });
    let inTime = (await Promise.race([ended, overdue.promise])) !== 'overdue';
    this.requestStop('finished');
    if (!inTime) this.#deps.log.error({ event: 'stop_overdue', step: 'main' }, 'the work did not end in time');
    if (inTime) inTime = await this.#runSteps(overdue.promise);
    overdue.cancel();
    if (!inTime) this.#exitCode = 1;
    this.#deps.log.info({ event: 'stopped', exitCode: this.#exitCode }, 'stopped');
    return this.#exitCode;
  }

  async #runSteps(overdue: Promise<'overdue'>): Promise<boolean> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const { name, stop } = step;
      const ended = stop().catch((error: unknown) => {
        this.#exitCode = 1;
        this.#deps.log.error({ event: 'stop_step_failed', step: name, error }, 'a step of the stop failed');
      });
      if ((await Promise.race([ended, overdue])) === 'overdue') {
        this.#deps.log.error(
          { event: 'stop_overdue', step: name },
          'the stop took too long: the rest is left as it is',
        );
        return false;
      }
    }
    return true;
  }

  /** Settles `stopTimeoutMs` after a stop was asked for. */
  #overdue(): { promise: Promise<'overdue'>; cancel: () => void } {
    let cancel = (): void => {};
    const promise = new Promise<'overdue'>((resolve) => {
      const begin = (): void => {
        cancel = this.#deps.clock.after(this.#stopTimeoutMs, () => resolve('overdue'));
      };
      if (this.signal.aborted) begin();
      else this.signal.addEventListener('abort', begin, { once: true });
    });
    return { promise, cancel: () => cancel() };
  }

  /** Being cut off by the stop is no failure. */
  #isAbort(error: unknown): boolean {
    return this.signal.aborted && error instanceof Error && error.name === 'AbortError';
  }
}

/** An error as one line for a human: its message, or what it is when it has none. */
export function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : 'something that is no error was thrown';
  const line = text.replace(/\s*\n\s*/g, ' ');
  return error instanceof AssertionFailed ? `bug: ${line}` : line;
}
