/** Rows of the made-up database as cells, by the meaning that the source schemas give to their columns. */
import type { Cell, Cells, Table } from '../../src/core/source-event.ts';
import type { SourceRow } from '../../src/dev/source-database.ts';
import { sourceColumns } from '../../src/dev/source-schemas.ts';

export function rowCells(table: Table, row: SourceRow): Cells {
  const cells: Record<string, Cell> = Object.create(null);
  for (const { name, meaning } of sourceColumns(table)) {
    const value = row[name] ?? null;
    if (value === null) cells[name] = null;
    else if (typeof value === 'object') cells[name] = { t: 'text', v: JSON.stringify(value) };
    else if (typeof value === 'number') {
      cells[name] = meaning === null ? { t: 'number', v: String(value) } : { t: 'micros', v: value };
    } else cells[name] = typeof value === 'boolean' ? { t: 'bool', v: value } : { t: 'text', v: value };
  }
  return cells;
}
