/**
 * What was fetched for a task and not yet processed. Fetch callbacks only put chunks in and return; the task takes a batch
 * when its last transaction is done. Bounded by bytes: above the high mark the task's inputs are paused, below half of it they
 * go on, so that fetching, processing and committing overlap and memory stays bounded.
 */
import { assert } from '../lib/assert.ts';
import type { KafkaFailure } from './errors.ts';
import type { KafkaRecord } from './record.ts';

/** A part of an input partition in offset order; `next` is the offset to read on from, after markers and holes. */
export interface Chunk {
  readonly records: readonly KafkaRecord[];
  readonly next: number;
  readonly lastStableOffset: number;
  readonly highWatermark: number;
}

/** A batch: records of all inputs in the order of their arrival, and per input topic where to read on after it. */
export interface Batch {
  readonly records: readonly KafkaRecord[];
  readonly next: ReadonlyMap<string, number>;
}

export const EMPTY_BATCH: Batch = { records: [], next: new Map() };

interface Entry {
  readonly topic: string;
  readonly records: readonly KafkaRecord[];
  readonly next: number;
  /** First record that was not taken yet. */
  taken: number;
}

export class TaskQueue {
  readonly #bytesHigh: number;
  readonly #onFull: (full: boolean) => void;
  readonly #entries: Entry[] = [];
  /** Per input: where it was taken up to, where it was read up to, how many records lie between, and its last stable offset. */
  readonly #lags = new Map<string, { next: number; read: number; waiting: number; end: number }>();
  #bytes = 0;
  #records = 0;
  #full = false;
  #failure: KafkaFailure | null = null;
  #waiter: (() => void) | null = null;

  /** `bytesHigh`: bytes of keys and values beyond which `onFull(true)` is called; `onFull(false)` below half of it. */
  constructor(bytesHigh: number, onFull: (full: boolean) => void) {
    this.#bytesHigh = bytesHigh;
    this.#onFull = onFull;
  }

  /** Records waiting. */
  get records(): number {
    return this.#records;
  }

  /**
   * Offsets between what was taken and the last stable offset, over all inputs, as of the last fetch. Behind the last record that
   * waits there is nothing to be taken, however far the input was read.
   */
  get lag(): number {
    let lag = 0;
    for (const { next, read, waiting, end } of this.#lags.values())
      lag += Math.max(0, end - (waiting > 0 ? next : read));
    return lag;
  }

  /** When the oldest record that waits was written, ms; null = none waits. */
  get oldest(): number | null {
    let oldest: number | null = null;
    const heads = new Set<string>();
    for (const { topic, records, taken } of this.#entries) {
      const record = records[taken];
      if (record === undefined || heads.has(topic)) continue;
      heads.add(topic);
      oldest = Math.min(oldest ?? record.timestamp, record.timestamp);
      if (heads.size === this.#lags.size) break;
    }
    return oldest;
  }

  push(topic: string, chunk: Chunk): void {
    this.#entries.push({ topic, records: chunk.records, next: chunk.next, taken: 0 });
    const first = chunk.records[0]?.offset ?? chunk.next;
    const lag = this.#lags.get(topic) ?? { next: first, read: first, waiting: 0, end: 0 };
    lag.end = chunk.lastStableOffset;
    lag.read = chunk.next;
    lag.waiting += chunk.records.length;
    this.#lags.set(topic, lag);
    this.#records += chunk.records.length;
    for (const record of chunk.records) this.#bytes += sizeOf(record);
    if (!this.#full && this.#bytes > this.#bytesHigh) {
      this.#full = true;
      this.#onFull(true);
    }
    if (this.#records > 0) this.wake();
  }

  /** The input cannot be read on; `readable` rejects from now on. */
  fail(failure: KafkaFailure): void {
    this.#failure ??= failure;
    this.wake();
  }

  /** Resolves when a record waits, or at the next `wake`. Rejects once an input has failed. */
  async readable(): Promise<void> {
    if (this.#failure === null && this.#records === 0) {
      await new Promise<void>((resolve) => {
        this.#waiter = resolve;
      });
    }
    if (this.#failure !== null) throw this.#failure;
  }

  /** Ends the wait of `readable` though nothing came: the task stops, or wants to write an idle input's position. */
  wake(): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.();
  }

  /** Takes up to `recordsMax` records. */
  take(recordsMax: number): Batch {
    const records: KafkaRecord[] = [];
    const next = new Map<string, number>();
    while (records.length < recordsMax) {
      const entry = this.#entries[0];
      if (entry === undefined) break;
      const end = Math.min(entry.records.length, entry.taken + recordsMax - records.length);
      const lag = this.#lags.get(entry.topic);
      assert(lag !== undefined, 'an entry of an input that is not known');
      lag.waiting -= end - entry.taken;
      for (; entry.taken < end; entry.taken++) {
        const record = entry.records[entry.taken];
        assert(record !== undefined, 'a queue entry lost a record');
        this.#bytes -= sizeOf(record);
        records.push(record);
      }
      const rest = entry.records[entry.taken];
      lag.next = rest === undefined ? entry.next : rest.offset;
      next.set(entry.topic, lag.next);
      if (rest === undefined) this.#entries.shift();
    }
    this.#records -= records.length;
    if (this.#full && this.#bytes < this.#bytesHigh / 2) {
      this.#full = false;
      this.#onFull(false);
    }
    return { records, next };
  }
}

function sizeOf(record: KafkaRecord): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0) + 64;
}
