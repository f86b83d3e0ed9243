/**
 * Domain rows: what is kept of a source row. A `Fragment` is JSON text that goes into the payload as it stands, already
 * spelled as JSON.stringify spells it (numbers in their shortest form with no digit lost); null means JSON null. So a row
 * is rendered by joining strings, numbers are never rounded, and a row as Avro is small (a null is one byte).
 */
import type { Table } from './source-event.ts';

export type Fragment = string | null;

export type Fragments<K extends string> = Record<K, Fragment>;

/** Keys of the documented objects, in the documented sample's order. Other keys of the source are not exported (A35). */
export const ITEM_KEYS = [
  'id',
  'km',
  'url',
  'vin',
  'make',
  'rego',
  'type',
  'year',
  'badge',
  'model',
  'price',
  'colour',
  'series',
  'status',
  'deposit',
  'car_type',
  'comments',
  'body_type',
  'spin_code',
  'build_date',
  'engine_size',
  'stock_number',
  'transmission',
  'interior_color',
] as const; // and third_party_integrations, free-form, last
export const WEBSITE_KEYS = ['id', 'url', 'name', 'slug'] as const;
export const LOCATION_KEYS = ['city', 'state', 'street', 'postcode', 'location_name'] as const;
export const PROSPECT_KEYS = [
  'dob',
  'email',
  'title',
  /* address */ 'postcode',
  'last_name',
  'first_name',
  'middle_name',
  'mobile_phone',
  'opt_in_to_marketing',
] as const; // and address, between title and postcode
export const ADDRESS_KEYS = ['city', 'state', 'street', 'country', 'postcode', 'state_long'] as const;
export const DEALERSHIP_KEYS = ['id', 'name', 'slug'] as const;
export const TRADE_IN_KEYS = [
  'kms',
  'make',
  'rego',
  'year',
  'badge',
  'model',
  'state',
  'title',
  'series',
  'offer_price',
  'trade_price',
  'retail_price',
  'offer_accepted',
  'price_adjustment',
] as const;
export const SUBSCRIPTION_PLAN_KEYS = [
  'name',
  'subscription_id',
  'daily_price_for_car',
  'weekly_price_for_car',
  'monthly_price_for_car',
  'fortnightly_price_for_car',
] as const;
export const LEAD_STATUS_OPTION_KEYS = ['id', 'name', 'status_type'] as const;
export const SALESPERSON_KEYS = ['id', 'name', 'email'] as const;
export const OFFER_KEYS = ['manufacturer', 'offer_name'] as const;
export const PIPELINE_KEYS = ['id', 'name'] as const;

export interface LeadRow {
  /** Decimal text of the primary key. */
  id: string;
  /** Decimal text; null = a lead without a cluster (A5). */
  lead_cluster_id: Fragment;
  item: Fragments<(typeof ITEM_KEYS)[number]> & { third_party_integrations: string };
  source: Fragment;
  created: Fragment;
  website: Fragments<(typeof WEBSITE_KEYS)[number]>;
  category: Fragment;
  comments: Fragment;
  location: Fragments<(typeof LOCATION_KEYS)[number]>;
  prospect: Fragments<(typeof PROSPECT_KEYS)[number]> & { address: Fragments<(typeof ADDRESS_KEYS)[number]> };
  provider: Fragment;
  dealership: Fragments<(typeof DEALERSHIP_KEYS)[number]>;
  /** `dealership.time_zone` or `timezone` as the source has it (plain text, not a fragment); null = none. */
  time_zone: string | null;
  updated_at: Fragment;
  lead_events: string;
  utm_campaign: Fragment;
  trade_in_data: Fragments<(typeof TRADE_IN_KEYS)[number]>;
  subscription_plan: Fragments<(typeof SUBSCRIPTION_PLAN_KEYS)[number]>;
  marketing_source: Fragment;
  additional_details: string;
  lead_status_option: Fragments<(typeof LEAD_STATUS_OPTION_KEYS)[number]>;
  assigned_salesperson: Fragments<(typeof SALESPERSON_KEYS)[number]>;
  subcategory: Fragment;
  booking_date: Fragment;
  booking_time: Fragment;
  offer_data: Fragments<(typeof OFFER_KEYS)[number]>;
  pipeline: Fragments<(typeof PIPELINE_KEYS)[number]>;
  lost_reason_comment: Fragment;
  lost_reason: Fragment;
}

export interface AppointmentRow {
  id: string;
  lead_cluster_id: Fragment;
  /** As the source has it (plain text; an integer enum as its digits); whether it is listed is decided when rendering. */
  purpose: string | null;
  ai_generated: Fragment;
  user_id: Fragment;
  /** Instant in microseconds since the epoch. */
  starts_at: number | null;
  status: Fragment;
  length_in_minutes: Fragment;
  note: Fragment;
  location_id: Fragment;
  /** Plain text. */
  schedulable_type: string | null;
  /** Decimal text of the test drive's id. */
  schedulable_id: string | null;
}

export interface TestDriveRow {
  id: string;
  lead_cluster_id: Fragment;
  /** Whether a stock car is linked: `stock_car_id` or `stock_car_display_name` is set (A13). */
  stock_car: boolean;
  /** Plain text; blank or missing = null (A14). */
  stock_car_display_name: string | null;
  car_lead_cluster_name: string | null;
}

export type Row = LeadRow | AppointmentRow | TestDriveRow;
export interface RowOf {
  lead: LeadRow;
  appointment: AppointmentRow;
  test_drive: TestDriveRow;
}

/**
 * A row as one source record gives it. `unavailable` names the row's fields whose source column held the placeholder of an
 * unchanged TOAST value (`__debezium_unavailable_value`); what stands in those fields is meaningless until
 * `complete` has filled them from the previous row. `scalarObjects` counts object columns that held a scalar or array.
 */
export type PartialRow = {
  [T in Table]: {
    readonly table: T;
    readonly row: RowOf[T];
    readonly unavailable: readonly string[];
    readonly scalarObjects: number;
  };
}[Table];

/**
 * The row of `partial` with its unavailable fields taken from `previous`, a row of the same table (Debezium does
 * not send large values that an update left alone). Without one those fields keep what a null column gives, and `unknown`
 * names them. Neither argument is changed. Where the previous row comes from is rekey's part.
 */
export function complete(
  partial: PartialRow,
  previous: Row | null,
): { readonly row: Row; readonly unknown: readonly string[] } {
  if (partial.unavailable.length === 0) return { row: partial.row, unknown: [] };
  if (previous === null) return { row: partial.row, unknown: partial.unavailable };
  const row: Row = { ...partial.row };
  const known: Readonly<Record<string, unknown>> = { ...previous };
  Object.assign(row, Object.fromEntries(partial.unavailable.map((field) => [field, known[field]])));
  // Until its name was known, a test drive's stock car stood for `stock_car_id` alone.
  if ('stock_car' in row) row.stock_car ||= row.stock_car_display_name !== null;
  return { row, unknown: [] };
}
