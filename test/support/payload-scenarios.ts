/**
 * The scenarios of the golden payloads: a name, and the view that is rendered under it. Each exists once per version in
 * test/golden. A scenario is never changed after a release; a new rule gets a new one.
 */
import type { LeadView } from '../../src/core/payload/lead-view.ts';
import type { LeadRow } from '../../src/core/rows.ts';
import { resolveZone } from '../../src/core/time-zone.ts';
import { appointmentRow, genericTestDrive, leadRow, leadView, micros, testDriveRow } from './rows.ts';

/** The zone that the lead's own `time_zone` resolves to, as the join does it. */
function inZone(timeZone: string | null, view: Partial<LeadView> = {}): LeadView {
  return leadView({ lead: leadRow({ time_zone: timeZone }), zone: resolveZone(timeZone).zone, ...view });
}

/** Appointments of no car at these instants; ids count up from 1. */
function startingAt(...instants: readonly string[]): LeadView['appointments'] {
  return instants.map((iso, index) =>
    appointmentRow({ id: `${index + 1}`, starts_at: micros(iso), schedulable_type: null, schedulable_id: null }),
  );
}

/** The nulls of every documented object, in any order: the renderer orders them. */
const NOTHING_NESTED: Partial<LeadRow> = {
  item: {
    ...(Object.fromEntries(Object.keys(leadRow().item).map((key) => [key, null])) as unknown as LeadRow['item']),
    third_party_integrations: '[]',
  },
  website: { id: null, url: null, name: null, slug: null },
  location: { city: null, state: null, street: null, postcode: null, location_name: null },
  prospect: {
    dob: null,
    email: null,
    title: null,
    address: { city: null, state: null, street: null, country: null, postcode: null, state_long: null },
    postcode: null,
    last_name: null,
    first_name: null,
    middle_name: null,
    mobile_phone: null,
    opt_in_to_marketing: null,
  },
  dealership: { id: null, name: null, slug: null },
  trade_in_data: Object.fromEntries(
    Object.keys(leadRow().trade_in_data).map((key) => [key, null]),
  ) as LeadRow['trade_in_data'],
  subscription_plan: Object.fromEntries(
    Object.keys(leadRow().subscription_plan).map((key) => [key, null]),
  ) as LeadRow['subscription_plan'],
  lead_status_option: { id: null, name: null, status_type: null },
  assigned_salesperson: { id: null, name: null, email: null },
  offer_data: { manufacturer: null, offer_name: null },
  pipeline: { id: null, name: null },
  additional_details: '{}',
  lead_events: '[]',
};

const CAR = { id: '501', stock_car: false, stock_car_display_name: null, car_lead_cluster_name: null } as const;
const ONE = [appointmentRow()];

export const SCENARIOS: Readonly<Record<string, LeadView>> = {
  seed: leadView(),
  'no-cluster': leadView({ lead: leadRow({ lead_cluster_id: null }), appointments: [], testDrives: [] }),
  'no-zone': inZone(null),
  'rails-zone': inZone('Adelaide'),
  'dst-gap': inZone('Australia/Sydney', { appointments: startingAt('2025-10-04T16:00:00Z', '2025-10-04T15:59:59Z') }),
  'dst-overlap': inZone('Australia/Sydney', {
    appointments: startingAt('2026-04-04T16:30:00Z', '2026-04-04T15:30:00Z', '2026-04-04T15:59:59Z'),
  }),
  'equal-and-null-starts': leadView({
    appointments: [
      appointmentRow({ id: '9007199254740993', starts_at: null }),
      appointmentRow({ id: '10' }),
      appointmentRow({ id: '9', note: null }),
      appointmentRow({ id: '9007199254740992', starts_at: null }),
      appointmentRow({ id: '11', starts_at: micros('2025-09-18T01:59:59Z') }),
    ],
  }),
  purposes: leadView({
    appointments: [
      'Test Drive',
      'test_drive',
      'TestDrive',
      'TEST-DRIVE',
      '7',
      '8',
      'Service',
      'Test Drives',
      '',
      null,
    ].map((purpose, index) => appointmentRow({ id: `${index + 1}`, purpose, status: '"cancelled"' })),
    purposes: { enums: new Set(['7']) },
  }),
  'generic-car': leadView({
    appointments: [appointmentRow({ schedulable_id: '502' })],
    testDrives: [genericTestDrive],
  }),
  'stock-car': leadView({ appointments: ONE, testDrives: [testDriveRow()] }),
  'both-cars': leadView({
    appointments: ONE,
    testDrives: [testDriveRow({ car_lead_cluster_name: 'Toyota Corolla Ascent 2022' })],
  }),
  'neither-car': leadView({ appointments: ONE, testDrives: [testDriveRow(CAR)] }),
  'nested-missing': leadView({ lead: leadRow(NOTHING_NESTED) }),
  'unassigned-salesperson': leadView({
    lead: leadRow({
      assigned_salesperson: { id: null, name: null, email: null },
      offer_data: { manufacturer: '"Subaru"', offer_name: '"EOFY <b>&\u2028"' },
    }),
  }),
  'free-form': leadView({
    lead: leadRow({
      id: '9223372036854775807',
      additional_details:
        '{"big":12345678901234567890,"scale":329.0,"10":"ten","2":"two","__proto__":{"polluted":true},"emoji":"\u{1f697}","nested":{"list":[1e400,-0.10,null]}}',
      lead_events: '[{"type":"status","at":"2025-09-17T00:15:00Z","order":1.50}]',
      item: {
        ...leadRow().item,
        third_party_integrations: '[{"external_id":"0012312","service":"Loopit","extra":[]}]',
      },
    }),
  }),
  postcodes: leadView({
    lead: leadRow({
      location: { ...leadRow().location, postcode: '"0800"' },
      prospect: {
        ...leadRow().prospect,
        postcode: '800',
        address: { ...leadRow().prospect.address, postcode: '"0200"' },
      },
    }),
  }),
};
