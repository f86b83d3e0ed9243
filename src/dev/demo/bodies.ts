/**
 * The payload of a lead as it is documented, written down a second time and by hand: what the demo expects receivers to get.
 * It must never be built with the code that it checks.
 */
import { emailOf, type LeadFacts } from '../source-rows.ts';

/** A body as values, keys in any order. */
export type Body = Readonly<Record<string, unknown>>;

/** The body of v1 and v2 of a lead that was just made from `facts` (source-rows.ts). */
export function baseBody(facts: LeadFacts): Body {
  const { id, cluster, person, car, dealership, category, atMs } = facts;
  const { city, state, name, slug } = dealership;
  const made = new Date(atMs).toISOString();
  return {
    id,
    item: itemOf(facts),
    source: 'Website',
    created: made,
    website: { id: dealership.websiteId, url: `https://www.${slug}.example`, name, slug },
    category,
    comments: `Is the ${car.model} still there?`,
    location: { city, state, street: '1 Main Street', postcode: 2800, location_name: name },
    prospect: {
      dob: null,
      email: emailOf(person),
      title: null,
      address: { city, state, street: '4 Side Street', country: 'Australia', postcode: 2800, state_long: null },
      postcode: 2800,
      last_name: person.last,
      first_name: person.first,
      middle_name: null,
      mobile_phone: person.mobile,
      opt_in_to_marketing: true,
    },
    provider: 'Dealer Studio',
    dealership: { id: dealership.id, name, slug },
    updated_at: made,
    lead_events: [],
    utm_campaign: null,
    trade_in_data: nulls(
      ...['kms', 'make', 'rego', 'year', 'badge', 'model', 'state', 'title', 'series', 'offer_price'],
      ...['trade_price', 'retail_price', 'offer_accepted', 'price_adjustment'],
    ),
    subscription_plan: nulls(
      ...['name', 'subscription_id', 'daily_price_for_car', 'weekly_price_for_car', 'monthly_price_for_car'],
      'fortnightly_price_for_car',
    ),
    lead_cluster_id: cluster,
    marketing_source: 'Organic',
    additional_details: { finance: false },
    lead_status_option: { id: 138, name: 'new', status_type: 'new' },
    assigned_salesperson: nulls('id', 'name', 'email'),
    subcategory: null,
    booking_date: null,
    booking_time: null,
    offer_data: nulls('manufacturer', 'offer_name'),
    pipeline: { id: 496, name: 'Sales' },
    lost_reason_comment: null,
    lost_reason: null,
  };
}

/** The body of v3: the base body of a lead whose cluster has no appointment and no test drive yet. */
export function withCluster(base: Body): Body {
  return { ...base, has_test_drives: false, appointments: [] };
}

function itemOf({ id, car, dealership }: LeadFacts): Body {
  return {
    ...nulls('km', 'vin', 'rego', 'colour', 'series', 'deposit', 'car_type', 'comments', 'body_type', 'spin_code'),
    ...nulls('build_date', 'engine_size', 'stock_number', 'interior_color'),
    id: 88_000 + (id % 1000),
    url: `https://www.${dealership.slug}.example/stock/${id}`,
    make: car.make,
    type: 'Car',
    year: car.year,
    badge: car.badge,
    model: car.model,
    price: 20_990 + (id % 40) * 500,
    status: 'available',
    transmission: 'Automatic',
    third_party_integrations: [{ service: 'Loopit', external_id: String(id) }],
  };
}

function nulls(...keys: string[]): Body {
  return Object.fromEntries(keys.map((key) => [key, null]));
}
