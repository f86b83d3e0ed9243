/**
 * The pending deliveries of one task: their values packed, the memory that they take, and whether there is room for another.
 * Counted by lane, for an endpoint's limit and the lanes' gauges, and altogether. Both limits are the task's own, whatever else the
 * process has: what is let in here fits into any process that may take the task over. Decides nothing: `dispatch.ts` does.
 */
import type { PendingDelivery } from '../core/delivery.ts';
import { assert } from '../lib/assert.ts';
import { BACKLOG, BACKLOG_OF_ALL, type Why } from './dead-letter-book.ts';
import type { Lane } from './lane.ts';
import type { PackedValues } from './packed-values.ts';
import { type Delivery, type Pair, pack, restoredDelivery } from './pair.ts';

/** What a pending delivery takes beside its packed value, in bytes: its objects, names and places in queues, rounded up. */
export const BESIDE_BYTES = 800;

export interface BacklogOptions {
  /** Bytes of pending deliveries in this task. */
  readonly pendingBytesMax: number;
  /** The same for one endpoint. */
  readonly pendingBytesPerEndpointMax: number;
}

export class Backlog {
  readonly #values: PackedValues;
  readonly #options: BacklogOptions;
  readonly #held = new Map<Lane, { deliveries: number; bytes: number }>();
  #bytes = 0;

  constructor(values: PackedValues, options: BacklogOptions) {
    this.#values = values;
    this.#options = options;
  }

  /** Bytes that a lane's pending deliveries take. */
  bytes(lane: Lane): number {
    return this.#held.get(lane)?.bytes ?? 0;
  }

  /** A delivery as it was read back from `delivery-state`. It has its room: it was let in before. */
  restore(pair: Pair, stored: PendingDelivery, stateRevision: number | null): Delivery {
    const delivery = restoredDelivery(pair, stored, { stateRevision, values: this.#values });
    this.#count(pair.lane, 1, stored.packed.length + BESIDE_BYTES);
    return delivery;
  }

  /**
   * Makes a delivery pending.
   * @param anyway there must be room: it is in flight, and cannot be given up.
   * @returns null, or the limit that would be broken: then nothing has changed.
   */
  take(delivery: Delivery, anyway: boolean): Why | null {
    const { lane } = delivery.pair;
    const { value } = delivery;
    const bytes = pack(delivery, this.#values) + BESIDE_BYTES;
    const full = anyway ? null : this.#lacksRoomFor(bytes, lane);
    if (full !== null) {
      this.#dropValue(delivery);
      delivery.value = value;
      return full;
    }
    delivery.pending = true;
    this.#count(lane, 1, bytes);
    return null;
  }

  /** A delivery is pending no more, and needs its value no more. */
  leave(delivery: Delivery): void {
    delivery.pending = false;
    this.#count(delivery.pair.lane, -1, -(this.#dropValue(delivery) + BESIDE_BYTES));
  }

  /** Gives memory back that the values do not need any more; `pairs` are all that there are. */
  compact(pairs: Iterable<Pair>): void {
    if (!this.#values.wasteful) return;
    const before = this.#values.count;
    const moved = this.#values.compact();
    for (const { all } of pairs) {
      for (const delivery of all) {
        if (typeof delivery.value === 'number') delivery.value = moved(delivery.value);
      }
    }
    assert(this.#values.count === before, 'a pending delivery was forgotten');
  }

  /** The task has another owner: what it counted is that one's now. */
  clear(): void {
    for (const [lane, { deliveries, bytes }] of this.#held) {
      lane.addPending(-deliveries, -bytes);
      lane.oldestPending(this, null);
    }
    this.#held.clear();
    this.#bytes = 0;
  }

  /** Tells the lanes since when the oldest is there; `oldest` by lane in ms, absent = nothing is pending. */
  tellOldest(oldest: ReadonlyMap<Lane, number>): void {
    for (const lane of this.#held.keys()) lane.oldestPending(this, oldest.get(lane) ?? null);
  }

  #lacksRoomFor(bytes: number, lane: Lane): Why | null {
    const { pendingBytesMax, pendingBytesPerEndpointMax } = this.#options;
    if (this.bytes(lane) + bytes > pendingBytesPerEndpointMax) return BACKLOG;
    return this.#bytes + bytes > pendingBytesMax ? BACKLOG_OF_ALL : null;
  }

  /** @returns how many bytes it took. */
  #dropValue(delivery: Delivery): number {
    const { value } = delivery;
    if (typeof value !== 'number') return 0;
    const bytes = this.#values.bytes(value);
    this.#values.drop(value);
    delivery.value = NO_VALUE;
    return bytes;
  }

  #count(lane: Lane, deliveries: number, bytes: number): void {
    const held = this.#held.get(lane) ?? { deliveries: 0, bytes: 0 };
    held.deliveries += deliveries;
    held.bytes += bytes;
    this.#held.set(lane, held);
    this.#bytes += bytes;
    lane.addPending(deliveries, bytes);
  }
}

const NO_VALUE = Buffer.alloc(0);
