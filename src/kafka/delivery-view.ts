/**
 * What `delivery-state` says at one moment, for commands that show it: pending deliveries without their bodies, marks, and how far
 * each task has read its redrives. It is fed with the records of the topic in order; a later record of a key replaces the earlier.
 */
import { type Mark, type PendingDelivery, parseStateKey, type StateKey } from '../core/delivery.ts';
import { POSITION_KEY } from '../core/keys.ts';
import { unpackBody } from './body-compression.ts';
import { decodeDeliverPosition, decodeMark, decodePending } from './internal-codec.ts';
import type { KafkaRecord } from './record.ts';

export interface PendingView {
  readonly key: StateKey;
  readonly partition: number;
  readonly delivery: Omit<PendingDelivery, 'packed'>;
  /** Its record's value; null unless the view was told to keep it. */
  readonly value: Buffer | null;
  /** Size of the value. */
  readonly bytes: number;
}

export interface MarkView {
  readonly key: StateKey;
  readonly mark: Mark;
}

export interface DeliveryViewOptions {
  /** Which pairs are of interest; all others are passed over. */
  readonly wanted: (key: StateKey) => boolean;
  /** Whether bodies are kept. */
  readonly bodies: boolean;
}

export class DeliveryView {
  readonly #options: DeliveryViewOptions;
  /** By endpoint and lead, then by the whole key. */
  readonly #pending = new Map<string, Map<string, PendingView>>();
  readonly #marks = new Map<string, MarkView>();
  readonly #redrives = new Map<number, number>();

  constructor(options: DeliveryViewOptions) {
    this.#options = options;
  }

  /** Takes the next record of a partition. Throws UnknownFormat for a format of a later release. */
  take({ key, value, partition }: Pick<KafkaRecord, 'key' | 'value' | 'partition'>): void {
    const name = key?.toString() ?? '';
    if (name === POSITION_KEY) {
      if (value !== null) this.#redrives.set(partition, decodeDeliverPosition(value).redrives);
      return;
    }
    const state = parseStateKey(name);
    if (state === null || !this.#options.wanted(state)) return;
    if (state.suffix !== 'pending') {
      if (value === null) this.#marks.delete(name);
      else this.#marks.set(name, { key: state, mark: decodeMark(value) });
      return;
    }
    const pair = `${state.endpointId}|${state.leadId}`;
    const ofPair = this.#pending.get(pair) ?? new Map<string, PendingView>();
    this.#pending.set(pair, ofPair);
    if (value === null) ofPair.delete(name);
    else ofPair.set(name, this.#pendingView(state, value, partition));
    if (ofPair.size === 0) this.#pending.delete(pair);
  }

  /** What is pending, the next due first. */
  get pending(): PendingView[] {
    const all = [...this.#pending.values()].flatMap((ofPair) => [...ofPair.values()]);
    return all.sort((a, b) => a.delivery.dueAt - b.delivery.dueAt);
  }

  get marks(): MarkView[] {
    return [...this.#marks.values()];
  }

  /** What is pending of a pair, the older revision first; several only for an endpoint with `supersede: false`. */
  pendingOf(endpointId: string, leadId: string): PendingView[] {
    const ofPair = [...(this.#pending.get(`${endpointId}|${leadId}`)?.values() ?? [])];
    return ofPair.sort((a, b) => a.delivery.record.revision - b.delivery.record.revision);
  }

  /** The highest revision delivered since the pair's dead letter; null = the pair has no `dead` mark. */
  deliveredSince(endpointId: string, leadId: string): number | null {
    return this.#marks.get(`${endpointId}|${leadId}|dead`)?.mark.revision ?? null;
  }

  /** Offset of the redrive request that the task of a partition reads next; 0 = it has no position yet. */
  redrivesRead(partition: number): number {
    return this.#redrives.get(partition) ?? 0;
  }

  #pendingView(key: StateKey, value: Buffer, partition: number): PendingView {
    const { packed, ...delivery } = decodePending(value);
    const unpacked = unpackBody(packed);
    return { key, partition, delivery, value: this.#options.bodies ? unpacked : null, bytes: unpacked.length };
  }
}
