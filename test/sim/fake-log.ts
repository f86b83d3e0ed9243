/**
 * One partition's log: records and control records at offsets that never change, open transactions that hold back the last
 * stable offset, and holes where the cleaner was. Says what a reader may see; decides nothing about transactions.
 */
import type { KafkaRecord, OutgoingRecord } from '../../src/kafka/record.ts';
import type { Transaction } from './fake-kafka.ts';

interface Entry {
  readonly record: KafkaRecord;
  /** Null: written outside of any transaction. */
  readonly transaction: Transaction | null;
  readonly isMarker: boolean;
  /** When the cleaner may take a tombstone or marker away; null until it met it first. */
  horizon: number | null;
}

export interface Chunk {
  readonly records: KafkaRecord[];
  /** The offset to read on from. */
  readonly next: number;
  readonly lastStableOffset: number;
  readonly highWatermark: number;
}

export class FakeLog {
  readonly topic: string;
  readonly partition: number;
  readonly name: string;
  #entries: Entry[] = [];
  #end = 0;
  /** First offset of each transaction without a marker here. */
  readonly #open = new Map<Transaction, number>();

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
    this.name = `${topic}/${partition}`;
  }

  get end(): number {
    return this.#end;
  }

  get lastStable(): number {
    let stable = this.#end;
    for (const first of this.#open.values()) stable = Math.min(stable, first);
    return stable;
  }

  append(outgoing: OutgoingRecord, now: number, transaction: Transaction | null): number {
    const headers: Record<string, Buffer> = {};
    for (const [name, value] of Object.entries(outgoing.headers ?? {})) headers[name] = Buffer.from(value);
    const { key, value } = outgoing;
    if (transaction !== null && !this.#open.has(transaction)) this.#open.set(transaction, this.#end);
    const record: KafkaRecord = {
      topic: this.topic,
      partition: this.partition,
      offset: this.#end,
      timestamp: now,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers,
    };
    return this.#push({ record, transaction, isMarker: false, horizon: null });
  }

  /** Writes the control record that ends a transaction here. */
  mark(transaction: Transaction, now: number): void {
    this.#open.delete(transaction);
    const { topic, partition } = this;
    const record = { topic, partition, offset: this.#end, timestamp: now, key: null, value: null, headers: {} };
    this.#push({ record, transaction, isMarker: true, horizon: null });
  }

  /** Reads on from an offset; a committed reader ends at the last stable offset and never sees aborted records. */
  read(from: { from: number; to?: number; recordsMax: number; committed: boolean }): Chunk {
    const lastStableOffset = this.lastStable;
    const limit = Math.min(from.committed ? lastStableOffset : this.#end, from.to ?? Number.POSITIVE_INFINITY);
    const records: KafkaRecord[] = [];
    let next = Math.max(from.from, limit);
    for (let at = this.#find(from.from); at < this.#entries.length; at++) {
      const { record, transaction, isMarker } = this.#entries[at] as Entry;
      if (record.offset >= limit) break;
      if (records.length >= from.recordsMax) {
        next = record.offset;
        break;
      }
      const hidden = isMarker || (from.committed && transaction !== null && transaction.decision !== 'commit');
      if (!hidden) records.push(record);
    }
    return { records, next, lastStableOffset, highWatermark: this.#end };
  }

  /**
   * The log cleaner: of each key only the newest committed record stays, among those that are older than the compaction lag;
   * tombstones and markers go `deleteRetentionMs` after the cleaner met them first. The last record always stays (it lies in
   * the active segment).
   */
  clean(
    now: number,
    settings: { minCompactionLagMs: number; deleteRetentionMs: number },
  ): { removed: number; tombstones: number } {
    const stable = this.lastStable;
    const young = this.#entries.findIndex(({ record }) => {
      return record.offset >= stable || record.timestamp > now - settings.minCompactionLagMs;
    });
    const end = Math.min(young < 0 ? this.#entries.length : young, this.#entries.length - 1);
    const newest = new Map<string, number>();
    for (const entry of this.#entries.slice(0, Math.max(0, end))) {
      if (isData(entry)) newest.set(String(entry.record.key), entry.record.offset);
    }
    const kept: Entry[] = [];
    let tombstones = 0;
    for (const [at, entry] of this.#entries.entries()) {
      if (at >= end || !this.#isGone(entry, newest, now, settings.deleteRetentionMs)) kept.push(entry);
      else if (
        isData(entry) &&
        entry.record.value === null &&
        newest.get(String(entry.record.key)) === entry.record.offset
      )
        tombstones++;
    }
    const removed = this.#entries.length - kept.length - tombstones;
    this.#entries = kept;
    return { removed, tombstones };
  }

  #isGone(entry: Entry, newest: ReadonlyMap<string, number>, now: number, deleteRetentionMs: number): boolean {
    if (!entry.isMarker) {
      if (!isData(entry)) return true; // aborted
      if (newest.get(String(entry.record.key)) !== entry.record.offset) return true;
      if (entry.record.value !== null) return false;
    }
    entry.horizon ??= now + deleteRetentionMs;
    return now >= entry.horizon;
  }

  #push(entry: Entry): number {
    this.#entries.push(entry);
    return this.#end++;
  }

  /** Place of the first entry at or after an offset. */
  #find(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle] as Entry).record.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isData({ isMarker, transaction }: Entry): boolean {
  return !isMarker && (transaction === null || transaction.decision === 'commit');
}
