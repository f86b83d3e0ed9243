/**
 * A batch of changes through rekey, over the rows' states of one task. Memory runs ahead of the transaction: if that fails,
 * the whole task is loaded anew, so there is no way back here.
 *
 * Sending takes two steps, because a row's state says where its record in `cluster-changes` lies: first the rows, then,
 * when their offsets are known, the states.
 */
import { assert } from '../lib/assert.ts';
import { ByteMap } from './byte-map.ts';
import type { Change } from './change.ts';
import { rowKey, stateKey } from './keys.ts';
import { partitionOf } from './partition.ts';
import { type Rekeyed, type RekeyRules, rekeyDelete, rekeyTombstone, rekeyUpsert } from './rekey.ts';
import type { RowCache } from './row-cache.ts';
import type { RowPointer, RowState } from './row-state.ts';
import type { BadRecord, Table } from './source-event.ts';
import type { StoredRow } from './stored-row.ts';

/** How states and rows become bytes; the implementation lives where Avro does. */
export interface RekeyCodec {
  encodeRow(row: StoredRow): Buffer;
  decodeRow(table: Table, bytes: Buffer): StoredRow;
  encodeState(state: RowState): Buffer;
  decodeState(bytes: Buffer): RowState;
}

/** A change with what its record adds to it. */
export interface SourceChange {
  readonly change: Change;
  /** The source's `traceparent` header, carried on. */
  readonly traceparent: string | null;
}

/** A record for `cluster-changes`; a null value says that the row left the cluster. */
export interface ClusterChange {
  readonly key: string;
  readonly partition: number;
  readonly value: Buffer | null;
  readonly changedAt: number;
  readonly traceparent: string | null;
}

export interface RekeyBatch {
  readonly clusterChanges: readonly ClusterChange[];
  /** Changes that were refused because their row is too large, by their place in the batch: the row stays as it was. */
  readonly refused: ReadonlyMap<number, BadRecord>;
  /** How often each `<table> <outcome>` came; `<table> moved` and `<table> unknown-field` are counted beside it. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** State records for the changelog; `offsetOf` gives the offset at which the n-th cluster change was written. */
  states(offsetOf: (index: number) => number): { key: string; value: Buffer }[];
}

/** One record per row key and batch: the last one says it all. */
type Out = Map<string, Omit<ClusterChange, 'key'>>;

interface Touched {
  state: RowState;
  /** The row as this batch last wrote it; null = it did not. */
  written: { readonly row: StoredRow; readonly bytes: Buffer } | null;
  /** Row key of the record that the state's pointer must point to; null = the pointer stays. */
  pointsTo: string | null;
}

export class RekeyRows {
  readonly #states = new ByteMap();
  readonly #codec: RekeyCodec;
  readonly #cache: RowCache;
  readonly #rules: RekeyRules;
  readonly #partitions: number;
  readonly #rowBytesMax: number;
  /** Per table: the id of the last delete read, until its key is written again (see rekeyTombstone). */
  readonly lastDeletes = new Map<Table, string>();

  /** `rowBytesMax`: a row of more bytes is refused: sizes are checked before a send. */
  constructor(deps: {
    codec: RekeyCodec;
    cache: RowCache;
    rules: RekeyRules;
    partitions: number;
    rowBytesMax: number;
  }) {
    this.#codec = deps.codec;
    this.#cache = deps.cache;
    this.#rules = deps.rules;
    this.#partitions = deps.partitions;
    this.#rowBytesMax = deps.rowBytesMax;
  }

  /** Bytes of the recent rows kept. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  /** Rows known, graves included. */
  get count(): number {
    return this.#states.size;
  }

  /** Takes a record of the task's changelog while loading, and copies it; a null value forgets the row. */
  restore(key: string, value: Buffer | null): void {
    if (value === null) this.#states.delete(key);
    else this.#states.set(key, value);
  }

