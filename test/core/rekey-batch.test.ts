/** Batches through rekey: one record per row key, pointers to where it lies, and what has to be read back. Real Avro. */
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/core/change.ts';
import { stateKey } from '../../src/core/keys.ts';
import { partitionOf } from '../../src/core/partition.ts';
import { type RekeyBatch, RekeyRows } from '../../src/core/rekey-batch.ts';
import { RowCache } from '../../src/core/row-cache.ts';
import { isBad } from '../../src/core/source-event.ts';
import { decodeRow, decodeState, rekeyCodec } from '../../src/kafka/internal-codec.ts';
import { COMMIT_MS, leadDelete, leadTombstone, leadUpsert } from '../support/row-changes.ts';

const HOME = 'cluster:289|lead|138559';
const AWAY = 'cluster:500|lead|138559';
const STATE = stateKey('lead', '138559');
const MOVED = { lead_cluster_id: '500' };
const PARTITIONS = 12;

function rekeyRows(options: { cacheBytes?: number; rowBytesMax?: number } = {}): RekeyRows {
  return new RekeyRows({
    codec: rekeyCodec,
    cache: new RowCache(options.cacheBytes ?? 1_000_000),
    rules: { announceSince: 0 },
    partitions: PARTITIONS,
    rowBytesMax: options.rowBytesMax ?? 900_000,
  });
}

const plain = (change: Change) => ({ change, traceparent: null });

/** Processes a batch as a task does: the n-th record of `cluster-changes` gets offset `base + n`. */
function play(rows: RekeyRows, changes: readonly Change[], base = 100, readBack = new Map<string, Buffer>()) {
  const batch = rows.process(changes.map(plain), readBack);
  const states = new Map(batch.states((index) => base + index).map(({ key, value }) => [key, decodeState(value)]));
  return { batch, states };
}

/** Key → the row's comments, or null where the row left. */
function written({ clusterChanges }: RekeyBatch): Record<string, string | null> {
  const rows = clusterChanges.map(({ key, value }) => {
    const stored = value === null ? null : decodeRow('lead', value);
    return [key, stored?.table === 'lead' ? stored.row.comments : null] as const;
  });
  return Object.fromEntries(rows);
}

describe('records of cluster-changes', () => {
  test('several changes of a row are one record, as it is at the end', () => {
    const { batch } = play(rekeyRows(), [leadUpsert(1, { comments: '"a"' }), leadUpsert(2, { comments: '"b"' })]);
    expect(written(batch)).toEqual({ [HOME]: '"b"' });
    expect(batch.clusterChanges[0]?.partition).toBe(partitionOf('cluster:289', PARTITIONS));
  });

  test('a move is a null for the old cluster and the row for the new one, each in the partition of its cluster', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(1)]);
    const { batch } = play(rows, [leadUpsert(2, { ...MOVED, comments: '"b"' })]);
    expect(written(batch)).toEqual({ [HOME]: null, [AWAY]: '"b"' });
    expect(batch.clusterChanges.map(({ partition }) => partition)).toEqual(
      ['cluster:289', 'cluster:500'].map((cluster) => partitionOf(cluster, PARTITIONS)),
    );
    expect(batch.outcomes).toEqual(
      new Map([
        ['lead loud', 1],
        ['lead moved', 1],
      ]),
    );
  });

  test('a row that moves away and back in one batch is there once, and gone from where it was in between', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(1)]);
    const { batch, states } = play(rows, [leadUpsert(2, MOVED), leadUpsert(3, { comments: '"back"' })], 200);
    expect(written(batch)).toEqual({ [HOME]: '"back"', [AWAY]: null });
    const at = batch.clusterChanges.findIndex(({ key }) => key === HOME);
    expect(states.get(STATE)).toMatchObject({ moves: 2, pointer: { offset: 200 + at } });
  });

  test('a delete and a re-creation in one batch are the row under a higher moves', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(1)]);
    const { batch, states } = play(rows, [leadDelete(2), leadTombstone(), leadUpsert(3, { comments: '"again"' })]);
    expect(written(batch)).toEqual({ [HOME]: '"again"' });
    expect(states.get(STATE)).toMatchObject({ moves: 1, grave: false });
  });

  test('a record carries the newest commit time and the last traceparent of its changes', () => {
    const rows = rekeyRows();
    rows.process([plain(leadUpsert(1))], new Map()).states(() => 0);
    const changes = [
      { change: leadUpsert(2, MOVED, { commitMs: COMMIT_MS + 9 }), traceparent: 'first' },
      { change: leadUpsert(3, { ...MOVED, comments: '"b"' }, { commitMs: COMMIT_MS + 4 }), traceparent: 'second' },
      { change: leadUpsert(4, { ...MOVED, comments: '"c"' }, { commitMs: COMMIT_MS + 5 }), traceparent: null },
    ];
    const { clusterChanges } = rows.process(changes, new Map());
    expect(clusterChanges.map(({ key, changedAt, traceparent }) => [key, changedAt - COMMIT_MS, traceparent])).toEqual([
      [HOME, 9, 'first'],
      [AWAY, 9, 'second'],
    ]);
  });

  test('stale changes, bad records and ignored ones write nothing', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(5)]);
    const { batch, states } = play(rows, [
      leadUpsert(5),
      leadUpsert(4),
      { kind: 'ignored', reason: 'message' },
      { kind: 'bad', code: 'wrong-type', message: 'm' },
    ]);
    expect([batch.clusterChanges, states.size, batch.outcomes]).toEqual([[], 0, new Map([['lead stale', 2]])]);
  });
});

