/**
 * Every transition of a row in rekey: its state before, the change, and what comes of it. The states are made by rekey itself
 * from a history, so that no test rests on a state that cannot be.
 */
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/core/change.ts';
import { MOVES_PER_GENERATION, revisionOf } from '../../src/core/emission.ts';
import { type Rekeyed, type RekeyRules, rekeyDelete, rekeyTombstone, rekeyUpsert } from '../../src/core/rekey.ts';
import type { RowState } from '../../src/core/row-state.ts';
import { storedRow } from '../../src/core/stored-row.ts';
import { at, COMMIT_MS, leadDelete, leadTombstone, leadUpsert } from '../support/row-changes.ts';
import { leadRow } from '../support/rows.ts';

const RULES: RekeyRules = { announceSince: COMMIT_MS - 1_000 };
const SILENT_MS = COMMIT_MS - 2_000;
const HOME = 'cluster:289';

function decide(state: RowState | null, change: Change, rules: RekeyRules): Rekeyed {
  if (change.kind === 'upsert') return rekeyUpsert(state, change, null, rules);
  if (change.kind === 'delete') return rekeyDelete(state, change, rules);
  if (change.kind === 'tombstone') return rekeyTombstone(state, change, false, rules);
  throw new Error('no change of a row');
}

/** The state after `changes`, or null if nothing was worth remembering. */
function after(changes: readonly Change[], rules = RULES): RowState | null {
  return changes.reduce<RowState | null>((state, change) => decide(state, change, rules).state ?? state, null);
}

/** What a transition is about, in one line: `outcome moves live birth grave bare −removed +upserted`. */
function shown({ outcome, state, removeFrom, upsert }: Rekeyed): string {
  if (state === null) return `${outcome}: nothing`;
  const { moves, live, birth, grave, bare } = state;
  const born = birth === null ? 'no birth' : `born ${birth - COMMIT_MS}`;
  const words = [`moves ${moves}`, live ? 'live' : 'silent', born];
  if (grave) words.push(bare ? 'bare grave' : 'grave');
  if (removeFrom !== null) words.push(`-${removeFrom}`);
  if (upsert !== null) words.push(`+${upsert.cluster}`);
  return `${outcome}: ${words.join(', ')}`;
}

const BORN = leadUpsert(10, {}, { made: true });
const SNAPSHOT = leadUpsert(10, {}, { snapshot: true });
const HISTORIES: Record<string, readonly Change[]> = {
  nothing: [],
  'a live row': [BORN],
  'a silent row': [SNAPSHOT],
  'a grave': [BORN, leadDelete(20)],
  'a bare grave': [BORN, leadTombstone()],
  'the grave of a row never seen': [leadDelete(10)],
  'a silent grave': [SNAPSHOT, leadDelete(20, { commitMs: SILENT_MS })],
};

const OTHER = { comments: '"other"' };
const MOVED = { lead_cluster_id: '500' };

test('in a later generation of the application a row begins above all moves of the earlier ones, its grave too', () => {
  const rules = { ...RULES, firstMoves: 3 * MOVES_PER_GENERATION };
  expect(after([BORN], rules)?.moves).toBe(196_608);
  expect(after([BORN, leadUpsert(20, MOVED)], rules)?.moves).toBe(196_609);
  expect(after([leadDelete(10), leadUpsert(20)], rules)?.moves).toBe(196_609);
  expect(revisionOf(196_608, 1)).toBeGreaterThan(revisionOf(3 * MOVES_PER_GENERATION - 1, 2 ** 32 - 1));
  expect(Number.isSafeInteger(revisionOf(32 * MOVES_PER_GENERATION - 1, 2 ** 32 - 1))).toBe(true);
});

