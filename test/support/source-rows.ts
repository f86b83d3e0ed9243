/** Source rows as the upstream tables hold them, for scenarios: a test names what matters to it. */
import type { Columns } from './change-events.ts';

type Row = Columns & { id: number };

/** A row of `leads` in cluster 289 of a Brisbane dealership. */
export function sourceLead(overrides: Columns = {}): Row {
  return {
    id: 138559,
    lead_cluster_id: 289,
    category: 'Sell My Car Enquiry',
    source: 'Website',
    comments: 'comments here',
    dealership:
      '{"id": 3, "name": "Orange Motor Group", "slug": "orange-motor-group", "time_zone": "Australia/Brisbane"}',
    created_at: 1_757_982_652_297_000,
    updated_at: 1_757_982_652_297_000,
    ...overrides,
  };
}

/** A listed appointment of cluster 289. */
export function sourceAppointment(overrides: Columns = {}): Row {
  return {
    id: 9041,
    lead_cluster_id: 289,
    purpose: 'Test Drive',
    ai_generated: false,
    starts_at: 1_758_160_800_000_000,
    status: 'pending',
    schedulable_type: null,
    schedulable_id: null,
    ...overrides,
  };
}

/** A test drive of cluster 289 with a stock car. */
export function sourceTestDrive(overrides: Columns = {}): Row {
  return {
    id: 5001,
    lead_cluster_id: 289,
    stock_car_id: 88002,
    stock_car_display_name: '2018 Subaru Forester Sport',
    ...overrides,
  };
}
