/**
 * The payload of version v2. Frozen on release: a body that receivers have seen under this name never changes, so this
 * file uses no rendering code of another version, and its key lists are its own. No document says how v1
 * and v2 differ (A1): both are the base body, and each may become different without touching the other.
 *
 * A row's fields are JSON fragments and null (`rows.ts`), and a template writes null as `null`: so the templates below are
 * the body as it stands, in the order of the documented sample, and nothing is parsed, rounded or escaped here (A36, A37).
 */
import type { LeadRow } from '../rows.ts';
import type { LeadView, Rendered } from './lead-view.ts';

/**
 * Renders `view.lead` as the base body: without `has_test_drives` and `appointments`.
 * Total: any row gives a body. Every documented key is there, an object that the source lacks as an object of nulls (A17).
 */
export function renderV2(view: LeadView): Rendered {
  const lead = view.lead;
  const head =
    `{"id":${lead.id},"item":${item(lead.item)},"source":${lead.source},"created":${lead.created},` +
    `"website":${website(lead.website)},"category":${lead.category},"comments":${lead.comments},` +
    `"location":${location(lead.location)},"prospect":${prospect(lead.prospect)},"provider":${lead.provider},` +
    `"dealership":${dealership(lead.dealership)},"updated_at":`;
  const tail =
    `,"lead_events":${lead.lead_events},"utm_campaign":${lead.utm_campaign},` +
    `"trade_in_data":${tradeInData(lead.trade_in_data)},` +
    `"subscription_plan":${subscriptionPlan(lead.subscription_plan)},"lead_cluster_id":${lead.lead_cluster_id},` +
    `"marketing_source":${lead.marketing_source},"additional_details":${lead.additional_details},` +
    `"lead_status_option":${leadStatusOption(lead.lead_status_option)},` +
    `"assigned_salesperson":${salesperson(lead.assigned_salesperson)},"subcategory":${lead.subcategory},` +
    `"booking_date":${lead.booking_date},"booking_time":${lead.booking_time},` +
    `"offer_data":${offerData(lead.offer_data)},"pipeline":${pipeline(lead.pipeline)},` +
    `"lost_reason_comment":${lead.lost_reason_comment},"lost_reason":${lead.lost_reason}}`;
  return { body: `${head}${lead.updated_at}${tail}`, hashText: head + tail, testDrivesNotFound: 0 };
}

function item(o: LeadRow['item']): string {
  return (
    `{"id":${o.id},"km":${o.km},"url":${o.url},"vin":${o.vin},"make":${o.make},"rego":${o.rego},"type":${o.type},` +
    `"year":${o.year},"badge":${o.badge},"model":${o.model},"price":${o.price},"colour":${o.colour},` +
    `"series":${o.series},"status":${o.status},"deposit":${o.deposit},"car_type":${o.car_type},` +
    `"comments":${o.comments},"body_type":${o.body_type},"spin_code":${o.spin_code},"build_date":${o.build_date},` +
    `"engine_size":${o.engine_size},"stock_number":${o.stock_number},"transmission":${o.transmission},` +
    `"interior_color":${o.interior_color},"third_party_integrations":${o.third_party_integrations}}`
  );
}

function website(o: LeadRow['website']): string {
  return `{"id":${o.id},"url":${o.url},"name":${o.name},"slug":${o.slug}}`;
}

function location(o: LeadRow['location']): string {
  return (
    `{"city":${o.city},"state":${o.state},"street":${o.street},"postcode":${o.postcode},` +
    `"location_name":${o.location_name}}`
  );
}

function prospect(o: LeadRow['prospect']): string {
  const a = o.address;
  return (
    `{"dob":${o.dob},"email":${o.email},"title":${o.title},` +
    `"address":{"city":${a.city},"state":${a.state},"street":${a.street},"country":${a.country},` +
    `"postcode":${a.postcode},"state_long":${a.state_long}},` +
    `"postcode":${o.postcode},"last_name":${o.last_name},"first_name":${o.first_name},` +
    `"middle_name":${o.middle_name},"mobile_phone":${o.mobile_phone},` +
    `"opt_in_to_marketing":${o.opt_in_to_marketing}}`
  );
}

function dealership(o: LeadRow['dealership']): string {
  return `{"id":${o.id},"name":${o.name},"slug":${o.slug}}`;
}

function tradeInData(o: LeadRow['trade_in_data']): string {
  return (
    `{"kms":${o.kms},"make":${o.make},"rego":${o.rego},"year":${o.year},"badge":${o.badge},"model":${o.model},` +
    `"state":${o.state},"title":${o.title},"series":${o.series},"offer_price":${o.offer_price},` +
    `"trade_price":${o.trade_price},"retail_price":${o.retail_price},"offer_accepted":${o.offer_accepted},` +
    `"price_adjustment":${o.price_adjustment}}`
  );
}

function subscriptionPlan(o: LeadRow['subscription_plan']): string {
  return (
    `{"name":${o.name},"subscription_id":${o.subscription_id},"daily_price_for_car":${o.daily_price_for_car},` +
    `"weekly_price_for_car":${o.weekly_price_for_car},"monthly_price_for_car":${o.monthly_price_for_car},` +
    `"fortnightly_price_for_car":${o.fortnightly_price_for_car}}`
  );
}

function leadStatusOption(o: LeadRow['lead_status_option']): string {
  return `{"id":${o.id},"name":${o.name},"status_type":${o.status_type}}`;
}

function salesperson(o: LeadRow['assigned_salesperson']): string {
  return `{"id":${o.id},"name":${o.name},"email":${o.email}}`;
}

function offerData(o: LeadRow['offer_data']): string {
  return `{"manufacturer":${o.manufacturer},"offer_name":${o.offer_name}}`;
}

function pipeline(o: LeadRow['pipeline']): string {
  return `{"id":${o.id},"name":${o.name}}`;
}