describe('a transition', () => {
  test.each<[keyof typeof HISTORIES, string, Change, string]>([
    ['nothing', 'an insert', BORN, `loud: moves 0, live, born 0, +${HOME}`],
    ['nothing', 'an update', leadUpsert(10), `loud: moves 0, live, no birth, +${HOME}`],
    ['nothing', 'a snapshot read', SNAPSHOT, `snapshot: moves 0, silent, no birth, +${HOME}`],
    [
      'nothing',
      'an insert of before',
      leadUpsert(10, {}, { made: true, commitMs: SILENT_MS }),
      `before-announce-since: moves 0, silent, no birth, +${HOME}`,
    ],
    [
      'nothing',
      'a row without a cluster',
      leadUpsert(10, { lead_cluster_id: null }),
      'loud: moves 0, live, no birth, +lead:138559',
    ],
    ['nothing', 'a delete', leadDelete(10), 'no-row: moves 0, live, no birth, grave'],
    ['nothing', 'a tombstone', leadTombstone(), 'no-row: nothing'],

    ['a live row', 'a newer change', leadUpsert(20, OTHER), `loud: moves 0, live, born 0, +${HOME}`],
    ['a live row', 'an equal position', leadUpsert(10, OTHER), 'stale: nothing'],
    ['a live row', 'an older position', leadUpsert(9, OTHER), 'stale: nothing'],
    ['a live row', 'an older delete', leadDelete(9), 'stale: nothing'],
    ['a live row', 'a delete at its position', leadDelete(10), 'stale: nothing'],
    ['a live row', 'a newer delete', leadDelete(20), `deleted: moves 0, live, born 0, grave, -${HOME}`],
    ['a live row', 'a tombstone', leadTombstone(), `deleted: moves 0, live, born 0, bare grave, -${HOME}`],
    ['a live row', 'a move', leadUpsert(20, MOVED), `loud: moves 1, live, born 0, -${HOME}, +cluster:500`],
    [
      'a live row',
      'leaving its cluster for none',
      leadUpsert(20, { lead_cluster_id: null }),
      `loud: moves 1, live, born 0, -${HOME}, +lead:138559`,
    ],
    [
      'a live row',
      'a touch',
      leadUpsert(20, { updated_at: '"2025-09-17T00:00:00.000Z"' }),
      `touch: moves 0, live, born 0, +${HOME}`,
    ],
    ['a live row', 'the same row again', leadUpsert(20), 'unchanged: moves 0, live, born 0'],
    [
      'a live row',
      'a snapshot read that heals it',
      leadUpsert(20, OTHER, { snapshot: true }),
      `snapshot: moves 0, live, born 0, +${HOME}`,
    ],
    [
      'a live row',
      'an op c that is no birth',
      leadUpsert(20, OTHER, { made: true, commitMs: COMMIT_MS + 5 }),
      `loud: moves 0, live, born 0, +${HOME}`,
    ],

    ['a silent row', 'its first loud change', leadUpsert(20, OTHER), `loud: moves 0, live, no birth, +${HOME}`],
    ['a silent row', 'the same row again', leadUpsert(20), 'unchanged: moves 0, silent, no birth'],
    ['a silent row', 'a touch', leadUpsert(20, { updated_at: null }), `touch: moves 0, silent, no birth, +${HOME}`],
    [
      'a silent row',
      'a change of before',
      leadUpsert(20, OTHER, { commitMs: SILENT_MS }),
      `before-announce-since: moves 0, silent, no birth, +${HOME}`,
    ],
    ['a silent row', 'a loud delete', leadDelete(20), `deleted: moves 0, live, no birth, grave, -${HOME}`],
    [
      'a silent row',
      'a delete that a snapshot saw',
      leadDelete(20, { snapshot: true }),
      `deleted: moves 0, silent, no birth, grave, -${HOME}`,
    ],
    [
      'a silent row',
      'a tombstone of before',
      leadTombstone(SILENT_MS),
      `deleted: moves 0, silent, no birth, bare grave, -${HOME}`,
    ],

    ['a grave', 'a replay of the row', leadUpsert(10), 'stale: nothing'],
    ['a grave', 'a change at its position', leadUpsert(20), 'stale: nothing'],
    ['a grave', 'a replay of the delete', leadDelete(20), 'stale: nothing'],
    ['a grave', 'a tombstone', leadTombstone(), 'no-row: nothing'],
    ['a grave', 'a newer delete', leadDelete(30), 'no-row: moves 0, live, born 0, grave'],
    [
      'a grave',
      're-creation',
      leadUpsert(30, {}, { commitMs: COMMIT_MS + 5 }),
      `loud: moves 1, live, born 5, +${HOME}`,
    ],
    ['a grave', 're-creation elsewhere', leadUpsert(30, MOVED), 'loud: moves 1, live, born 0, +cluster:500'],
    [
      'a grave',
      're-creation seen by a snapshot',
      leadUpsert(30, {}, { snapshot: true }),
      `snapshot: moves 1, live, no birth, +${HOME}`,
    ],

    ['a bare grave', 'an older change', leadUpsert(9), 'stale: nothing'],
    ['a bare grave', "a change at the row's last position", leadUpsert(10), `loud: moves 1, live, born 0, +${HOME}`],
    ['a bare grave', 'a newer change', leadUpsert(11), `loud: moves 1, live, born 0, +${HOME}`],
    [
      'a bare grave',
      "its own delete at the row's last position",
      leadDelete(10),
      'no-row: moves 0, live, born 0, grave',
    ],
    ['a bare grave', 'a tombstone', leadTombstone(), 'no-row: nothing'],

    ['the grave of a row never seen', 'a replay', leadUpsert(10), 'stale: nothing'],
    ['the grave of a row never seen', 'a newer row', leadUpsert(20), `loud: moves 1, live, born 0, +${HOME}`],
    [
      'a silent grave',
      're-creation of before',
      leadUpsert(30, {}, { commitMs: SILENT_MS }),
      `before-announce-since: moves 1, silent, no birth, +${HOME}`,
    ],
  ])('from %s by %s', (from, _by, change, expected) => {
    expect(shown(decide(after(HISTORIES[from] ?? []), change, RULES))).toBe(expected);
  });
});

