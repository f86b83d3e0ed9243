/**
 * The `appointments` array of payload v3: in which order the listed appointments stand, and what each shows. Part of v3
 * and frozen with it: a later version that shows them differently brings its own file.
 */
import type { AppointmentRow, TestDriveRow } from '../rows.ts';
import { wallClock } from '../time-zone.ts';
import type { LeadView } from './lead-view.ts';
import { isListed } from './purpose.ts';

const TEST_DRIVE = 'TestDrive';

/**
 * The appointments that the body of `view.lead` shows, in its order: by instant, without one last, then by id as a number
 * (A9; the formatted text would not do, because it repeats an hour when daylight saving ends). The rows are those of the
 * view, so that the join can ask which of them are live. Empty for a lead without a cluster (A5).
 */
export function listedAppointments(view: LeadView): AppointmentRow[] {
  if (view.lead.lead_cluster_id === null) return [];
  return view.appointments.filter((row) => isListed(row, view.purposes)).sort(byStart);
}

/** Renders the array as JSON text, and counts the references to test drives that the cluster does not have (A16). */
export function renderAppointments(view: LeadView): { json: string; testDrivesNotFound: number } {
  const listed = listedAppointments(view);
  if (listed.length === 0) return { json: '[]', testDrivesNotFound: 0 };
  const testDrives = new Map(view.testDrives.map((row) => [row.id, row]));
  let testDrivesNotFound = 0;
  const elements = listed.map((row) => {
    const testDrive = row.schedulable_type === TEST_DRIVE ? testDrives.get(row.schedulable_id ?? '') : undefined;
    if (testDrive === undefined && row.schedulable_type === TEST_DRIVE && row.schedulable_id !== null) {
      testDrivesNotFound += 1;
    }
    return appointment(row, view.zone, testDrive === undefined ? null : carName(testDrive));
  });
  return { json: `[${elements.join(',')}]`, testDrivesNotFound };
}

function appointment(row: AppointmentRow, zone: string, car: string | null): string {
  const startsAt = row.starts_at === null ? null : `"${wallClock(row.starts_at, zone)}"`;
  return (
    `{"id":${row.id},"ai_generated":${row.ai_generated},"user_id":${row.user_id},"starts_at":${startsAt},` +
    `"status":${row.status},"length_in_minutes":${row.length_in_minutes},"note":${row.note},` +
    `"location_id":${row.location_id},"car_for_test_drive":${car === null ? null : JSON.stringify(car)}}`
  );
}

/**
 * A stock car wins over a generic one (A13), also when its name is not known; a name that is not there gives null, never
 * ` (generic car)` alone (A14). Names are carried from
 * upstream, not composed from make and model.
 */
function carName(row: TestDriveRow): string | null {
  if (row.stock_car) return row.stock_car_display_name;
  return row.car_lead_cluster_name === null ? null : `${row.car_lead_cluster_name} (generic car)`;
}

function byStart(a: AppointmentRow, b: AppointmentRow): number {
  if (a.starts_at !== b.starts_at) {
    if (a.starts_at === null) return 1;
    if (b.starts_at === null) return -1;
    return a.starts_at - b.starts_at;
  }
  const [left, right] = [BigInt(a.id), BigInt(b.id)];
  return left < right ? -1 : left > right ? 1 : 0;
}
