import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listedAppointments, renderAppointments } from '../../../src/core/payload/appointments.ts';
import type { LeadView } from '../../../src/core/payload/lead-view.ts';
import type { AppointmentRow, TestDriveRow } from '../../../src/core/rows.ts';
import { resolveZone } from '../../../src/core/time-zone.ts';
import { appointmentRow, leadRow, leadView, micros, testDriveRow } from '../../support/rows.ts';

function rendered(view: Partial<LeadView>): { list: Record<string, unknown>[]; testDrivesNotFound: number } {
  const { json, testDrivesNotFound } = renderAppointments(leadView(view));
  return { list: JSON.parse(json) as Record<string, unknown>[], testDrivesNotFound };
}

/** What `car_for_test_drive` of one appointment shows. */
function car(appointment: Partial<AppointmentRow>, ...testDrives: readonly TestDriveRow[]): unknown {
  return rendered({ appointments: [appointmentRow(appointment)], testDrives }).list[0]?.['car_for_test_drive'];
}

function order(appointments: readonly AppointmentRow[]): string[] {
  return listedAppointments(leadView({ appointments })).map((row) => row.id);
}

describe('the order of the appointments (A9)', () => {
  const at = (id: string, starts_at: number | null): AppointmentRow => appointmentRow({ id, starts_at });

  it('is by instant, those without one last, and by id as a number among equals', () => {
    const rows = [at('4', null), at('10', 5), at('9', 5), at('1', 7), at('3', null), at('2', -1)];

    expect(order(rows)).toEqual(['2', '9', '10', '1', '3', '4']);
  });

  it('tells ids apart that a double cannot', () => {
    expect(order([at('9007199254740993', 1), at('9007199254740992', 1)])).toEqual([
      '9007199254740992',
      '9007199254740993',
    ]);
  });

  it('does not depend on the order in which the rows are given', () => {
    const row = fc.record({ id: fc.bigInt({ min: 0n, max: 40n }), start: fc.option(fc.integer({ min: 0, max: 3 })) });
    const rows = fc.uniqueArray(row, { selector: ({ id }) => id, minLength: 2 });
    fc.assert(
      fc.property(
        rows.chain((some) => fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length }))),
        ([given, shuffled]) => {
          const build = (some: typeof given): AppointmentRow[] => some.map(({ id, start }) => at(`${id}`, start));
          expect(order(build(shuffled))).toEqual(order(build(given)));
        },
      ),
    );
  });

  it('is by the instant where the wall clock repeats an hour', () => {
    const view = leadView({
      zone: 'Australia/Sydney',
      appointments: [at('1', micros('2026-04-04T16:10:00Z')), at('2', micros('2026-04-04T15:40:00Z'))],
    });
    const { list } = rendered(view);

    expect(list.map(({ id, starts_at }) => [id, starts_at])).toEqual([
      [2, '2026-04-05 02:40:00'],
      [1, '2026-04-05 02:10:00'],
    ]);
  });

  it('leaves the view as it was', () => {
    const appointments = [at('2', 2), at('1', 1)];
    listedAppointments(leadView({ appointments }));

    expect(appointments.map(({ id }) => id)).toEqual(['2', '1']);
  });
});

describe('the appointments that are listed', () => {
  it('are those of the purpose, whatever their status, which is passed on as it is (A10, A11)', () => {
    const statuses = ['"pending"', '"cancelled"', '"no-show"', '"interest_registered"', '"Some Other"', null];
    const appointments = statuses.map((status, index) => appointmentRow({ id: `${index}`, status }));
    const other = appointmentRow({ id: '99', purpose: 'Service' });
    const { list } = rendered({ appointments: [...appointments, other] });

    expect(list.map(({ status }) => status)).toEqual(statuses.map((status) => JSON.parse(status ?? 'null')));
  });

  it('are none for a lead without a cluster (A5)', () => {
    expect(listedAppointments(leadView({ lead: leadRow({ lead_cluster_id: null }) }))).toEqual([]);
  });

  it('are rows of the view itself, so that the join can look their marks up', () => {
    const row = appointmentRow();

    expect(listedAppointments(leadView({ appointments: [row] }))[0]).toBe(row);
  });
});

