/**
 * How far the position of a task lies behind its input, for a task that reads ahead of it: what was read and is not processed is known
 * with its age, two numbers for each record. How many that may be is up to the task, which stops reading when it holds enough.
 */
import type { LagGauges } from './lag-gauges.ts';
import type { Chunk } from './task-queue.ts';

export class PositionLag {
  readonly #gauges: LagGauges;
  #position: number;
  /** Last stable offset of the input; null = no broker has answered yet. */
  #end: number | null = null;
  #offsets: number[] = [];
  #timestamps: number[] = [];
  #first = 0;

  /** `position`: the offset from which on nothing is processed. */
  constructor(gauges: LagGauges, position: number) {
    this.#gauges = gauges;
    this.#position = position;
  }

  fetched({ records, lastStableOffset }: Chunk): void {
    this.#end = lastStableOffset;
    for (const { offset, timestamp } of records) {
      this.#offsets.push(offset);
      this.#timestamps.push(timestamp);
      this.#gauges.read(timestamp);
    }
    this.show();
  }

  /** The position is stored: everything before it is processed. */
  committed(position: number): void {
    this.#position = position;
    while ((this.#offsets[this.#first] ?? position) < position) this.#first += 1;
    if (this.#first * 2 >= this.#offsets.length) {
      this.#offsets = this.#offsets.slice(this.#first);
      this.#timestamps = this.#timestamps.slice(this.#first);
      this.#first = 0;
    }
    this.show();
  }

  /** Shows it as it is now; nothing before a broker has answered. */
  show(): void {
    if (this.#end === null) return;
    this.#gauges.show(Math.max(0, this.#end - this.#position), this.#timestamps[this.#first] ?? null);
  }
}
