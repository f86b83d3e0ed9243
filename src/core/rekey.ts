/**
 * Rekey: from the change of a row, which is keyed by primary key, to what its lead cluster must hear.
 *
 * A change event says neither where the row was before nor (for big columns) what it still holds, so rekey remembers every
 * row. Pure: one state and one change in, a decision out. It alone decides loudness (what may announce something), because
 * it alone sees the changes of a row in their order, whatever order topics are read in.
 *
 * A row is *silent* until its first *loud* change and *live* for ever after, in its grave too. A change is loud unless it is
 * a snapshot read, was committed before `announceSince`, or is a *touch*: it leaves the exported columns as they were.
 */

import { digest } from '../lib/hash.ts';
import type { Delete, Position, Tombstone, Upsert } from './change.ts';
import { exportedText } from './exported-text.ts';
import { type ClusterKey, clusterKey } from './keys.ts';
import { isNewer } from './position.ts';
import type { RowState } from './row-state.ts';
import { complete } from './rows.ts';
import { type StoredRow, storedRow } from './stored-row.ts';

export interface RekeyRules {
  /** Commit time (ms) from which changes are loud; `beginning`: every change but a touch is loud, snapshot reads too. */
  readonly announceSince: number | 'beginning';
  /** `moves` of a row that nothing is known of: above those of all earlier generations of the application (default 0). */
  readonly firstMoves?: number;
}

/** Why a change was used or not; a metric label. */
export type RekeyOutcome =
  | 'loud'
  | 'snapshot'
  | 'before-announce-since'
  | 'touch'
  | 'unchanged' // nothing that any payload shows, not even `updated_at`: only the position moves on
  | 'stale' // older than what is known of the row: a replay
  | 'follows-delete' // a tombstone whose delete was already read
  | 'deleted'
  | 'no-row'; // a tombstone or delete of a row that is not there

export interface Rekeyed {
  readonly outcome: RekeyOutcome;
  /** The row's new state; null = nothing to remember. Its pointer is still the old one. */
  readonly state: RowState | null;
  /** The cluster that loses the row; null = none does. */
  readonly removeFrom: ClusterKey | null;
  /** The row as its cluster gets it; null = no record. */
  readonly upsert: { readonly cluster: ClusterKey; readonly row: StoredRow } | null;
}

const NOTHING = { state: null, removeFrom: null, upsert: null } as const;

/**
 * Decides an upsert. `previous` is the row's last record in `cluster-changes`; it is used only for columns that the change
 * did not carry, and null is right when there are none.
 */
export function rekeyUpsert(
  state: RowState | null,
  change: Upsert,
  previous: StoredRow | null,
  rules: RekeyRules,
): Rekeyed {
  if (state !== null && !accepts(state, change.position)) return { outcome: 'stale', ...NOTHING };
  const completed = complete(change.row, previous?.row ?? null);
  const { row } = completed;
  // What the previous row did not know either is still not known.
  const unknown =
    previous === null
      ? completed.unknown
      : change.row.unavailable.filter((field) => previous.meta.unknown.includes(field));
  const cluster = clusterKey(change.table, change.id, row.lead_cluster_id);
  const reborn = state?.grave === true;
  const moved = state !== null && !reborn && state.cluster !== cluster;
  const hash = digest(exportedText(change.table, row));
  const same = state !== null && !reborn && state.hash === hash && !state.unknown && unknown.length === 0;
  const loudness = loudnessOf(change, same, rules);
  const live = (state?.live ?? false) || loudness === 'loud';
  const updatedAt = 'updated_at' in row ? row.updated_at : null;
  const next: RowState = {
    cluster,
    moves: state === null ? (rules.firstMoves ?? 0) : state.moves + (moved || reborn ? 1 : 0),
    position: change.position,
    live,
    birth: birthOf(state, change, loudness === 'loud'),
    grave: false,
    bare: false,
    hash,
    updatedAt,
    unknown: unknown.length > 0,
    pointer: reborn ? null : (state?.pointer ?? null),
  };
  if (same && state.updatedAt === updatedAt && state.live === live) {
    return { outcome: 'unchanged', state: next, removeFrom: null, upsert: null };
  }
  const { moves, birth } = next;
  return {
    outcome: loudness,
    state: next,
    removeFrom: moved ? state.cluster : null,
    upsert: { cluster, row: storedRow(change.table, { moves, live, birth, changedAt: change.commitMs, unknown }, row) },
  };
}

/** Decides a delete that carries a position: `op` d, `__deleted`, or `deleted_at` set. */
export function rekeyDelete(state: RowState | null, change: Delete, rules: RekeyRules): Rekeyed {
  if (state !== null && !accepts(state, change.position)) return { outcome: 'stale', ...NOTHING };
  const live = (state?.live ?? false) || loudnessOf(change, false, rules) === 'loud';
  if (state === null) {
    const grave = newGrave(clusterKey(change.table, change.id, null), change, { live, moves: rules.firstMoves ?? 0 });
    return { outcome: 'no-row', state: grave, removeFrom: null, upsert: null };
  }
  const grave: RowState = { ...state, position: change.position, live, grave: true, bare: false, pointer: null };
  if (state.grave) return { outcome: 'no-row', state: grave, removeFrom: null, upsert: null };
  return { outcome: 'deleted', state: grave, removeFrom: state.cluster, upsert: null };
}

/**
 * Decides a null value. It has no position, so it deletes only if the key's previous record was no delete: a replayed
 * tombstone would kill a row that was made again since.
 */
export function rekeyTombstone(
  state: RowState | null,
  change: Tombstone,
  followsDelete: boolean,
  rules: RekeyRules,
): Rekeyed {
  if (followsDelete) return { outcome: 'follows-delete', ...NOTHING };
  if (state === null || state.grave) return { outcome: 'no-row', ...NOTHING };
  const live = state.live || rules.announceSince === 'beginning' || change.commitMs >= rules.announceSince;
  const grave: RowState = { ...state, live, grave: true, bare: true, pointer: null };
  return { outcome: 'deleted', state: grave, removeFrom: state.cluster, upsert: null };
}

function accepts(state: RowState, position: Position): boolean {
  return isNewer(position, state.position) || (state.bare && !isNewer(state.position, position));
}

function loudnessOf(
  change: Upsert | Delete,
  same: boolean,
  rules: RekeyRules,
): 'loud' | 'snapshot' | 'before-announce-since' | 'touch' {
  if (same) return 'touch';
  if (rules.announceSince === 'beginning') return 'loud';
  if (change.snapshot) return 'snapshot';
  return change.commitMs < rules.announceSince ? 'before-announce-since' : 'loud';
}

/** Commit time of the loud change that made the row; a re-creation is a new birth. */
function birthOf(state: RowState | null, change: Upsert, loud: boolean): number | null {
  if (state !== null && !state.grave) return state.birth;
  const made = state === null ? change.made : true;
  return made && loud ? change.commitMs : null;
}

function newGrave(
  cluster: ClusterKey,
  { position }: Delete,
  { live, moves }: Pick<RowState, 'live' | 'moves'>,
): RowState {
  return {
    cluster,
    moves,
    position,
    live,
    birth: null,
    grave: true,
    bare: false,
    hash: '',
    updatedAt: null,
    unknown: false,
    pointer: null,
  };
}