describe('starts_at', () => {
  const startsAt = (zone: string, starts_at: number | null): unknown =>
    rendered({ zone, appointments: [appointmentRow({ starts_at })] }).list[0]?.['starts_at'];

  it('is null when it is not set', () => {
    expect(startsAt('Australia/Brisbane', null)).toBeNull();
  });

  it.each([
    [null, '2025-09-18 12:00:00'],
    ['', '2025-09-18 12:00:00'],
    ['Perth', '2025-09-18 10:00:00'],
    ['australia/adelaide', '2025-09-18 11:30:00'],
    ['+05:00', '2025-09-18 12:00:00'],
    ['Mars', '2025-09-18 12:00:00'],
  ])('is the wall clock of the zone that the dealership calls %j (A24)', (name, expected) => {
    expect(startsAt(resolveZone(name).zone, micros('2025-09-18T02:00:00Z'))).toBe(expected);
  });

  it('counts from UTC, in which a source without a zone writes (A26)', () => {
    expect(startsAt('Etc/UTC', micros('2025-09-18T02:00:00Z'))).toBe('2025-09-18 02:00:00');
  });
});

describe('car_for_test_drive', () => {
  const stock = testDriveRow();
  const generic = testDriveRow({
    stock_car: false,
    stock_car_display_name: null,
    car_lead_cluster_name: 'Toyota Corolla Ascent 2022',
  });

  it('is the display name of the stock car', () => {
    expect(car({}, stock)).toBe('2018 Subaru Forester Sport');
  });

  it('is the name of the generic car with a remark, when there is no stock car', () => {
    expect(car({}, generic)).toBe('Toyota Corolla Ascent 2022 (generic car)');
  });

  it('is the stock car when there are both (A13), and null when its name is not known', () => {
    expect(car({}, { ...stock, car_lead_cluster_name: 'Toyota' })).toBe('2018 Subaru Forester Sport');
    expect(car({}, { ...stock, stock_car_display_name: null, car_lead_cluster_name: 'Toyota' })).toBeNull();
  });

  it('is null when there is neither, never the remark alone (A14)', () => {
    expect(car({}, { ...generic, car_lead_cluster_name: null })).toBeNull();
  });

  it.each([null, 'CarLoan', 'testdrive', ''])('is null when the schedulable is a %j', (schedulable_type) => {
    expect(car({ schedulable_type }, stock)).toBeNull();
  });

  it('is null, and counted, when the cluster has no such test drive (A16)', () => {
    const appointments = [
      appointmentRow({ id: '1', schedulable_id: '999' }),
      appointmentRow({ id: '2', schedulable_id: null }), // refers to nothing: not counted
      appointmentRow({ id: '3', schedulable_id: '999', schedulable_type: 'CarLoan' }),
      appointmentRow({ id: '4', schedulable_id: '999', purpose: 'Service' }), // not listed
      appointmentRow({ id: '5' }),
    ];
    const { list, testDrivesNotFound } = rendered({ appointments, testDrives: [stock] });

    expect(list.map((element) => element['car_for_test_drive'])).toEqual([
      null,
      null,
      null,
      stock.stock_car_display_name,
    ]);
    expect(testDrivesNotFound).toBe(1);
  });

  it('is found by an id that a double cannot tell from its neighbour', () => {
    const testDrives = [
      testDriveRow({ id: '9007199254740992', stock_car_display_name: 'Other' }),
      { ...stock, id: '9007199254740993' },
    ];

    expect(car({ schedulable_id: '9007199254740993' }, ...testDrives)).toBe(stock.stock_car_display_name);
  });

  it('may hold any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.boolean(), (name, isStock) => {
        const testDrive = isStock
          ? testDriveRow({ stock_car_display_name: name })
          : { ...generic, car_lead_cluster_name: name };
        expect(car({}, testDrive)).toBe(isStock ? name : `${name} (generic car)`);
      }),
    );
  });
});