describe('the pointer', () => {
  test('says where the row was written, and stays when a change writes only the state', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(1)], 100);
    const { batch, states } = play(rows, [leadUpsert(2)], 500);
    expect(batch.clusterChanges).toEqual([]);
    expect(states.get(STATE)?.pointer).toEqual({ partition: partitionOf('cluster:289', PARTITIONS), offset: 100 });
  });

  test('follows the row as written earlier in the batch when its last change writes only the state', () => {
    const { states } = play(rekeyRows(), [leadUpsert(1), leadUpsert(2)], 700);
    expect(states.get(STATE)?.pointer?.offset).toBe(700);
  });

  test('is gone with the row', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(1)]);
    expect(play(rows, [leadDelete(2)]).states.get(STATE)).toMatchObject({ grave: true, pointer: null });
  });
});

describe('columns that the source left out', () => {
  const partly = (own: number, row = {}) => leadUpsert(own, { comments: null, ...row }, { unavailable: ['comments'] });
  const LONG = { comments: '"long"' };

  test('need no reading back while the row is in the cache', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(1, LONG)]);
    expect(rows.needs([plain(partly(2))])).toEqual(new Map());
    expect(written(play(rows, [partly(2, { source: '"x"' })]).batch)).toEqual({ [HOME]: '"long"' });
  });

  test('are asked for once per row, at the pointer and under the key of its cluster, and then used', () => {
    const rows = rekeyRows({ cacheBytes: 0 });
    const first = play(rows, [leadUpsert(1, { ...LONG, ...MOVED })], 40).batch.clusterChanges[0];
    const needs = rows.needs([plain(partly(2)), plain(partly(3))]);
    const pointer = { partition: partitionOf('cluster:500', PARTITIONS), offset: 40 };
    expect([...needs]).toEqual([[STATE, { pointer, key: AWAY, table: 'lead' }]]);
    const { batch } = play(rows, [partly(2)], 50, new Map([[STATE, first?.value ?? Buffer.alloc(0)]]));
    expect(written(batch)).toEqual({ [AWAY]: null, [HOME]: '"long"' });
  });

  test('come from the batch itself when the row was written in it', () => {
    const { batch } = play(rekeyRows({ cacheBytes: 0 }), [leadUpsert(1, LONG), partly(2, MOVED)]);
    expect(written(batch)).toEqual({ [HOME]: null, [AWAY]: '"long"' });
  });

  test('are not taken from before a delete, in the batch, the cache or Kafka', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(1, LONG)]);
    play(rows, [leadDelete(2)]);
    expect(rows.cacheBytes).toBe(0);
    expect(rows.needs([plain(partly(3))])).toEqual(new Map());
    const { batch } = play(rows, [partly(3)]);
    expect(batch.outcomes.get('lead unknown-field')).toBe(1);
    expect(written(batch)).toEqual({ [HOME]: null });
  });

  test('are marked as unknown when nothing was found', () => {
    const rows = rekeyRows({ cacheBytes: 0 });
    play(rows, [leadUpsert(1, LONG)]);
    const { batch, states } = play(rows, [partly(2)]);
    expect(batch.outcomes.get('lead unknown-field')).toBe(1);
    expect(states.get(STATE)?.unknown).toBe(true);
  });
});

describe('tombstones', () => {
  test('a tombstone says nothing while the last record of its key was a delete, other keys between them', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(1), leadUpsert(1, { id: '7' })]);
    play(rows, [leadDelete(2), leadUpsert(3, { id: '7', comments: null })]);
    expect(play(rows, [leadTombstone()]).batch.outcomes).toEqual(new Map([['lead follows-delete', 1]]));
    // It has now been read: the next one of the key stands by itself.
    expect(play(rows, [leadTombstone()]).batch.outcomes).toEqual(new Map([['lead no-row', 1]]));
  });

  test('a delete that is itself a replay still takes its tombstone with it', () => {
    const rows = rekeyRows();
    play(rows, [leadUpsert(1), leadDelete(2), leadTombstone(), leadUpsert(3)]);
    const { batch } = play(rows, [leadDelete(2), leadTombstone()]);
    expect(batch.clusterChanges).toEqual([]);
  });
});

describe('a row beyond the limit', () => {
  const huge = (own: number) => leadUpsert(own, { comments: `"${'x'.repeat(5_000)}"` });

  test('is refused by its place in the batch, and the row stays as it was', () => {
    const rows = rekeyRows({ rowBytesMax: 4_000 });
    play(rows, [leadUpsert(1)]);
    const { batch, states } = play(rows, [leadUpsert(2, { comments: '"b"' }), huge(3)]);
    expect([...batch.refused.keys()]).toEqual([1]);
    expect(written(batch)).toEqual({ [HOME]: '"b"' });
    expect(states.get(STATE)?.position.own).toBe(2);
    expect(batch.outcomes).toEqual(new Map([['lead loud', 1]]));
  });

  test('is told by its size and none of its values', () => {
    const bad = play(rekeyRows({ rowBytesMax: 4_000 }), [huge(1)]).batch.refused.get(0);
    expect(bad && isBad(bad) && bad.code).toBe('too-large');
    expect(bad?.message).toMatch(/^the row has \d{4} bytes, allowed are 4000$/);
  });
});

test('a state that was restored decides as the one that wrote it, and a null forgets the row', () => {
  const first = rekeyRows();
  const states = first.process([plain(leadUpsert(5))], new Map()).states(() => 3);
  const second = rekeyRows();
  for (const { key, value } of states) second.restore(key, value);
  expect([second.count, play(second, [leadUpsert(5)]).batch.outcomes]).toEqual([1, new Map([['lead stale', 1]])]);
  second.restore(STATE, null);
  expect(play(second, [leadUpsert(4)]).batch.outcomes).toEqual(new Map([['lead loud', 1]]));
});
