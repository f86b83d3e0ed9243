/**
 * A task: one partition index of one stage, owned by one process at a time. It lives again and again until it is stopped:
 *
 *   fence ─▶ load ─▶ run ─▶ (failure) ─▶ fence …
 *
 * Fencing (InitProducerId) comes before anything is read: from then on no predecessor can add to what the load will see. A
 * failed transaction, or one whose outcome is not known, ends the life: all memory is dropped, and the next life learns from
 * the changelog which way it went. That is slower than repairing state in place and cannot go wrong.
 *
 * A life that was fenced says nothing and begins again only after the group has confirmed, by a heartbeat, that the task is
 * still ours; else two owners would fence each other in turn.
 */
import { AssertionFailed } from '../lib/assert.ts';
import { type Clock, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { Random } from '../lib/random.ts';
import { classify, type KafkaFailure } from './errors.ts';
import type { OutgoingRecord } from './record.ts';

/** The transactional producer of one life of a task. */
export interface TaskProducer {
  /** Ends any predecessor and its open transaction; resolves when that is done. */
  fence(signal: AbortSignal): Promise<void>;
  /** Writes records in the open transaction, opening one if need be. */
  send(records: readonly OutgoingRecord[]): Promise<{ offset(index: number): number }>;
  /** Commits; nothing to do if nothing was sent. A failure leaves the outcome unknown and ends the life. */
  commit(): Promise<void>;
  abort(): Promise<void>;
  close(): Promise<void>;
}

const STATES = ['fencing', 'loading', 'running', 'waiting', 'stopped'] as const;
export type TaskState = (typeof STATES)[number];

/** What a life gets; its end (return or throw) ends the life. */
export interface Life {
  readonly producer: TaskProducer;
  readonly signal: AbortSignal;
  /** Call when everything is loaded and input is being read. */
  running(): void;
}

export interface TaskDeps {
  readonly producer: () => TaskProducer;
  /** Resolves after the group has confirmed, after the call, that this process still owns its tasks. */
  readonly confirmed: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly meter: Meter;
}

/** Gauges of every stage that speak of one task. */
const GAUGES = ['lag_records', 'lag_seconds', 'load_records_left'] as const;

const BACKOFF_BASE_MS = 200;
const BACKOFF_CAP_MS = 10_000;

export class Task {
  readonly #deps: TaskDeps;
  readonly #name: { stage: string; partition: number };
  readonly #live: (life: Life) => Promise<void>;
  #stateNow: TaskState = 'stopped';

  constructor(deps: TaskDeps, name: { stage: string; partition: number }, live: (life: Life) => Promise<void>) {
    this.#deps = deps;
    this.#name = name;
    this.#live = live;
  }

  get state(): TaskState {
    return this.#stateNow;
  }

  set #state(state: TaskState) {
    this.#stateNow = state;
    for (const one of STATES)
      this.#deps.meter.gauge('task_state', { ...this.#name, state: one }, one === state ? 1 : 0);
  }

  /**
   * Runs lives until `signal` aborts; resolves then. Rejects on a failure that another life cannot mend: a bug of ours, or
   * one that needs the operator (its message says which partition and what to do). Either way the task's gauges are gone.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#lives(signal);
    } finally {
      this.#stateNow = 'stopped';
      this.#forget();
    }
  }

  /** The task may run elsewhere now: what this process last knew of it would be taken for the truth. */
  #forget(): void {
    for (const state of STATES) this.#deps.meter.forget('task_state', { ...this.#name, state });
    for (const gauge of GAUGES) this.#deps.meter.forget(gauge, this.#name);
  }

  async #lives(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      const failure = await this.#oneLife(signal, () => {
        failures = 0;
      });
      if (failure === null) break;
      if (!mendable(failure)) throw failure;
      this.#state = 'waiting';
      if (failure.code === 'fenced') {
        this.#deps.log.info(
          { event: 'task_fenced', ...this.#name },
          'another process took the task over; waiting for the group',
        );
        await this.#deps.confirmed(signal);
      } else {
        failures++;
        const { random, clock, log } = this.#deps;
        const delayMs = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(failures, 10)) * (0.5 + random() / 2);
        log.warn(
          {
            event: 'task_restart',
            ...this.#name,
            code: failure.code,
            delayMs: Math.round(delayMs),
            error: failure.message,
          },
          'the task lost its transaction or its connection and starts again from the changelog',
        );
        await pause(clock, delayMs, signal);
      }
    }
  }

  /** Null: stopped as asked. */
  async #oneLife(signal: AbortSignal, onRunning: () => void): Promise<KafkaFailure | null> {
    const producer = this.#deps.producer();
    try {
      this.#state = 'fencing';
      await producer.fence(signal);
      if (signal.aborted) return null;
      this.#state = 'loading';
      await this.#live({
        producer,
        signal,
        running: () => {
          this.#state = 'running';
          this.#deps.log.info({ event: 'task_running', ...this.#name }, 'the task is loaded and reads on');
          onRunning();
        },
      });
      return null;
    } catch (error) {
      if (error instanceof AssertionFailed) throw error;
      if (signal.aborted) return null;
      const failure = classify(error);
      // Not Kafka's doing: a bug of ours, which must be seen with its stack.
      if (failure.code === 'unknown' && error instanceof Error) throw error;
      return failure;
    } finally {
      await producer.close();
    }
  }
}

/** Whether a new life may do better. What needs the operator ends the process, with a message that says what to do. */
function mendable(failure: KafkaFailure): boolean {
  return failure.retriable || failure.code === 'fenced';
}
