/**
 * Lanes: one per endpoint and process, shared by all tasks. A lane holds the endpoint's limit of requests in flight and the
 * queue of what is ready to be sent; it starts in the order of arrival, so tasks and leads get their turn. It knows neither
 * records nor outcomes. `Lanes` also answers which endpoints want a record.
 */
import type { OutboundRecord } from '../core/delivery.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { Endpoint } from './endpoint.ts';
import { Fifo } from './fifo.ts';

/** Something that waits in a lane for its turn. */
export interface LaneMember {
  /** Starts one attempt, whose end is told by `lane.finished()`; false = there is nothing to start (any more). */
  begin(): boolean;
}

/** One endpoint's lane. */
export class Lane {
  endpoint: Endpoint;
  /** The definition is gone: nothing starts any more. */
  removed = false;
  readonly #deps: { log: Log; meter: Meter };
  readonly #ready = new Fifo<LaneMember>();
  #inFlight = 0;
  #pending = 0;
  #pendingBytes = 0;
  #failing = false;

  constructor(endpoint: Endpoint, deps: { log: Log; meter: Meter }) {
    this.endpoint = endpoint;
    this.#deps = deps;
  }

  /** Queues a member and starts what may start. A member is queued at most once at a time: its owner's duty. */
  enqueue(member: LaneMember): void {
    this.#ready.push(member);
    this.pump();
  }

  /** An attempt has ended. */
  finished(): void {
    this.#inFlight -= 1;
    this.pump();
  }

  /** Starts members while the limit allows; none while the endpoint is disabled. */
  pump(): void {
    while (this.#inFlight < this.endpoint.limits.concurrency && this.endpoint.enabled) {
      const member = this.#ready.shift();
      if (!member) break;
      this.#inFlight += 1;
      if (!member.begin()) this.#inFlight -= 1;
    }
    this.#deps.meter.gauge('in_flight', { endpoint: this.endpoint.id }, this.#inFlight);
  }

  /** Counts deliveries and bytes that are pending in all tasks of this process; negative numbers take away. */
  addPending(deliveries: number, bytes: number): void {
    this.#pending += deliveries;
    this.#pendingBytes += bytes;
    this.#deps.meter.gauge('pending', { endpoint: this.endpoint.id }, this.#pending);
    this.#deps.meter.gauge('pending_bytes', { endpoint: this.endpoint.id }, this.#pendingBytes);
  }

  /** Says in the log when the endpoint begins to fail and when it takes deliveries again; not each attempt. */
  note(delivered: boolean, code: string): void {
    if (this.#failing !== delivered) return;
    this.#failing = !delivered;
    const fields = { event: 'endpoint-state', endpoint: this.endpoint.id, host: this.endpoint.url.host, code };
    if (delivered) this.#deps.log.info(fields, 'endpoint takes deliveries again');
    else this.#deps.log.warn(fields, 'endpoint fails; deliveries to it are retried');
  }
}

/** All lanes of the process, by endpoint id and by what they want. */
export class Lanes {
  readonly #deps: { log: Log; meter: Meter };
  /** Every lane there ever was: an id that comes back finds its lane, with what is still in flight. */
  readonly #lanes = new Map<string, Lane>();
  #byInterest = new Map<string, Lane[]>();

  constructor(endpoints: readonly Endpoint[], deps: { log: Log; meter: Meter }) {
    this.#deps = deps;
    this.replace(endpoints);
  }

  /**
   * Takes a new set of definitions. A lane survives with its queue when its id does; one whose id is gone is marked
   * `removed`. Every Deliverer must be told by `endpointsChanged()` afterwards.
   */
  replace(endpoints: readonly Endpoint[]): void {
    const interest = new Map<string, Lane[]>();
    for (const lane of this.#lanes.values()) lane.removed = true;
    for (const endpoint of endpoints) {
      const lane = this.#lanes.get(endpoint.id) ?? new Lane(endpoint, this.#deps);
      lane.endpoint = endpoint;
      lane.removed = false;
      this.#lanes.set(endpoint.id, lane);
      if (!endpoint.enabled) continue;
      const key = `${endpoint.dealership}|${endpoint.version}`;
      interest.set(key, [...(interest.get(key) ?? []), lane]);
    }
    this.#byInterest = interest;
    for (const lane of this.#lanes.values()) lane.pump();
  }

  /** The lane of an endpoint; undefined when no such endpoint is defined. */
  get(endpointId: string): Lane | undefined {
    const lane = this.#lanes.get(endpointId);
    return lane?.removed ? undefined : lane;
  }

  /**
   * The lanes that want `record`: same dealership and version, enabled, `on: create` only for `created`, filters fit.
   * The body is parsed only when a filter must look into it; a body that is not JSON fits no filter.
   */
  wanting(record: OutboundRecord): Lane[] {
    const candidates = this.#byInterest.get(`${record.dealershipId}|${record.version}`);
    if (!candidates) return [];
    let subject: Subject | undefined;
    return candidates.filter(({ endpoint }) => {
      if (endpoint.on === 'create' && record.cause !== 'created') return false;
      if (!hasFilters(endpoint)) return true;
      subject ??= subjectOf(record);
      return fits(endpoint, subject);
    });
  }
}

/** What filters look at; null = the body does not have it. */
interface Subject {
  readonly website: string | null;
  readonly location: string | null;
  readonly category: string | null;
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
