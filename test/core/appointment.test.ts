import { expect, test } from 'vitest';
import { appointmentFrom } from '../../src/core/appointment.ts';
import { columns, PLACEHOLDER, READING_RULES } from '../support/cells.ts';

function appointment(values: Parameters<typeof columns>[0]) {
  return appointmentFrom('9041', columns(values), READING_RULES);
}

test('the columns of an appointment build its row', () => {
  const built = appointment({
    id: 9041,
    lead_cluster_id: 289,
    purpose: 'Test Drive',
    ai_generated: true,
    user_id: 88,
    starts_at: '2025-09-18T02:00:00Z',
    status: 'no-show',
    length_in_minutes: 30,
    note: 'SUV demo',
    location_id: 12,
    schedulable_type: 'TestDrive',
    schedulable_id: 5001,
  });
  expect(built).toEqual({
    table: 'appointment',
    row: {
      id: '9041',
      lead_cluster_id: '289',
      purpose: 'Test Drive',
      ai_generated: 'true',
      user_id: '88',
      starts_at: 1_758_160_800_000_000,
      status: '"no-show"',
      length_in_minutes: '30',
      note: '"SUV demo"',
      location_id: '12',
      schedulable_type: 'TestDrive',
      schedulable_id: '5001',
    },
    unavailable: [],
    scalarObjects: 0,
  });
});

test('what is missing is null, and ai_generated is then false', () => {
  expect(appointment({})).toMatchObject({
    row: {
      lead_cluster_id: null,
      purpose: null,
      ai_generated: 'false',
      user_id: null,
      starts_at: null,
      status: null,
      length_in_minutes: null,
      note: null,
      location_id: null,
      schedulable_type: null,
      schedulable_id: null,
    },
  });
});

test('an integer enum of purposes gives its digits, and a schedulable of another type any id', () => {
  const built = appointment({ purpose: 3, schedulable_type: 'CarLoan', schedulable_id: '7c9e6679-7425-40de' });
  expect(built).toMatchObject({
    row: { purpose: '3', schedulable_type: 'CarLoan', schedulable_id: '7c9e6679-7425-40de' },
  });
});

test('a start without a zone is UTC (A26), an infinite one is null', () => {
  expect(appointment({ starts_at: '2025-09-18 02:00:00' })).toMatchObject({
    row: { starts_at: 1_758_160_800_000_000 },
  });
  expect(appointment({ starts_at: 'infinity' })).toMatchObject({ row: { starts_at: null } });
});

test.each([
  [{ ai_generated: 'true' }, 'wrong-type'],
  [{ user_id: 'Jane' }, 'wrong-type'],
  [{ starts_at: '2300-01-01T00:00:00Z' }, 'out-of-range'],
  [{ length_in_minutes: 'half an hour' }, 'wrong-type'],
])('%j is a bad record', (values, code) => {
  expect(appointment(values as Parameters<typeof columns>[0])).toMatchObject({ kind: 'bad', code });
});

test('a note that did not change is named as unavailable', () => {
  expect(appointment({ note: PLACEHOLDER })).toMatchObject({ row: { note: null }, unavailable: ['note'] });
});
