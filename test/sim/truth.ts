/**
 * What the source database really held, version by version of each row: the side of the story that checkers trust. It knows
 * the documented meaning of a change (deleted, moved, loud, touch) from the database's point of view and nothing of the product.
 */
import type { Table } from '../../src/core/source-event.ts';
import type { Columns } from '../support/change-events.ts';

export type Row = Columns & { readonly id: number };

export interface RowVersion {
  readonly row: Row;
  readonly alive: boolean;
  readonly cluster: number | null;
}

export interface RowHistory {
  readonly table: Table;
  readonly id: number;
  readonly versions: RowVersion[];
  /** The row had a change that may announce something. */
  live: boolean;
}

export class Truth {
  readonly #rows = new Map<string, RowHistory>();

  /** Every row that ever was, in the order of its making. */
  get rows(): RowHistory[] {
    return [...this.#rows.values()];
  }

  history(table: Table, id: number): RowHistory {
    const key = `${table} ${id}`;
    let history = this.#rows.get(key);
    if (history === undefined) {
      history = { table, id, versions: [], live: false };
      this.#rows.set(key, history);
    }
    return history;
  }

  /** The row as it is now; undefined if it never was. */
  current(table: Table, id: number): RowVersion | undefined {
    return this.#rows.get(`${table} ${id}`)?.versions.at(-1);
  }

  /** Notes that a row is now like this. `loud`: the change may announce something. */
  note(table: Table, row: Row, change: { alive: boolean; loud: boolean }): void {
    const history = this.history(table, row.id);
    const cluster = row['lead_cluster_id'] as number | null;
    history.versions.push({ row, alive: change.alive, cluster });
    history.live ||= change.loud;
  }

  /** Rows of a table that live in a cluster now. */
  within(table: Table, cluster: number): RowHistory[] {
    return this.rows.filter((history) => {
      const now = history.versions.at(-1);
      return history.table === table && now !== undefined && now.alive && now.cluster === cluster;
    });
  }
}

/** The cluster in which a lead was at each value of `moves`: a change of cluster and a re-creation count as a move. */
export function clustersByMoves(lead: RowHistory): (number | null)[] {
  const clusters: (number | null)[] = [];
  let before: RowVersion | null = null;
  for (const version of lead.versions) {
    const isMove = before === null || (version.alive && (!before.alive || before.cluster !== version.cluster));
    if (isMove && version.alive) clusters.push(version.cluster);
    before = version;
  }
  return clusters;
}
