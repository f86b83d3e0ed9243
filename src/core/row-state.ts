/** What rekey remembers of every source row, dead ones too: enough to turn the next change into removes and upserts. */
import type { Position } from './change.ts';
import type { ClusterKey } from './keys.ts';

export interface RowState {
  /** Cluster key of the row's record in `cluster-changes`; of its last one if the row is a grave. */
  readonly cluster: ClusterKey;
  readonly moves: number;
  readonly position: Position;
  readonly live: boolean;
  readonly birth: number | null;
  /** The row is deleted. Kept for ever, so that a replay revives nothing and revisions never restart. */
  readonly grave: boolean;
  /** The grave was dug by a bare tombstone, which has no position: a change at the row's own position opens it again. */
  readonly bare: boolean;
  /** Digest (hex) of the exported columns, `updated_at` aside. */
  readonly hash: string;
  /** The `updated_at` fragment of a lead, so that a touch is still written on; null for other tables. */
  readonly updatedAt: string | null;
  /** Some field of the row is not known. */
  readonly unknown: boolean;
  /** Where the row's last record in `cluster-changes` lies; null for a grave. */
  readonly pointer: RowPointer | null;
}

export interface RowPointer {
  readonly partition: number;
  readonly offset: number;
}
