import { describe, expect, it } from 'vitest';
import { renderV1 } from '../../../src/core/payload/v1.ts';
import { renderV2 } from '../../../src/core/payload/v2.ts';
import { appointmentRow, leadView } from '../../support/rows.ts';

describe.each([
  ['v1', renderV1],
  ['v2', renderV2],
] as const)('%s', (_version, render) => {
  it('has neither has_test_drives nor appointments, not even as null (A1)', () => {
    expect(Object.keys(JSON.parse(render(leadView()).body))).toHaveLength(28);
    expect(render(leadView()).body).not.toMatch(/has_test_drives|appointments/);
  });

  it('does not depend on the cluster, so that an appointment alone announces nothing (A1)', () => {
    const none = render(leadView({ appointments: [], testDrives: [], zone: 'Etc/UTC' }));

    expect(render(leadView())).toEqual(none);
  });

  it('reports no lost reference, because it shows none', () => {
    const lost = appointmentRow({ schedulable_id: '999' });

    expect(render(leadView({ appointments: [lost] })).testDrivesNotFound).toBe(0);
  });
});
