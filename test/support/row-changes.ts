/** Changes of one row as rekey gets them, for tests that speak of positions and times alone. */
import type { Delete, Position, Tombstone, Upsert } from '../../src/core/change.ts';
import type { LeadRow, PartialRow } from '../../src/core/rows.ts';
import { leadRow } from './rows.ts';

/** When the changes of these tests are committed unless they say otherwise, ms; rules are made around it. */
export const COMMIT_MS = 1_758_000_000_000;

/** A streamed position; greater is newer. */
export function at(own: number): Position {
  return { epoch: 0, high: own, own, streamed: true };
}

/** An update of lead 138559; `row` overrides columns of the sample, `unavailable` names those that were not sent. */
export function leadUpsert(
  own: number,
  row: Partial<LeadRow> = {},
  more: Partial<Upsert> & { unavailable?: readonly string[] } = {},
): Upsert {
  const { unavailable = [], ...rest } = more;
  const partial: PartialRow = { table: 'lead', row: leadRow(row), unavailable, scalarObjects: 0 };
  return {
    kind: 'upsert',
    table: 'lead',
    id: partial.row.id,
    row: partial,
    made: false,
    snapshot: false,
    commitMs: COMMIT_MS,
    position: at(own),
    ...rest,
  };
}

/** A delete of lead 138559 that carries a position. */
export function leadDelete(own: number, more: Partial<Delete> = {}): Delete {
  return {
    kind: 'delete',
    table: 'lead',
    id: '138559',
    commitMs: COMMIT_MS,
    position: at(own),
    snapshot: false,
    ...more,
  };
}

/** A null value of lead 138559. */
export function leadTombstone(commitMs = COMMIT_MS): Tombstone {
  return { kind: 'tombstone', table: 'lead', id: '138559', commitMs };
}
