/**
 * Rows of the source tables as a dealership's software would write them: complete, with what belongs together fitting
 * together (a lead's car and the car of its test drive, a person and the mail address). For made-up changes only. Pure.
 */
import type { SourceRow } from './source-database.ts';

export interface Dealership {
  readonly id: number;
  readonly name: string;
  readonly slug: string;
  /** IANA or Rails name; null = the default zone. */
  readonly timeZone: string | null;
  readonly city: string;
  readonly state: string;
  readonly websiteId: number;
}

export interface Person {
  readonly first: string;
  readonly last: string;
  readonly mobile: string;
}

export interface Car {
  readonly make: string;
  readonly model: string;
  readonly badge: string;
  readonly year: number;
}

export interface LeadFacts {
  readonly id: number;
  /** Null = not clustered yet. */
  readonly cluster: number | null;
  readonly person: Person;
  readonly car: Car;
  readonly dealership: Dealership;
  readonly category: string;
  /** When it was made, ms since the epoch. */
  readonly atMs: number;
}

/** The states of a lead in the order in which it goes through them. */
export const LEAD_STATUSES = [
  { id: 138, name: 'new', status_type: 'new' },
  { id: 139, name: 'contacted', status_type: 'open' },
  { id: 140, name: 'qualified', status_type: 'open' },
  { id: 141, name: 'negotiating', status_type: 'open' },
  { id: 142, name: 'sold', status_type: 'won' },
] as const;

/** A new lead. */
export function leadRow(facts: LeadFacts): SourceRow {
  const { id, cluster, person, car, dealership, category, atMs } = facts;
  const { city, state } = dealership;
  const url = `https://www.${dealership.slug}.example`;
  return {
    id,
    lead_cluster_id: cluster,
    category,
    source: 'Website',
    marketing_source: 'Organic',
    comments: `Is the ${car.model} still there?`,
    item: {
      id: 88_000 + (id % 1000),
      url: `${url}/stock/${id}`,
      make: car.make,
      type: 'Car',
      year: car.year,
      badge: car.badge,
      model: car.model,
      price: 20_990 + (id % 40) * 500,
      status: 'available',
      transmission: 'Automatic',
      third_party_integrations: [{ service: 'Loopit', external_id: String(id) }],
    },
    website: { id: dealership.websiteId, url, name: dealership.name, slug: dealership.slug },
    location: { city, state, street: '1 Main Street', postcode: 2800, location_name: dealership.name },
    prospect: {
      email: emailOf(person),
      address: { city, state, street: '4 Side Street', country: 'Australia', postcode: 2800, state_long: null },
      postcode: 2800,
      last_name: person.last,
      first_name: person.first,
      mobile_phone: person.mobile,
      opt_in_to_marketing: true,
    },
    lead_status_option: LEAD_STATUSES[0],
    pipeline: { id: 496, name: 'Sales' },
    dealership: {
      id: dealership.id,
      name: dealership.name,
      slug: dealership.slug,
      time_zone: dealership.timeZone,
    },
    additional_details: { finance: false },
    lead_events: [],
    created_at: atMs * 1000,
    updated_at: atMs * 1000,
  };
}

/** An appointment for a test drive. `startsAtMs`: ms since the epoch. */
export function appointmentRow(facts: {
  readonly id: number;
  readonly cluster: number;
  readonly testDrive: number | null;
  readonly startsAtMs: number;
  readonly note: string | null;
}): SourceRow {
  return {
    id: facts.id,
    lead_cluster_id: facts.cluster,
    purpose: 'Test Drive',
    ai_generated: false,
    user_id: 88,
    starts_at: facts.startsAtMs * 1000,
    status: 'pending',
    length_in_minutes: 30,
    note: facts.note,
    location_id: 12,
    schedulable_type: facts.testDrive === null ? null : 'TestDrive',
    schedulable_id: facts.testDrive,
  };
}

/** A test drive with a car in stock. */
export function testDriveRow(facts: { readonly id: number; readonly cluster: number; readonly car: Car }): SourceRow {
  return {
    id: facts.id,
    lead_cluster_id: facts.cluster,
    stock_car_id: 88_000 + (facts.id % 1000),
    stock_car_display_name: carName(facts.car),
  };
}

/** A person's mail address. */
export function emailOf({ first, last }: Person): string {
  return `${first}.${last}@mail.example`.toLowerCase();
}

/** A car as a dealer names it. */
export function carName({ year, make, model, badge }: Car): string {
  return `${year} ${make} ${model} ${badge}`;
}
