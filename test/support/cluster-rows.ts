/** Records of `cluster-changes` as rekey writes them, for tests of the join. */
import { rowKey } from '../../src/core/keys.ts';
import type { Row } from '../../src/core/rows.ts';
import type { Table } from '../../src/core/source-event.ts';
import { type RowMeta, storedRow } from '../../src/core/stored-row.ts';
import { encodeRow } from '../../src/kafka/internal-codec.ts';
import { appointmentRow, leadRow, testDriveRow } from './rows.ts';

/** When the rows of these tests were born and last changed unless they say otherwise, ms. */
export const BORN_MS = 1_758_000_000_000;

export interface ClusterRow {
  readonly key: string;
  readonly value: Buffer;
}

/** The sample's row of `table` with id `id` in `cluster`; live and born at BORN_MS unless `meta` says otherwise. */
export function clusterRow(
  cluster: string,
  at: { readonly table?: Table; readonly id?: string },
  row: Partial<Row> = {},
  meta: Partial<RowMeta> = {},
): ClusterRow {
  const { table = 'lead', id = '138559' } = at;
  const whole: Row = { ...SAMPLES[table](), ...row, id } as Row;
  const known = { moves: 0, live: true, birth: BORN_MS, changedAt: BORN_MS, unknown: [], ...meta };
  return { key: rowKey(cluster, table, id), value: encodeRow(storedRow(table, known, whole)) };
}

const SAMPLES: Record<Table, () => Row> = { lead: leadRow, appointment: appointmentRow, test_drive: testDriveRow };
