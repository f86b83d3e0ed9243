/**
 * The pending deliveries of one task: their values packed, the memory that they take, and whether there is room for another.
 * Counted by lane, for an endpoint's limit and the lanes' gauges, and in the lanes for the limit of the process. Decides nothing:
 * `dispatch.ts` does.
 */
import type { PendingDelivery } from '../core/delivery.ts';
import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { PackedValues } from './packed-values.ts';
import { type Delivery, type Pair, pack, restoredDelivery } from './pair.ts';

/** What a pending delivery takes beside its packed value, in bytes: its objects, names and places in queues, rounded up. */
export const BESIDE_BYTES = 800;

export interface BacklogOptions {
  /** Bytes of pending deliveries per endpoint in this task. */
  readonly pendingBytesMax: number;
}

export class Backlog {
  readonly #values: PackedValues;
  readonly #lanes: Pick<Lanes, 'hasRoomFor'>;
  readonly #options: BacklogOptions;
  readonly #held = new Map<Lane, { deliveries: number; bytes: number }>();

  constructor(values: PackedValues, lanes: Pick<Lanes, 'hasRoomFor'>, options: BacklogOptions) {
    this.#values = values;
    this.#lanes = lanes;
    this.#options = options;
  }

  /** Bytes that a lane's pending deliveries take. */
  bytes(lane: Lane): number {
    return this.#held.get(lane)?.bytes ?? 0;
  }

  /** A delivery as it was read back from `delivery-state`. There is room: it had been let in before. */
  restore(pair: Pair, stored: PendingDelivery, stateRevision: number | null): Delivery {
    const delivery = restoredDelivery(pair, stored, { stateRevision, values: this.#values });
    this.#count(pair.lane, 1, stored.packed.length + BESIDE_BYTES);
    return delivery;
  }

  /**
   * Makes a delivery pending.
   * @param anyway there must be room: it is in flight, and cannot be given up.
   * @returns false if that would take more than the endpoint's or the process's limit: nothing has changed.
   */
  take(delivery: Delivery, anyway: boolean): boolean {
    const { lane } = delivery.pair;
    const { value } = delivery;
    const bytes = pack(delivery, this.#values) + BESIDE_BYTES;
    const fits = this.bytes(lane) + bytes <= this.#options.pendingBytesMax && this.#lanes.hasRoomFor(bytes);
    if (!fits && !anyway) {
      this.#dropValue(delivery);
      delivery.value = value;
      return false;
    }
    delivery.pending = true;
    this.#count(lane, 1, bytes);
    return true;
  }

  /** A delivery is pending no more, and needs its value no more. */
  leave(delivery: Delivery): void {
    delivery.pending = false;
    this.#count(delivery.pair.lane, -1, -(this.#dropValue(delivery) + BESIDE_BYTES));
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
    lane.addPending(deliveries, bytes);
  }
}

const NO_VALUE = Buffer.alloc(0);
