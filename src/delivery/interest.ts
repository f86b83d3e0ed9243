/**
 * Whether an endpoint wants a record: `on: create` takes only what was created, and each filter that is not empty must name
 * what the body holds. Looks into the body only when a filter must; a body that is not JSON fits no filter.
 */
import type { OutboundRecord } from '../core/delivery.ts';
import type { Endpoint } from './endpoint.ts';

/** What filters look at; null = the body does not have it. */
interface Subject {
  readonly website: string | null;
  readonly location: string | null;
  readonly category: string | null;
}

/** A test for one record; the body is parsed at most once, however many endpoints are asked about. */
export function wantedBy(record: OutboundRecord): (endpoint: Endpoint) => boolean {
  let subject: Subject | undefined;
  return (endpoint) => {
    if (endpoint.on === 'create' && record.cause !== 'created') return false;
    if (!hasFilters(endpoint)) return true;
    subject ??= subjectOf(record);
    return fits(endpoint, subject);
  };
}

function hasFilters({ filters }: Endpoint): boolean {
  return filters.websites.size + filters.locations.size + filters.categories.size > 0;
}

function fits({ filters }: Endpoint, subject: Subject): boolean {
  const within = (allowed: ReadonlySet<string>, value: string | null): boolean => {
    return allowed.size === 0 || (value !== null && allowed.has(value));
  };
  return (
    within(filters.websites, subject.website) &&
    within(filters.locations, subject.location) &&
    within(filters.categories, subject.category)
  );
}

function subjectOf(record: OutboundRecord): Subject {
  const body = parsed(record.value.toString('utf8', record.bodyStart));
  const text = (value: unknown): string | null => {
    return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
  };
  return {
    website: text(member(member(body, 'website'), 'id')),
    location: text(member(member(body, 'location'), 'location_name')),
    category: text(member(body, 'category')),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
