/**
 * All lanes of the process, shared by its tasks: which endpoints want a record, what other processes told of endpoints, this
 * process's share of the limits, and whether our own way out is broken. The rules of one endpoint are in `lane.ts`.
 *
 * Way out: when nothing has answered for 30 s while at least three endpoints, and more than half of those tried in the last
 * ten minutes, cannot be reached, it is us. Then nothing becomes pending for having waited, so the input pauses when the send
 * window is full, instead of all of it being copied to `delivery-state`. One answer ends it. After 15 minutes it is taken for
 * the endpoints' own trouble, for no endpoint may be delayed by others for ever.
 */
import type { OutboundRecord } from '../core/delivery.ts';
import { type EndpointHealth, HEALTHY, mergeHealth, sameHealth } from '../core/endpoint-health.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { Endpoint } from './endpoint.ts';
import { wantedBy } from './interest.ts';
import { Lane, type LaneDeps } from './lane.ts';
import { Turns } from './turns.ts';

const SILENCE_MS = 30_000;
const TRIED_MS = 10 * 60_000;
const UNREACHABLE_LANES = 3;
const PAUSE_MAX_MS = 15 * 60_000;

export interface LanesDeps {
  readonly log: Log;
  readonly meter: Meter;
  readonly clock: Clock;
  /** Whether an attempt that may take so many ms may start now; `wake` is called when that changes. */
  readonly leased?: (timeoutMs: number) => boolean;
  /** An endpoint is removed, and this process has nothing of it any more: its metrics can go. */
  readonly onLeft?: (endpointId: string) => void;
}

export interface LanesOptions {
  /** Requests of this process that may be in flight at the same time. */
  readonly inFlightMax: number;
}

export const LANES_DEFAULTS: LanesOptions = { inFlightMax: 1000 };

export class Lanes {
  /** Called when this process has learnt something of an endpoint that the others must know. */
  onHealth: (endpointId: string, health: EndpointHealth) => void = () => undefined;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #laneDeps: LaneDeps;
  /** Every lane there ever was: an id that comes back finds its lane, with what is still in flight. */
  readonly #lanes = new Map<string, Lane>();
  /** What is known of endpoints without a lane. */
  readonly #unclaimed = new Map<string, EndpointHealth>();
  readonly #watchers = new Set<() => void>();
  #byInterest = new Map<string, Lane[]>();
  #share = 1;
  #answeredAt = 0;
  #silentSince: number | null = null;

  constructor(endpoints: readonly Endpoint[], deps: LanesDeps, options: Partial<LanesOptions> = {}) {
    const { log, meter, clock, leased, onLeft } = deps;
    const { inFlightMax } = { ...LANES_DEFAULTS, ...options };
    this.#log = log;
    this.#clock = clock;
    this.#laneDeps = {
      log,
      meter,
      clock,
      turns: new Turns(clock, inFlightMax),
      leased: leased ?? (() => true),
      onHealth: (id, health) => this.onHealth(id, health),
      onLeft: onLeft ?? (() => undefined),
      onState: () => this.#tell(),
    };
    this.replace(endpoints);
  }

  /**
   * Takes a new set of definitions. A lane survives with its queue when its id does; one whose id is gone is marked
   * `removed`. The watchers are told.
   */
  replace(endpoints: readonly Endpoint[]): void {
    const interest = new Map<string, Lane[]>();
    for (const lane of this.#lanes.values()) lane.removed = true;
    for (const endpoint of endpoints) {
      const lane = this.#lanes.get(endpoint.id) ?? this.#newLane(endpoint);
      lane.define(endpoint);
      lane.removed = false;
      if (!endpoint.enabled) continue;
      const key = `${endpoint.dealership}|${endpoint.version}`;
      interest.set(key, [...(interest.get(key) ?? []), lane]);
    }
    this.#byInterest = interest;
    this.wake();
    this.#tell();
  }

  /** Calls `watcher` when lanes have appeared, gone or changed their state. @returns what ends that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The lane of an endpoint; undefined when no such endpoint is defined. */
  get(endpointId: string): Lane | undefined {
    const lane = this.#lanes.get(endpointId);
    return lane?.removed ? undefined : lane;
  }

  /** The longest timeout of all endpoints, ms: no attempt lasts longer. */
  get longestTimeoutMs(): number {
    return Math.max(0, ...Array.from(this.#lanes.values(), ({ endpoint }) => endpoint.limits.timeoutMs));
  }

  /**
   * The lanes that want `record`: same dealership and version, enabled, `on: create` only for `created`, filters fit.
   * The body is parsed only when a filter must look into it; a body that is not JSON fits no filter.
   */
  wanting(record: OutboundRecord): Lane[] {
    const candidates = this.#byInterest.get(`${record.dealershipId}|${record.version}`);
    if (!candidates) return [];
    const wanted = wantedBy(record);
    return candidates.filter(({ endpoint }) => wanted(endpoint));
  }

  /** Whether an attempt that ends within `timeoutMs` may go out now. */
  leased(timeoutMs: number): boolean {
    return this.#laneDeps.leased(timeoutMs);
  }

  /** This process owns `owned` of `all` partitions: that is its share of every endpoint's limits. */
  shares(owned: number, all: number): void {
    this.#share = all > 0 ? owned / all : 0;
    for (const lane of this.#lanes.values()) lane.share(this.#share);
  }

  /** What held attempts back in all lanes may have ended. */
  wake(): void {
    for (const lane of this.#lanes.values()) lane.pump();
  }

  /**
   * Takes what `endpoint-health` says of an endpoint; null = its record was deleted. What this process knows besides is
   * told again, so that no knowledge is lost when two write at the same time.
   */
  learn(endpointId: string, health: EndpointHealth | null): void {
    const lane = this.#lanes.get(endpointId);
    if (!lane) {
      if (health === null) this.#unclaimed.delete(endpointId);
      else this.#unclaimed.set(endpointId, mergeHealth(this.#unclaimed.get(endpointId) ?? HEALTHY, health));
      return;
    }
    lane.learn(health);
    if (health !== null && !sameHealth(lane.health, mergeHealth(health, HEALTHY)))
      this.onHealth(endpointId, lane.health);
  }

  /** An endpoint has answered, whatever it said. */
  answered(): void {
    this.#answeredAt = this.#clock.now();
    if (this.#silentSince === null) return;
    this.#silentSince = null;
    this.#log.info({ event: 'way-out', broken: false }, 'an endpoint answers again: input goes on');
  }

  /** Whether it is us who reach nobody (see the head of this file). */
  get wayOutBroken(): boolean {
    const now = this.#clock.now();
    if (now - this.#answeredAt < SILENCE_MS) return false;
    const tried = [...this.#lanes.values()].filter(({ removed, triedAt }) => !removed && now - triedAt < TRIED_MS);
    const unreachable = tried.filter((lane) => lane.unreachable).length;
    if (unreachable < UNREACHABLE_LANES || unreachable * 2 <= tried.length) return false;
    if (this.#silentSince === null) {
      this.#silentSince = now;
      const fields = { event: 'way-out', broken: true, unreachable };
      this.#log.error(fields, 'no endpoint can be reached: most likely our own way out is broken; input waits');
    }
    return now - this.#silentSince < PAUSE_MAX_MS;
  }

  #newLane(endpoint: Endpoint): Lane {
    const lane = new Lane(endpoint, this.#laneDeps);
    this.#lanes.set(endpoint.id, lane);
    lane.share(this.#share);
    const known = this.#unclaimed.get(endpoint.id);
    if (known) lane.learn(known);
    this.#unclaimed.delete(endpoint.id);
    return lane;
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
