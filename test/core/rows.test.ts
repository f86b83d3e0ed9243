import { expect, test } from 'vitest';
import { complete, type PartialRow } from '../../src/core/rows.ts';
import { appointmentRow, leadRow, testDriveRow } from '../support/rows.ts';

test('a whole row needs no previous one', () => {
  const partial: PartialRow = { table: 'lead', row: leadRow(), unavailable: [], scalarObjects: 0 };
  expect(complete(partial, leadRow({ comments: '"old"' }))).toEqual({ row: leadRow(), unknown: [] });
});

test('unavailable fields come from the previous row, all others from the change, and neither row is touched', () => {
  const row = leadRow({ lead_cluster_id: '290', comments: null });
  const previous = leadRow({ lead_cluster_id: '289', comments: '"long"', source: '"Old"' });
  const partial: PartialRow = { table: 'lead', row, unavailable: ['comments'], scalarObjects: 0 };
  expect(complete(partial, previous)).toEqual({ row: { ...row, comments: '"long"' }, unknown: [] });
  expect(row.comments).toBeNull();
});

test('without a previous row the fields are named as unknown and hold what a null column gives', () => {
  const row = appointmentRow({ note: null });
  const partial: PartialRow = { table: 'appointment', row, unavailable: ['note'], scalarObjects: 0 };
  expect(complete(partial, null)).toEqual({ row, unknown: ['note'] });
});

test.each([
  ['"id and name"', true, 'Forester', true],
  ['name alone', false, 'Forester', true],
  ['id alone', true, null, true],
  ['neither', false, null, false],
])('a test drive with an unavailable name and then %s has a stock car: %s', (_what, byId, name, expected) => {
  const row = testDriveRow({ stock_car: byId, stock_car_display_name: null });
  const partial: PartialRow = { table: 'test_drive', row, unavailable: ['stock_car_display_name'], scalarObjects: 0 };
  const previous = testDriveRow({ stock_car: true, stock_car_display_name: name });
  expect(complete(partial, previous).row).toMatchObject({ stock_car: expected, stock_car_display_name: name });
});
