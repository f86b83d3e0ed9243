/**
 * Builds an appointment's row from its source columns (docs/sources.md, table `appointments`). Whether its purpose is listed,
 * and the wall clock of `starts_at`, are decided when a lead is rendered: both depend on more than this row.
 */
import { type ReadingRules, RowReader } from './row-reader.ts';
import type { AppointmentRow, PartialRow } from './rows.ts';
import type { BadRecord, Cells } from './source-event.ts';

/** The appointment `id` from its `after`; a bad record when a column holds what its rule does not allow. */
export function appointmentFrom(id: string, cells: Cells, rules: ReadingRules): PartialRow | BadRecord {
  const read = new RowReader(cells, rules);
  const row: AppointmentRow = {
    id,
    lead_cluster_id: read.integer('lead_cluster_id'),
    purpose: read.text('purpose'),
    ai_generated: read.boolean('ai_generated') ?? 'false',
    user_id: read.integer('user_id'),
    starts_at: read.micros('starts_at'),
    status: read.passed('status'),
    length_in_minutes: read.number('length_in_minutes'),
    note: read.passed('note'),
    location_id: read.integer('location_id'),
    schedulable_type: read.text('schedulable_type'),
    schedulable_id: read.text('schedulable_id'), // of another type it may be no integer, and then is never looked up
  };
  return read.bad ?? { table: 'appointment', row, unavailable: read.unavailable, scalarObjects: read.scalarObjects };
}
