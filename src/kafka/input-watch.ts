/**
 * Watches a task that reads: a task that stands still with input before it, or an input whose readable end stands still while records
 * are written behind it, is something that only a restart or an operator can mend. It decides; ending the process is the stage's part.
 * All times are of the monotonic clock: one that is set forward must not end a process that works.
 */
import type { Clock } from '../lib/clock.ts';
import { KafkaFailure } from './errors.ts';
import type { Chunk } from './task-queue.ts';

/** How long a task may stand still when the configuration says nothing, ms. */
export const STALL_MS = 60_000;
const LOOK_EVERY_MS = 5_000;

interface Input {
  /** Offset to read next, as last processed. */
  next: number;
  lastStableOffset: number;
  highWatermark: number;
  /** When the last stable offset moved last, ms, and where the log ended then. */
  stableSince: number;
  highWatermarkThen: number;
}

export interface InputWatchOptions {
  readonly stage: string;
  readonly partition: number;
  /** How long standing still is allowed, ms. */
  readonly limitMs: number;
}

export class InputWatch {
  readonly #options: InputWatchOptions;
  readonly #inputs = new Map<string, Input>();
  /** Since when there has been input and nothing was committed, ms; null = all is read, or something was just committed. */
  #waitingSince: number | null = null;

  constructor(options: InputWatchOptions) {
    this.#options = options;
  }

  /** Something was fetched, or the ends of the log moved. */
  fetched(topic: string, chunk: Chunk, now: number): void {
    const { lastStableOffset, highWatermark } = chunk;
    const known = this.#inputs.get(topic);
    if (known === undefined) {
      const next = chunk.records[0]?.offset ?? chunk.next;
      this.#inputs.set(topic, {
        next,
        lastStableOffset,
        highWatermark,
        stableSince: now,
        highWatermarkThen: highWatermark,
      });
    } else {
      if (lastStableOffset !== known.lastStableOffset || lastStableOffset >= highWatermark) {
        known.stableSince = now;
        known.highWatermarkThen = highWatermark;
      }
      known.lastStableOffset = lastStableOffset;
      known.highWatermark = highWatermark;
    }
    if (this.#lags()) this.#waitingSince ??= now;
  }

  /** A transaction was committed with these positions. */
  committed(next: ReadonlyMap<string, number>, now: number): void {
    for (const [topic, offset] of next) {
      const input = this.#inputs.get(topic);
      if (input !== undefined) input.next = offset;
    }
    this.#waitingSince = this.#lags() ? now : null;
  }

  /** The task waits for somebody else, who is known and named elsewhere (the schema registry): that is no standing still. */
  excused(now: number): void {
    if (this.#waitingSince !== null) this.#waitingSince = now;
  }

  /** What has stood still for too long; null = nothing. */
  check(now: number): KafkaFailure | null {
    const { stage, partition, limitMs } = this.#options;
    const seconds = Math.round(limitMs / 1000);
    if (this.#waitingSince !== null && now - this.#waitingSince > limitMs) {
      return new KafkaFailure(
        'stalled',
        `task ${stage}/${partition} has had input for ${seconds} s and committed nothing`,
      );
    }
    for (const [topic, input] of this.#inputs) {
      const grew = input.highWatermark > input.highWatermarkThen;
      if (grew && now - input.stableSince > limitMs) {
        return new KafkaFailure(
          'stalled',
          `${topic}/${partition}: records are written, but its last stable offset has stood at ${input.lastStableOffset} for ` +
            `${seconds} s: some producer holds a transaction open. Find it by its transactional id, or wait for its timeout`,
        );
      }
    }
    return null;
  }

  #lags(): boolean {
    for (const { next, lastStableOffset } of this.#inputs.values()) if (next < lastStableOffset) return true;
    return false;
  }
}

/**
 * Waits for `reading` to end, or rejects with `stalled` when the watch finds that it stands still; it may be stuck for good then.
 * `excused`: whether the task now waits for something that is known and named elsewhere. `onLook` is called with every look, each 5 s.
 */
export async function watched(
  reading: Promise<void>,
  by: { watch: InputWatch; clock: Clock; excused: () => boolean; onLook?: () => void },
): Promise<void> {
  const { watch, clock, excused } = by;
  let cancel = (): void => undefined;
  const stalled = new Promise<never>((_, reject) => {
    const look = (): void => {
      by.onLook?.();
      if (excused()) watch.excused(clock.monotonic());
      const failure = watch.check(clock.monotonic());
      if (failure !== null) reject(failure);
      else cancel = clock.after(LOOK_EVERY_MS, look);
    };
    look();
  });
  try {
    await Promise.race([reading, stalled]);
  } finally {
    cancel();
  }
}
