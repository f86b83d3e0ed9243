/**
 * Builds a test drive's row from its source columns (docs/sources.md, table `test_drives`). Names are carried as upstream has
 * them (A15), never composed here; which one an appointment shows is decided when a lead is rendered.
 */
import { type ReadingRules, RowReader } from './row-reader.ts';
import type { PartialRow, TestDriveRow } from './rows.ts';
import type { BadRecord, Cells } from './source-event.ts';

/**
 * The test drive `id` from its `after`; a bad record when a column holds what its rule does not allow. With an
 * unavailable name, `stock_car` speaks of `stock_car_id` alone until `complete` has the name.
 */
export function testDriveFrom(id: string, cells: Cells, rules: ReadingRules): PartialRow | BadRecord {
  const read = new RowReader(cells, rules);
  const stockCarName = read.name('stock_car_display_name');
  const row: TestDriveRow = {
    id,
    lead_cluster_id: read.integer('lead_cluster_id'),
    stock_car: read.cell('stock_car_id', []) !== null || stockCarName !== null,
    stock_car_display_name: stockCarName,
    car_lead_cluster_name: read.name('car_lead_cluster_name'),
  };
  return read.bad ?? { table: 'test_drive', row, unavailable: read.unavailable, scalarObjects: read.scalarObjects };
}