test('an accepted change gives its own position to the row, whatever comes of it', () => {
  for (const change of [leadUpsert(20), leadUpsert(20, OTHER), leadUpsert(20, MOVED), leadDelete(20)]) {
    expect(decide(after([BORN]), change, RULES).state?.position).toEqual(at(20));
  }
});

test('a bare tombstone leaves the position of the row in its grave', () => {
  expect(after([BORN, leadTombstone()])?.position).toEqual(at(10));
});

test('a tombstone that follows the delete of its key says nothing, also when the row lives again', () => {
  const reborn = after([BORN, leadDelete(20), leadUpsert(30)]);
  expect(shown(rekeyTombstone(reborn, leadTombstone(), true, RULES))).toBe('follows-delete: nothing');
});

test('what the cluster gets is the row with the moves, the birth and the commit time of this change', () => {
  const moved = decide(after([BORN]), leadUpsert(20, MOVED, { commitMs: COMMIT_MS + 7 }), RULES);
  expect(moved.upsert?.row).toEqual({
    table: 'lead',
    meta: { moves: 1, live: true, birth: COMMIT_MS, changedAt: COMMIT_MS + 7, unknown: [] },
    row: leadRow(MOVED),
  });
});

test('an instant is loud from itself on', () => {
  const since = { announceSince: COMMIT_MS };
  expect(rekeyUpsert(null, leadUpsert(10), null, since).outcome).toBe('loud');
  expect(rekeyUpsert(null, leadUpsert(10, {}, { commitMs: COMMIT_MS - 1 }), null, since).outcome).toBe(
    'before-announce-since',
  );
});

describe('with ANNOUNCE_SINCE=beginning', () => {
  const beginning: RekeyRules = { announceSince: 'beginning' };

  test('snapshot reads and old changes are loud, a snapshot read is still no birth', () => {
    expect(shown(decide(null, SNAPSHOT, beginning))).toBe(`loud: moves 0, live, no birth, +${HOME}`);
    expect(shown(decide(null, leadUpsert(10, {}, { made: true, commitMs: 0 }), beginning))).toContain('loud: moves 0');
  });

  test('a touch is not', () => {
    const touch = leadUpsert(20, { updated_at: null });
    expect(decide(after([BORN], beginning), touch, beginning).outcome).toBe('touch');
  });
});

describe('columns that the source left out', () => {
  const partly = (own: number) => leadUpsert(own, { comments: null }, { unavailable: ['comments'] });
  const previous = storedRow(
    'lead',
    { moves: 0, live: true, birth: null, changedAt: COMMIT_MS, unknown: [] },
    leadRow({ comments: '"long"' }),
  );

  test('are taken from the previous row, so that leaving them out is no change', () => {
    const state = after([leadUpsert(10, { comments: '"long"' })]);
    expect(rekeyUpsert(state, partly(20), previous, RULES).outcome).toBe('unchanged');
  });

  test('without a previous row are named, and the row is never taken for unchanged until a full record comes', () => {
    const unknown = rekeyUpsert(null, partly(10), null, RULES);
    expect(unknown.upsert?.row.meta.unknown).toEqual(['comments']);
    const again = rekeyUpsert(unknown.state, partly(20), null, RULES);
    expect([again.outcome, again.upsert?.row.meta.unknown]).toEqual(['loud', ['comments']]);
    // The full record says what the placeholder stood for, even if that is what a null gives.
    const healed = rekeyUpsert(again.state, leadUpsert(30, { comments: null }), null, RULES);
    expect([healed.outcome, healed.upsert?.row.meta.unknown, healed.state?.unknown]).toEqual(['loud', [], false]);
  });

  test('stay unknown when the previous row did not know them either, and only those', () => {
    const half = { ...previous.meta, unknown: ['comments', 'source'] };
    const state = rekeyUpsert(null, partly(10), null, RULES).state;
    const { upsert } = rekeyUpsert(state, partly(20), storedRow('lead', half, leadRow()), RULES);
    expect(upsert?.row.meta.unknown).toEqual(['comments']);
  });
});
