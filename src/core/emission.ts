/** What the join remembers of the payloads of one lead in one cluster. */

/**
 * `moves` is that of the lead's row when it was announced: a record with other `moves` counts as absent. `n` grows by one
 * with each transaction that announces the lead. `hashes` holds, per version announced, the digest (hex) of the last body
 * without `updated_at`; a version that was never announced has no entry.
 */
export interface Emission {
  readonly moves: number;
  readonly n: number;
  readonly hashes: Readonly<Record<string, string>>;
}

/** Revision of a payload: `moves * 2^32 + n`, an integer that is exact as a number up to 2^21 moves. */
export function revisionOf(moves: number, n: number): number {
  return moves * 4294967296 + n;
}

/** The `moves` part of a revision. */
export function movesOf(revision: number): number {
  return Math.floor(revision / 4294967296);
}

/**
 * Moves that one generation of the application (LEAD_WEBHOOKS_GENERATION) may use up for a lead before it comes into the next one's.
 * 2^21 moves are exact, so there are 32 generations.
 */
export const MOVES_PER_GENERATION = 65_536;

/** Whether a lead with these `moves` has moved, or was made again, since its generation began. */
export function hasMoved(moves: number): boolean {
  return moves % MOVES_PER_GENERATION !== 0;
}
