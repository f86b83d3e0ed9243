/**
 * The part of a row that any payload depends on, as one canonical text. rekey keeps its hash: a change that leaves it as it
 * was is a *touch* and announces nothing. `updated_at` is left out, because alone it is no difference (A3).
 * Any edit of what is listed here makes each row's next record look changed once, so it belongs into the change log.
 */
import {
  ADDRESS_KEYS,
  DEALERSHIP_KEYS,
  type Fragment,
  ITEM_KEYS,
  LEAD_STATUS_OPTION_KEYS,
  type LeadRow,
  LOCATION_KEYS,
  OFFER_KEYS,
  PIPELINE_KEYS,
  PROSPECT_KEYS,
  type RowOf,
  SALESPERSON_KEYS,
  SUBSCRIPTION_PLAN_KEYS,
  TRADE_IN_KEYS,
  WEBSITE_KEYS,
} from './rows.ts';
import type { Table } from './source-event.ts';

/**
 * A JSON array of the exported values of a row of `table`, in a fixed order. Two rows give the same text exactly when no payload
 * can tell them apart (`updated_at` aside), however their objects were built.
 */
export function exportedText<T extends Table>(table: T, row: RowOf[T]): string {
  return list(VALUES[table](row));
}

const VALUES: { [T in Table]: (row: RowOf[T]) => Fragment[] } = {
  lead: leadValues,
  appointment: (row) => [
    row.lead_cluster_id,
    text(row.purpose),
    row.ai_generated,
    row.user_id,
    row.starts_at === null ? null : String(row.starts_at),
    row.status,
    row.length_in_minutes,
    row.note,
    row.location_id,
    text(row.schedulable_type),
    text(row.schedulable_id),
  ],
  test_drive: (row) => [
    row.lead_cluster_id,
    String(row.stock_car),
    text(row.stock_car_display_name),
    text(row.car_lead_cluster_name),
  ],
};

function leadValues(row: LeadRow): Fragment[] {
  return [
    row.lead_cluster_id,
    ...values(ITEM_KEYS, row.item),
    row.item.third_party_integrations,
    row.source,
    row.created,
    ...values(WEBSITE_KEYS, row.website),
    row.category,
    row.comments,
    ...values(LOCATION_KEYS, row.location),
    ...values(PROSPECT_KEYS, row.prospect),
    ...values(ADDRESS_KEYS, row.prospect.address),
    row.provider,
    ...values(DEALERSHIP_KEYS, row.dealership),
    text(row.time_zone),
    row.lead_events,
    row.utm_campaign,
    ...values(TRADE_IN_KEYS, row.trade_in_data),
    ...values(SUBSCRIPTION_PLAN_KEYS, row.subscription_plan),
    row.marketing_source,
    row.additional_details,
    ...values(LEAD_STATUS_OPTION_KEYS, row.lead_status_option),
    ...values(SALESPERSON_KEYS, row.assigned_salesperson),
    row.subcategory,
    row.booking_date,
    row.booking_time,
    ...values(OFFER_KEYS, row.offer_data),
    ...values(PIPELINE_KEYS, row.pipeline),
    row.lost_reason_comment,
    row.lost_reason,
  ];
}

function values<K extends string>(keys: readonly K[], of: Record<K, Fragment>): Fragment[] {
  return keys.map((key) => of[key]);
}

function text(plain: string | null): Fragment {
  return plain === null ? null : JSON.stringify(plain);
}

/** Every value is JSON already, so the commas between them are unambiguous. */
function list(fragments: readonly Fragment[]): string {
  return `[${fragments.map((fragment) => fragment ?? 'null').join(',')}]`;
}