  /** Where the previous rows lie that this batch needs and that are not in the cache: read them back before `process`. */
  needs(changes: readonly SourceChange[]): Map<string, { pointer: RowPointer; key: string; table: Table }> {
    const needs = new Map<string, { pointer: RowPointer; key: string; table: Table }>();
    for (const { change } of changes) {
      if (change.kind !== 'upsert' || change.row.unavailable.length === 0) continue;
      const key = stateKey(change.table, change.id);
      if (needs.has(key) || this.#cache.has(key)) continue;
      const state = this.#state(key);
      if (state?.pointer) {
        needs.set(key, {
          pointer: state.pointer,
          key: rowKey(state.cluster, change.table, change.id),
          table: change.table,
        });
      }
    }
    return needs;
  }

  /**
   * Decides a batch in order. `readBack` holds the values that `needs` asked for, by state key; one that could not be found
   * is missing, and its row is then written with the fields marked as unknown. A row that is too large is refused as a bad
   * record is: nothing of the change is used.
   */
  process(changes: readonly SourceChange[], readBack: ReadonlyMap<string, Buffer>): RekeyBatch {
    const overlay = new Map<string, Touched>();
    const out: Out = new Map();
    const refused = new Map<number, BadRecord>();
    const outcomes = new Map<string, number>();
    for (const [index, { change, traceparent }] of changes.entries()) {
      if (change.kind === 'bad' || change.kind === 'ignored') continue;
      const key = stateKey(change.table, change.id);
      const touched = overlay.get(key);
      const state = touched?.state ?? this.#state(key);
      const previous = (): StoredRow | null => touched?.written?.row ?? this.#previous(change.table, key, readBack);
      const decided = this.#decide(state, change, previous);
      this.#rememberDelete(change);
      const bytes = decided.upsert === null ? null : this.#codec.encodeRow(decided.upsert.row);
      if (bytes !== null && bytes.length > this.#rowBytesMax) {
        refused.set(index, tooLarge(bytes.length, this.#rowBytesMax));
        continue;
      }
      count(outcomes, `${change.table} ${decided.outcome}`);
      if (decided.removeFrom !== null && decided.upsert !== null) count(outcomes, `${change.table} moved`);
      if ((decided.upsert?.row.meta.unknown.length ?? 0) > 0) count(outcomes, `${change.table} unknown-field`);
      if (decided.state !== null) overlay.set(key, this.#write(change, decided, traceparent, { touched, out, bytes }));
    }
    return { ...this.#batch(overlay, out), refused, outcomes };
  }

  #decide(
    state: RowState | null,
    change: Exclude<Change, { kind: 'bad' | 'ignored' }>,
    previous: () => StoredRow | null,
  ): Rekeyed {
    if (change.kind === 'upsert') {
      const incomplete = change.row.unavailable.length > 0 && state !== null && !state.grave;
      return rekeyUpsert(state, change, incomplete ? previous() : null, this.#rules);
    }
    if (change.kind === 'delete') return rekeyDelete(state, change, this.#rules);
    return rekeyTombstone(state, change, this.lastDeletes.get(change.table) === change.id, this.#rules);
  }

  #rememberDelete(change: Exclude<Change, { kind: 'bad' | 'ignored' }>): void {
    if (change.kind === 'delete') this.lastDeletes.set(change.table, change.id);
    else if (this.lastDeletes.get(change.table) === change.id) this.lastDeletes.delete(change.table);
  }

  #write(
    change: Exclude<Change, { kind: 'bad' | 'ignored' }>,
    decided: Rekeyed & { state: RowState | null },
    traceparent: string | null,
    batch: { touched: Touched | undefined; out: Out; bytes: Buffer | null },
  ): Touched {
    assert(decided.state !== null, 'only a decision with a state is written');
    const put = (key: string, value: Buffer | null): void => {
      const before = batch.out.get(key);
      const changedAt = Math.max(change.commitMs, before?.changedAt ?? 0);
      const cluster = key.slice(0, key.indexOf('|'));
      const partition = before?.partition ?? partitionOf(cluster, this.#partitions);
      batch.out.set(key, { partition, value, changedAt, traceparent: traceparent ?? before?.traceparent ?? null });
    };
    const touched: Touched = {
      state: decided.state,
      written: decided.state.grave ? null : (batch.touched?.written ?? null),
      pointsTo: decided.removeFrom === null ? (batch.touched?.pointsTo ?? null) : null,
    };
    if (decided.removeFrom !== null) put(rowKey(decided.removeFrom, change.table, change.id), null);
    if (decided.upsert !== null && batch.bytes !== null) {
      touched.written = { row: decided.upsert.row, bytes: batch.bytes };
      touched.pointsTo = rowKey(decided.upsert.cluster, change.table, change.id);
      put(touched.pointsTo, batch.bytes);
    }
    return touched;
  }

  #batch(overlay: ReadonlyMap<string, Touched>, out: Out): Pick<RekeyBatch, 'clusterChanges' | 'states'> {
    const clusterChanges: ClusterChange[] = [];
    const indexOf = new Map<string, number>();
    for (const [key, record] of out) {
      indexOf.set(key, clusterChanges.length);
      clusterChanges.push({ key, ...record });
    }
    return {
      clusterChanges,
      states: (offsetOf) =>
        Array.from(overlay, ([key, touched]) => {
          const value = this.#codec.encodeState(pointed(touched, indexOf, clusterChanges, offsetOf));
          this.#states.set(key, value);
          if (touched.written !== null) this.#cache.set(key, touched.written.bytes);
          else if (touched.state.grave) this.#cache.delete(key);
          return { key, value };
        }),
    };
  }

  #previous(table: Table, key: string, readBack: ReadonlyMap<string, Buffer>): StoredRow | null {
    const bytes = this.#cache.get(key) ?? readBack.get(key);
    return bytes === undefined ? null : this.#codec.decodeRow(table, bytes);
  }

  #state(key: string): RowState | null {
    const bytes = this.#states.get(key);
    return bytes === undefined ? null : this.#codec.decodeState(bytes);
  }
}

function pointed(
  touched: Touched,
  indexOf: ReadonlyMap<string, number>,
  clusterChanges: readonly ClusterChange[],
  offsetOf: (index: number) => number,
): RowState {
  if (touched.state.grave || touched.pointsTo === null) return touched.state;
  const index = indexOf.get(touched.pointsTo);
  const record = index === undefined ? undefined : clusterChanges[index];
  if (index === undefined || record === undefined) return touched.state;
  return { ...touched.state, pointer: { partition: record.partition, offset: offsetOf(index) } };
}

function tooLarge(bytes: number, most: number): BadRecord {
  return { kind: 'bad', code: 'too-large', message: `the row has ${bytes} bytes, allowed are ${most}` };
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
