/** How much of one task is pending, by lane: what its limit is compared with, and its part of the lanes' gauges. */
import type { Lane } from './lane.ts';
import type { Delivery } from './pair.ts';

export class PendingCount {
  readonly #held = new Map<Lane, { deliveries: number; bytes: number }>();

  /** Bytes pending for a lane. */
  bytes(lane: Lane): number {
    return this.#held.get(lane)?.bytes ?? 0;
  }

  /** A delivery became pending. */
  add({ pair, record }: Delivery): void {
    this.#count(pair.lane, 1, record.value.length);
  }

  /** A delivery is pending no more. */
  remove({ pair, record }: Delivery): void {
    this.#count(pair.lane, -1, -record.value.length);
  }

  /** The task has another owner: what it counted is that one's now. */
  clear(): void {
    for (const [lane, { deliveries, bytes }] of this.#held) {
      lane.addPending(-deliveries, -bytes);
      lane.oldestPending(this, null);
    }
    this.#held.clear();
  }

  /** Tells the lanes since when the oldest is there; `oldest` by lane in ms, absent = nothing is pending. */
  tellOldest(oldest: ReadonlyMap<Lane, number>): void {
    for (const lane of this.#held.keys()) lane.oldestPending(this, oldest.get(lane) ?? null);
  }

  #count(lane: Lane, deliveries: number, bytes: number): void {
    const held = this.#held.get(lane) ?? { deliveries: 0, bytes: 0 };
    held.deliveries += deliveries;
    held.bytes += bytes;
    this.#held.set(lane, held);
    lane.addPending(deliveries, bytes);
  }
}
