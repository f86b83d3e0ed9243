import { expect, test } from 'vitest';
import { testDriveFrom } from '../../src/core/test-drive.ts';
import { columns, PLACEHOLDER, READING_RULES } from '../support/cells.ts';

function testDrive(values: Parameters<typeof columns>[0]) {
  return testDriveFrom('5001', columns(values), READING_RULES);
}

test.each([
  [{ stock_car_id: 88002, stock_car_display_name: '2018 Subaru Forester' }, true, '2018 Subaru Forester'],
  [{ stock_car_id: 88002 }, true, null],
  [{ stock_car_id: 88002, stock_car_display_name: ' ' }, true, null],
  [{ stock_car_display_name: 'Forester' }, true, 'Forester'],
  [{ stock_car_display_name: ' ' }, false, null],
  [{}, false, null],
])('%j has a stock car: %s, named %j as upstream names it (A13, A14, A15)', (values, stockCar, name) => {
  expect(testDrive(values as Parameters<typeof columns>[0])).toEqual({
    table: 'test_drive',
    row: {
      id: '5001',
      lead_cluster_id: null,
      stock_car: stockCar,
      stock_car_display_name: name,
      car_lead_cluster_name: null,
    },
    unavailable: [],
    scalarObjects: 0,
  });
});

test('a generic car is carried by its name, untrimmed; one of blanks is missing', () => {
  expect(testDrive({ car_lead_cluster_name: ' Corolla ' })).toMatchObject({
    row: { car_lead_cluster_name: ' Corolla ' },
  });
  expect(testDrive({ car_lead_cluster_name: '' })).toMatchObject({ row: { car_lead_cluster_name: null } });
});

test('a name that did not change is named as unavailable, a cluster that is no integer is a bad record', () => {
  expect(testDrive({ stock_car_display_name: PLACEHOLDER })).toMatchObject({
    row: { stock_car: false },
    unavailable: ['stock_car_display_name'],
  });
  expect(testDrive({ lead_cluster_id: 'x' })).toMatchObject({ kind: 'bad', code: 'wrong-type' });
});
