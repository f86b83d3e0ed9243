import { describe, expect, it } from 'vitest';
import type { LeadView } from '../../../src/core/payload/lead-view.ts';
import { renderV3 } from '../../../src/core/payload/v3.ts';
import { appointmentRow, leadRow, leadView, testDriveRow } from '../../support/rows.ts';

interface Body {
  readonly has_test_drives: boolean;
  readonly appointments: readonly Record<string, unknown>[];
}

function bodyOf(view: Partial<LeadView>): Body {
  return JSON.parse(renderV3(leadView(view)).body) as Body;
}

describe('v3', () => {
  it('has 30 members, with the two of v3 between pipeline and lost_reason_comment', () => {
    const keys = Object.keys(bodyOf({}));

    expect(keys).toHaveLength(30);
    expect(keys.slice(-5)).toEqual([
      'pipeline',
      'has_test_drives',
      'appointments',
      'lost_reason_comment',
      'lost_reason',
    ]);
  });

  it('shows no test drives and no appointments for a lead without a cluster, whatever rows are at hand (A5)', () => {
    const view = leadView({
      lead: leadRow({ lead_cluster_id: null }),
      appointments: [appointmentRow({ lead_cluster_id: null, schedulable_id: '999' })],
      testDrives: [testDriveRow({ lead_cluster_id: null })],
    });
    const { body, testDrivesNotFound } = renderV3(view);

    expect(body).toContain('"lead_cluster_id":null');
    expect(body).toContain('"has_test_drives":false,"appointments":[]');
    expect(testDrivesNotFound).toBe(0);
  });

  it('says has_test_drives for any test drive of the cluster, one without a car included (A12)', () => {
    const bare = testDriveRow({ stock_car: false, stock_car_display_name: null });

    expect(bodyOf({ testDrives: [bare], appointments: [] })).toMatchObject({ has_test_drives: true, appointments: [] });
  });

  it('lists test-drive appointments of a cluster that has no test drive', () => {
    const appointments = [appointmentRow({ schedulable_type: null, schedulable_id: null })];
    const body = bodyOf({ testDrives: [], appointments });

    expect(body.has_test_drives).toBe(false);
    expect(body.appointments).toHaveLength(1);
  });

  it('has another hash text when only an appointment or a test drive changed (A3)', () => {
    const texts = [
      leadView(),
      leadView({ appointments: [appointmentRow({ status: '"completed"' })] }),
      leadView({ appointments: [appointmentRow()] }),
      leadView({ appointments: [], testDrives: [] }),
      leadView({ appointments: [] }),
      leadView({ zone: 'Australia/Perth' }),
    ].map((view) => renderV3(view).hashText);

    expect(new Set(texts).size).toBe(texts.length);
  });
});
