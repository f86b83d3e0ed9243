/**
 * A stage in one process: the member of its group, and the tasks that the group gives it. The group decides who tries; the
 * fence in each task decides who may. So a task starts as soon as it is assigned and stops as soon as it is not, and neither
 * has to wait for the other process.
 *
 * A task that stays assigned through a rebalance just goes on: it reads by itself and keeps its state and position, and if
 * somebody else had it in between, its next transaction is fenced.
 */
import { assert } from '../lib/assert.ts';
import { type Clock, type Moment, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { Task, TaskState } from './task.ts';

/** Membership of the stage's group (see Membership). */
export interface StageMembership {
  run(listener: {
    onAssigned(indexes: readonly number[]): void;
    beforeRejoin?(): Promise<void>;
    onHeartbeat(sentAt: Moment): void;
    onFailed(error: Error): void;
  }): Promise<void>;
  /** Leaves the group; gives up after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
  /** Writes group offsets for lag tools; nobody reads them here. */
  commitOffsets(positions: readonly { topic: string; partition: number; offset: number }[]): Promise<void>;
}

export interface StageDeps {
  readonly membership: StageMembership;
  /** Makes the task of an index; `confirmed` and `onCommitted` are the stage's side of it. */
  readonly task: (index: number, stage: StageSide) => Task;
  /** Told what the group does, by stages that act outside of Kafka. */
  readonly observer?: GroupObserver;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
}

/** What a stage that acts outside of Kafka must know of its group. */
export interface GroupObserver {
  /** The group has answered a request that was sent at `sentAt`. */
  heard(sentAt: Moment): void;
  /** Tasks may be given to others soon; awaited for a while. */
  suspend(): Promise<void>;
  /** The group has given out its tasks; the ones that are lost have been told to stop. */
  assigned(indexes: readonly number[]): void;
}

export interface StageSide {
  /** Resolves after the next heartbeat that the group answers, or when `signal` aborts. */
  confirmed(signal: AbortSignal): Promise<void>;
  onCommitted(next: ReadonlyMap<string, number>): void;
}

const GROUP_OFFSETS_EVERY_MS = 5_000;
const LEAVE_MS = 5_000;

interface Running {
  readonly stop: AbortController;
  readonly task: Task;
  readonly ended: Promise<void>;
}

export class Stage {
  readonly name: string;
  readonly #deps: StageDeps;
  readonly #tasks = new Map<number, Running>();
  /** Ends of tasks that were stopped: one of the same index waits for it. */
  readonly #ending = new Map<number, Promise<void>>();
  readonly #positions = new Map<string, { topic: string; partition: number; offset: number }>();
  #heartbeats: (() => void)[] = [];
  #assigned = false;
  #stopping = false;
  #fail: ((error: Error) => void) | null = null;

  constructor(name: string, deps: StageDeps) {
    this.name = name;
    this.#deps = deps;
  }

  /** Whether the group has given this process its tasks (maybe none) and all of them are running. */
  readiness(): { ok: boolean; reason: string } {
    if (!this.#assigned) return { ok: false, reason: 'waits for the group' };
    const states = new Map<TaskState, number>();
    for (const { task } of this.#tasks.values()) states.set(task.state, (states.get(task.state) ?? 0) + 1);
    const running = states.get('running') ?? 0;
    const reason = Array.from(states, ([state, count]) => `${count} ${state}`).join(', ') || 'no task is assigned';
    return { ok: running === this.#tasks.size, reason };
  }

  /**
   * Runs until `signal` aborts, then stops the tasks between two transactions, and leaves the group. Rejects on the first
   * failure that needs the operator or a restart.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const offsets = new AbortController();
    try {
      const started = this.#deps.membership.run({
        onAssigned: (indexes) => this.#assign(indexes),
        beforeRejoin: async () => this.#deps.observer?.suspend(),
        onHeartbeat: (sentAt) => {
          this.#deps.observer?.heard(sentAt);
          this.#beat();
        },
        onFailed: (error) => this.#fail?.(error),
      });
      void this.#writeGroupOffsets(offsets.signal);
      await Promise.race([started.then(() => stopped), stopped, failed]);
    } finally {
      offsets.abort();
      this.#stopping = true;
      for (const index of [...this.#tasks.keys()]) this.#stopTask(index);
      await Promise.all(this.#ending.values());
      await this.#commitGroupOffsets();
      await this.#deps.membership.stop(LEAVE_MS);
    }
  }

  #assign(indexes: readonly number[]): void {
    if (this.#stopping) return; // the group goes on until we leave it; what it gives out now is not begun
    const { log, meter } = this.#deps;
    const lost = [...this.#tasks.keys()].filter((index) => !indexes.includes(index));
    const gained = indexes.filter((index) => !this.#tasks.has(index));
    meter.count('rebalances_total', { stage: this.name });
    log.info(
      { event: 'assigned', stage: this.name, tasks: [...indexes], gained, lost },
      'the group gave out its tasks',
    );
    for (const index of lost) this.#stopTask(index);
    for (const [key, { partition }] of this.#positions) if (lost.includes(partition)) this.#positions.delete(key);
    for (const index of gained) this.#startTask(index);
    this.#assigned = true;
    this.#deps.observer?.assigned(indexes);
  }

  #startTask(index: number): void {
    assert(!this.#tasks.has(index), `task ${index} of ${this.name} runs already`);
    const stop = new AbortController();
    const task = this.#deps.task(index, {
      confirmed: (signal) => this.#confirmed(signal),
      onCommitted: (next) => {
        for (const [topic, offset] of next)
          this.#positions.set(`${topic}/${index}`, { topic, partition: index, offset });
      },
    });
    const before = this.#ending.get(index) ?? Promise.resolve();
    const ended = before
      .then(() => task.run(stop.signal))
      .catch((error: unknown) => {
        this.#fail?.(error instanceof Error ? error : new Error(String(error)));
      });
    this.#tasks.set(index, { stop, task, ended });
  }

  #stopTask(index: number): void {
    const running = this.#tasks.get(index);
    if (running === undefined) return;
    this.#tasks.delete(index);
    running.stop.abort();
    const ended = running.ended.finally(() => {
      if (this.#ending.get(index) === ended) this.#ending.delete(index);
    });
    this.#ending.set(index, ended);
  }

  #beat(): void {
    const waiting = this.#heartbeats;
    this.#heartbeats = [];
    for (const resolve of waiting) resolve();
  }

  #confirmed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#heartbeats.push(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  async #writeGroupOffsets(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#deps.clock, GROUP_OFFSETS_EVERY_MS, signal);
      await this.#commitGroupOffsets();
    }
  }

  async #commitGroupOffsets(): Promise<void> {
    const positions = [...this.#positions.values()];
    this.#positions.clear();
    if (positions.length === 0) return;
    try {
      await this.#deps.membership.commitOffsets(positions);
    } catch {
      // Only lag tools read them, and the next round writes newer ones; a rebalance under way refuses them regularly.
      this.#deps.log.debug({ event: 'group_offsets', stage: this.name }, 'group offsets were not written this time');
    }
  }
}
