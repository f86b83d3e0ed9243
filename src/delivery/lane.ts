/**
 * One endpoint's lane: the queue of what is ready to be sent, started in the order of arrival as far as the limits allow: the
 * endpoint's requests in flight and rate (this process's share of them), the process's requests in flight, the lease, and the
 * holds of the gate. It knows neither records nor offsets. What has no turn yet has used up no attempt.
 */
import { type EndpointHealth, GATE_STATES, type GateState } from '../core/endpoint-health.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { definitionDigest, differs } from './definition.ts';
import type { Endpoint } from './endpoint.ts';
import { Fifo } from './fifo.ts';
import { type Ended, LaneGate } from './lane-gate.ts';
import type { Place, Turns, TurnTaker } from './turns.ts';

/** A timer is set for no longer than this at a time, ms. */
const SLEEP_MAX_MS = 60 * 60 * 1000;
const NOTE_EVERY_MS = 60_000;

/** Something that waits in a lane for its turn. */
export interface LaneMember {
  /** Starts one attempt, whose end is told by `lane.finished()`; false = there is nothing to start (any more). */
  begin(): boolean;
  /** Is not in the lane any more, and will not start from there: the endpoint is removed or gone. */
  dismissed(): void;
}

export interface LaneDeps {
  readonly log: Log;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly turns: Turns;
  /** Whether an attempt that may take `timeoutMs` may start now; if not, `pump` is called when it may. */
  readonly leased: (timeoutMs: number) => boolean;
  /** The lane has learnt something that other processes must know. */
  readonly onHealth: (endpointId: string, health: EndpointHealth) => void;
  /** The endpoint is removed, and this process has nothing pending or in flight for it any more. */
  readonly onLeft: (endpointId: string) => void;
  /** The state of the lane has changed. */
  readonly onState: () => void;
}

export class Lane implements TurnTaker {
  /** The definition is gone: nothing starts any more. */
  removed = false;
  readonly #deps: LaneDeps;
  readonly #gate: LaneGate;
  readonly #ready = new Fifo<LaneMember>();
  readonly #oldest = new Map<object, number>();
  #endpoint: Endpoint;
  #share = 1;
  #inFlight = 0;
  /** The places of what is in flight, the oldest first; one that ends gives back the oldest. */
  readonly #taken = new Fifo<Place>();
  /** When an attempt last started or ended, ms by the monotonic clock. */
  #movedAt = 0;
  /** When the last attempt ended, ms; 0 = none did. */
  #triedAt = 0;
  #pending = 0;
  #pendingBytes = 0;
  /** As `onLeft` was told last. */
  #left = false;
  #failing = false;
  #notedAt = Number.NEGATIVE_INFINITY;
  /** As last shown; null = not shown, because the endpoint is removed. */
  #state: GateState | null = 'open';
  #timer: { at: number; cancel: () => void } | null = null;

