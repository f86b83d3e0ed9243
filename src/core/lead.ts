/**
 * Builds a lead's row from its source columns (docs/sources.md, table `leads`). It decides which keys of the nested objects are
 * exported and what stands in for what is missing; how a single cell is read is row-reader.ts' part. It does not decide
 * anything about the payload's shape.
 */
import { isoDateDays, quote } from './cells.ts';
import { dayMonthYear } from './instant.ts';
import { kindOf, stringOf } from './json.ts';
import { integerText } from './json-number.ts';
import { leaf, type Members, pick, type ReadingRules, RowReader } from './row-reader.ts';
import {
  ADDRESS_KEYS,
  DEALERSHIP_KEYS,
  type Fragment,
  ITEM_KEYS,
  LEAD_STATUS_OPTION_KEYS,
  type LeadRow,
  LOCATION_KEYS,
  OFFER_KEYS,
  type PartialRow,
  PIPELINE_KEYS,
  PROSPECT_KEYS,
  SALESPERSON_KEYS,
  SUBSCRIPTION_PLAN_KEYS,
  TRADE_IN_KEYS,
  WEBSITE_KEYS,
} from './rows.ts';
import type { BadRecord, Cells } from './source-event.ts';

/** `provider` of a lead that names none (domain 1.2). */
export const DEFAULT_PROVIDER = '"Dealer Studio"';

/** The lead `id` from the columns of its `after`; a bad record when one of them holds what its rule does not allow. */
export function leadFrom(id: string, cells: Cells, rules: ReadingRules): PartialRow | BadRecord {
  const read = new RowReader(cells, rules);
  const dealership = read.members('dealership', ['dealership', 'time_zone']);
  const row: LeadRow = {
    id,
    lead_cluster_id: read.integer('lead_cluster_id'),
    item: itemFrom(read),
    source: read.passed('source'),
    created: read.instant('created_at', 'created'),
    website: pick(WEBSITE_KEYS, read.members('website')),
    category: read.passed('category'),
    comments: read.passed('comments'),
    location: pick(LOCATION_KEYS, read.members('location')),
    prospect: prospectFrom(read, cells['prospect']?.t === 'json'),
    provider: read.passed('provider') ?? DEFAULT_PROVIDER,
    dealership: pick(DEALERSHIP_KEYS, dealership),
    time_zone: zoneName(dealership.get('time_zone')) ?? zoneName(dealership.get('timezone')),
    updated_at: read.instant('updated_at', 'updated_at'),
    lead_events: read.freeForm('lead_events', '[]'),
    utm_campaign: read.passed('utm_campaign'),
    trade_in_data: pick(TRADE_IN_KEYS, read.members('trade_in_data')),
    subscription_plan: pick(SUBSCRIPTION_PLAN_KEYS, read.members('subscription_plan')),
    marketing_source: read.passed('marketing_source'),
    additional_details: read.freeForm('additional_details', '{}'),
    lead_status_option: pick(LEAD_STATUS_OPTION_KEYS, read.members('lead_status_option')),
    assigned_salesperson: pick(SALESPERSON_KEYS, read.members('assigned_salesperson')),
    subcategory: read.passed('subcategory'),
    booking_date: read.date('booking_date'),
    booking_time: read.time('booking_time'),
    offer_data: pick(OFFER_KEYS, read.members('offer_data')),
    pipeline: pick(PIPELINE_KEYS, read.members('pipeline')),
    lost_reason_comment: read.passed('lost_reason_comment'),
    lost_reason: read.passed('lost_reason'),
  };
  return read.bad ?? { table: 'lead', row, unavailable: read.unavailable, scalarObjects: read.scalarObjects };
}

function itemFrom(read: RowReader): LeadRow['item'] {
  const item = read.members('item');
  const integrations = item.get('third_party_integrations');
  return {
    ...pick(ITEM_KEYS, item),
    third_party_integrations: integrations === undefined || integrations === 'null' ? '[]' : integrations,
  };
}

/** `typed`: the prospect was nested in the record, where an integer `dob` is a date's days (jsonb has no dates). */
function prospectFrom(read: RowReader, typed: boolean): LeadRow['prospect'] {
  const prospect = read.members('prospect');
  return {
    ...pick(PROSPECT_KEYS, prospect),
    dob: dateOfBirth(prospect, typed),
    address: pick(ADDRESS_KEYS, read.nested(prospect.get('address'))),
  };
}

/** Text as it is; only a date-typed one is written `dd/mm/yyyy` (A21). */
function dateOfBirth(prospect: Members, typed: boolean): Fragment {
  const fragment = leaf(prospect.get('dob'));
  if (fragment === null) return null;
  const days = birthDays(fragment, typed);
  if (days === null) return fragment;
  const date = dayMonthYear(days);
  return date === null ? null : quote(date);
}

function birthDays(fragment: string, typed: boolean): number | null {
  const kind = kindOf(fragment);
  if (kind === 'string') return isoDateDays(stringOf(fragment));
  if (kind !== 'number' || !typed) return null;
  const days = integerText(fragment);
  return days === null ? null : Number(days);
}

/** A zone's name as plain text; null when it is missing, null or blank (then the next spelling of the key is tried). */
function zoneName(fragment: string | undefined): string | null {
  const value = leaf(fragment);
  if (value === null) return null;
  const name = kindOf(value) === 'string' ? stringOf(value) : value;
  return name.trim() === '' ? null : name;
}
