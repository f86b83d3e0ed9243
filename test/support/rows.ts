/**
 * Rows for tests, with the documented sample's values as defaults: a test names what matters to it and nothing else. The
 * defaults are written by hand as fragments, so that they check the renderers and not themselves.
 */
import type { LeadView } from '../../src/core/payload/lead-view.ts';
import type { AppointmentRow, LeadRow, TestDriveRow } from '../../src/core/rows.ts';

/** The sample's lead 138559 of cluster 289, with the zone that its appointments show. */
export function leadRow(overrides: Partial<LeadRow> = {}): LeadRow {
  return {
    id: '138559',
    lead_cluster_id: '289',
    item: {
      id: null,
      km: null,
      url: '"https://www.orangesubaru.com.au/trade-in"',
      vin: null,
      make: '"subaru"',
      rego: '"151vev"',
      type: '"Car"',
      year: '2018',
      badge: null,
      model: '"Forester"',
      price: null,
      colour: null,
      series: null,
      status: null,
      deposit: null,
      car_type: null,
      comments: null,
      body_type: null,
      spin_code: null,
      build_date: null,
      engine_size: null,
      stock_number: null,
      transmission: null,
      interior_color: null,
      third_party_integrations: '[{"service":"Loopit","external_id":"12312"}]',
    },
    source: '"Website"',
    created: '"2025-09-16T00:30:52.297Z"',
    website: {
      id: '794',
      url: '"https://www.orangemotorgroup.com.au"',
      name: '"Orange Motor Group"',
      slug: '"orange-motor-group"',
    },
    category: '"Sell My Car Enquiry"',
    comments: '"comments here"',
    location: {
      city: '"Fake city"',
      state: '"QLD"',
      street: '"123 fake street"',
      postcode: '1234',
      location_name: '"Orange Motor Group"',
    },
    prospect: {
      dob: null,
      email: '"email@example.com"',
      title: null,
      address: {
        city: '"Browns Plains"',
        state: '"Queensland"',
        street: '"4 Myola Street"',
        country: '"Australia"',
        postcode: '4118',
        state_long: '"Queensland"',
      },
      postcode: '1234',
      last_name: '"don"',
      first_name: '"xcvxcvdcz"',
      middle_name: null,
      mobile_phone: '"041000000"',
      opt_in_to_marketing: 'true',
    },
    provider: '"Dealer Studio"',
    dealership: { id: '3', name: '"Orange Motor Group"', slug: '"orange-motor-group"' },
    time_zone: 'Australia/Brisbane',
    updated_at: '"2025-09-16T00:30:52.297Z"',
    lead_events: '[]',
    utm_campaign: null,
    trade_in_data: {
      kms: '210000',
      make: '"subaru"',
      rego: '"151vev"',
      year: '2018',
      badge: null,
      model: '"Forester"',
      state: null,
      title: null,
      series: null,
      offer_price: null,
      trade_price: '60900',
      retail_price: null,
      offer_accepted: 'false',
      price_adjustment: null,
    },
    subscription_plan: {
      name: '"Premium"',
      subscription_id: '4',
      daily_price_for_car: '46.9',
      weekly_price_for_car: '329',
      monthly_price_for_car: '1425.7',
      fortnightly_price_for_car: '658',
    },
    marketing_source: '"Unknown"',
    additional_details: '{"range":10405608,"additional_data":"test data"}',
    lead_status_option: { id: '138', name: '"new"', status_type: '"new"' },
    assigned_salesperson: { id: null, name: null, email: null },
    subcategory: null,
    booking_date: null,
    booking_time: null,
    offer_data: { manufacturer: null, offer_name: null },
    pipeline: { id: '496', name: '"Sales"' },
    lost_reason_comment: null,
    lost_reason: null,
    ...overrides,
  };
}

/** The sample's appointment 9041: pending, 2025-09-18 12:00 in Brisbane, for test drive 501. */
export function appointmentRow(overrides: Partial<AppointmentRow> = {}): AppointmentRow {
  return {
    id: '9041',
    lead_cluster_id: '289',
    purpose: 'Test Drive',
    ai_generated: 'false',
    user_id: '88',
    starts_at: micros('2025-09-18T02:00:00Z'),
    status: '"pending"',
    length_in_minutes: '30',
    note: '"Customer requested SUV demo"',
    location_id: '12',
    schedulable_type: 'TestDrive',
    schedulable_id: '501',
    ...overrides,
  };
}

/** A test drive of the sample's cluster: 501, with the stock car that appointment 9041 shows. */
export function testDriveRow(overrides: Partial<TestDriveRow> = {}): TestDriveRow {
  return {
    id: '501',
    lead_cluster_id: '289',
    stock_car: true,
    stock_car_display_name: '2018 Subaru Forester Sport',
    car_lead_cluster_name: null,
    ...overrides,
  };
}

/** The sample's second appointment and the test drive that it shows, a generic car. */
export const secondAppointment: AppointmentRow = appointmentRow({
  id: '9042',
  ai_generated: 'true',
  starts_at: micros('2025-09-20T03:30:00Z'),
  status: '"completed"',
  length_in_minutes: '45',
  note: null,
  location_id: null,
  schedulable_id: '502',
});
export const genericTestDrive: TestDriveRow = testDriveRow({
  id: '502',
  stock_car: false,
  stock_car_display_name: null,
  car_lead_cluster_name: 'Toyota Corolla Ascent 2022',
});

/** The sample as a view: its lead, two appointments (given in the wrong order) and two test drives. */
export function leadView(overrides: Partial<LeadView> = {}): LeadView {
  return {
    lead: leadRow(),
    appointments: [secondAppointment, appointmentRow()],
    testDrives: [testDriveRow(), genericTestDrive],
    zone: 'Australia/Brisbane',
    purposes: { enums: new Set() },
    ...overrides,
  };
}

/** An ISO instant as microseconds since the epoch. */
export function micros(iso: string): number {
  return Date.parse(iso) * 1_000;
}