  constructor(endpoint: Endpoint, deps: LaneDeps) {
    this.#endpoint = endpoint;
    this.#deps = deps;
    this.#gate = new LaneGate(endpoint, definitionDigest(endpoint));
    this.#showState(false);
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** The endpoint said that it is gone, under its present definition: its records become dead letters. */
  get gone(): boolean {
    return this.#gate.gone;
  }

  /** What this process knows of the endpoint. */
  get health(): EndpointHealth {
    return this.#gate.health;
  }

  /** The breaker is open because nothing answers. */
  get unreachable(): boolean {
    return this.#gate.unreachable;
  }

  /** When the last attempt ended, ms; 0 = none did. */
  get triedAt(): number {
    return this.#triedAt;
  }

  /** What holds the lane at `now` (ms); `open` = nothing. */
  state(now: number): GateState {
    return this.#gate.state(now);
  }

  /** Takes a new definition of the same id. */
  define(endpoint: Endpoint): void {
    const changed = differs(this.#endpoint, endpoint);
    this.#endpoint = endpoint;
    if (!changed) return;
    const before = this.#gate.health;
    this.#gate.define(endpoint, { definition: definitionDigest(endpoint), changed, now: this.#deps.clock.now() });
    if (this.#gate.health !== before) this.#deps.onHealth(endpoint.id, this.#gate.health);
  }

  /** Sets the share of the endpoint's limits that is this process's, from 0 to 1; of requests in flight one at least. */
  share(share: number): void {
    this.#share = share;
    this.#gate.share(share);
    this.pump();
  }

  /** Takes what another process knows; null = its record was deleted. */
  learn(health: EndpointHealth | null): void {
    if (health === null) this.#gate.forget();
    else this.#gate.learn(health);
    this.pump();
  }

  /** Queues a member and starts what may start. A member is queued at most once at a time: its owner's duty. */
  enqueue(member: LaneMember): void {
    this.#ready.push(member);
    this.pump();
  }

  /** Lets members leave the queue that will not start any more: their task has another owner. */
  withdraw(leaves: (member: LaneMember) => boolean): void {
    this.#ready.keep((member) => !leaves(member));
  }

  /** An attempt has ended; null = it never began on the wire, and says nothing of the endpoint. */
  finished(ended: Ended | null): void {
    const now = this.#deps.clock.now();
    this.#inFlight -= 1;
    this.#movedAt = this.#deps.clock.monotonic();
    if (ended) {
      this.#triedAt = now;
      if (this.#gate.ended(ended, now)) this.#deps.onHealth(this.#endpoint.id, this.#gate.health);
    }
    const place = this.#taken.shift();
    this.pump();
    if (place) this.#deps.turns.giveBack(place);
  }

  /**
   * Whether what comes now would wait for longer than `ms`: the lane is held for longer, or all of its places have been
   * taken for as long by requests that do not end.
   */
  heldFor(ms: number, now: number): boolean {
    if (this.#gate.opensAt(now) - now > ms) return true;
    return this.#inFlight >= this.#places && this.#deps.clock.monotonic() - this.#movedAt > ms;
  }

  /** Starts members while the limits allow. */
  pump(): void {
    if (this.removed || this.gone) this.#dismissAll();
    while (this.#mayStart()) {
      const place = this.#deps.turns.take(this);
      if (!place) break;
      if (this.#startNext(place)) continue;
      this.#deps.turns.giveBack(place);
      break;
    }
    this.#showState(true);
    this.#show('in_flight', this.#inFlight);
  }

  turn(place: Place): boolean {
    if (!this.#mayStart() || !this.#startNext(place)) return false;
    this.pump();
    return true;
  }

  /** Counts deliveries and bytes that are pending in all tasks of this process; negative numbers take away. */
  addPending(deliveries: number, bytes: number): void {
    this.#pending += deliveries;
    this.#pendingBytes += bytes;
    this.#show('pending', this.#pending);
    this.#show('pending_bytes', this.#pendingBytes);
  }

  /** Tells since when a task's oldest pending delivery of this endpoint has been there, ms; null = it has none. */
  oldestPending(task: object, since: number | null): void {
    if (since === null) this.#oldest.delete(task);
    else this.#oldest.set(task, since);
    const oldest = this.#oldest.size === 0 ? 0 : Math.min(...this.#oldest.values());
    this.#show('pending_since_seconds', oldest / 1000);
  }

  /** Says in the log when the endpoint begins to fail and when it takes deliveries again; once a minute at most. */
  note(delivered: boolean, code: string): void {
    if (this.#failing !== delivered) return;
    const now = this.#deps.clock.now();
    if (!delivered && now - this.#notedAt < NOTE_EVERY_MS) return;
    this.#failing = !delivered;
    if (!delivered) this.#notedAt = now;
    const fields = { event: 'endpoint_state', endpoint: this.#endpoint.id, host: this.#endpoint.url.host, code };
    if (delivered) this.#deps.log.info(fields, 'endpoint takes deliveries again');
    else this.#deps.log.warn(fields, 'endpoint fails; deliveries to it are retried');
  }

  get #places(): number {
    if (this.#gate.probing) return 1;
    return Math.max(1, Math.floor(this.#endpoint.limits.concurrency * this.#share));
  }

  #mayStart(): boolean {
    if (this.#ready.size === 0 || this.removed || this.#inFlight >= this.#places) return false;
    const now = this.#deps.clock.now();
    const opensAt = this.#gate.opensAt(now);
    if (opensAt <= now) return this.#deps.leased(this.#endpoint.limits.timeoutMs);
    this.#wakeAt(opensAt, now);
    return false;
  }

  #startNext(place: Place): boolean {
    const now = this.#deps.clock.now();
    for (let member = this.#ready.shift(); member; member = this.#ready.shift()) {
      this.#inFlight += 1;
      if (member.begin()) {
        this.#taken.push(place);
        this.#gate.started(now);
        this.#movedAt = this.#deps.clock.monotonic();
        return true;
      }
      this.#inFlight -= 1;
    }
    return false;
  }

  #dismissAll(): void {
    for (let member = this.#ready.shift(); member; member = this.#ready.shift()) member.dismissed();
  }

  #wakeAt(at: number, now: number): void {
    if (at === Number.POSITIVE_INFINITY || (this.#timer && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const cancel = this.#deps.clock.after(Math.min(at - now, SLEEP_MAX_MS), () => {
      this.#timer = null;
      this.pump();
    });
    this.#timer = { at, cancel };
  }

  /** Sets a gauge of the endpoint, as long as there is anything of it. */
  #show(name: string, value: number): void {
    const left = this.removed && this.#inFlight === 0 && this.#pending === 0;
    if (left && !this.#left) this.#deps.onLeft(this.#endpoint.id);
    this.#left = left;
    if (!left) this.#deps.meter.gauge(name, { endpoint: this.#endpoint.id }, value);
  }

  #hideState(): void {
    if (this.#state === null) return;
    this.#state = null;
    const endpoint = this.#endpoint.id;
    for (const state of GATE_STATES) this.#deps.meter.forget('endpoint_state', { endpoint, state });
  }

  /** Shows the state as a metric and, when it has changed, in the log. */
  #showState(tell: boolean): void {
    if (this.removed) {
      this.#hideState();
      return;
    }
    const now = this.#deps.clock.now();
    const state = this.#gate.state(now);
    if (state === 'retry-after') this.#wakeAt(this.#gate.health.retryAfterUntil, now);
    if (tell && state === this.#state) return;
    this.#state = state;
    const endpoint = this.#endpoint.id;
    for (const one of GATE_STATES) {
      this.#deps.meter.gauge('endpoint_state', { endpoint, state: one }, one === state ? 1 : 0);
    }
    if (!tell) return;
    const opensAt = this.#gate.opensAt(now);
    const until = Number.isFinite(opensAt) && opensAt > now ? new Date(opensAt).toISOString() : null;
    const fields = { event: 'endpoint_hold', endpoint, host: this.#endpoint.url.host, state, until };
    if (state === 'open') this.#deps.log.info(fields, 'endpoint is open: deliveries go out');
    else if (state === 'retry-after')
      this.#deps.log.info(fields, 'endpoint asked for a pause by Retry-After: it gets it');
    else this.#deps.log.warn(fields, 'endpoint is held: its deliveries wait, or become dead letters if it is gone');
    this.#deps.onState();
  }
}
