/**
 * When a lane may send: the rules that act on an endpoint as a whole. Rate limit, Retry-After, the breaker, 401 and 403, 410
 * and the operator's pause. A state machine of one process; what it learns it tells by `EndpointHealth`, and what other
 * processes learnt it takes the same way. It knows no queue and no timer: it is asked when an attempt may start.
 *
 * The breaker opens after `breaker.failures` attempts in a row that failed as the endpoint's own doing (no answer, or 5xx), of
 * several leads: one lead whose payload breaks the receiver holds back only itself. What began before it opened does not open
 * it further. After each hold one single probe goes out; an answer that is neither of these ends it.
 */
import type { AttemptResult, Outcome } from '../core/attempt.ts';
import { holdsEndpoint, retryAfterMs } from '../core/attempt.ts';
import {
  type EndpointHealth,
  type GateState,
  HEALTHY,
  type Hold,
  isGone,
  mergeHealth,
  retryAfterUntil,
  retryAfterWord,
  stateOf,
} from '../core/endpoint-health.ts';
import { urlDigest } from './definition.ts';
import type { Endpoint } from './endpoint.ts';
import { RateLimit } from './rate-limit.ts';

/** Distinct leads that must have failed before the breaker opens (fewer if `breaker.failures` is less). */
const BREAKER_LEADS = 3;
/** First and longest wait between probes of an endpoint that answers 401 or 403, ms. */
const UNAUTHORIZED_BASE_MS = 30_000;
const UNAUTHORIZED_CAP_MS = 30 * 60_000;

/** One attempt that ended. */
export interface Ended {
  readonly leadId: string;
  readonly outcome: Outcome;
  readonly result: AttemptResult;
  /** Ms since the epoch. */
  readonly startedAt: number;
}

export class LaneGate {
  #endpoint: Endpoint;
  /** What of the definition decides; `definition` and `url` are digests. */
  #defined: { readonly enabled: boolean; readonly definition: string; readonly url: string };
  #health: EndpointHealth = HEALTHY;
  readonly #rate: RateLimit;
  #failures = 0;
  readonly #failedLeads = new Set<string>();
  /**
   * This process has made no attempt under the definition: its secrets may be others than those that were answered by 401 or 403, before
   * a restart or in another process. So its first attempt, the probe, need not wait.
   */
  #untried = true;
  /** When the definition came, ms: what an earlier attempt was answered was not said to it. */
  #definedAt = 0;
  /** When the URL came, ms: what was asked for by Retry-After before was asked for by another receiver. */
  #urlDefinedAt = 0;
  /** The last failures were answers that never came: our own way out may be what is broken. */
  #unanswered = false;

  /** @param definition digest of the endpoint's definition. */
  constructor(endpoint: Endpoint, definition: string) {
    this.#endpoint = endpoint;
    this.#defined = { enabled: endpoint.enabled && !endpoint.heldBack, definition, url: urlDigest(endpoint) };
    this.#rate = new RateLimit(endpoint.limits.ratePerSecond);
  }

  get health(): EndpointHealth {
    return this.#health;
  }

  /** The endpoint said 410 under its present definition. */
  get gone(): boolean {
    return isGone(this.#health, this.#defined);
  }

  /**
   * Takes a changed definition.
   * @param changed anything differs, secrets included: a new token deserves a new try, so 401 and 403 are forgotten. Retry-After
   *   is what the receiver asked for, and is forgotten when the URL differs.
   */
  define(endpoint: Endpoint, at: { definition: string; changed: boolean; now: number }): void {
    this.#endpoint = endpoint;
    const url = urlDigest(endpoint);
    if (url !== this.#defined.url) this.#urlDefinedAt = at.now;
    this.#defined = { enabled: endpoint.enabled && !endpoint.heldBack, definition: at.definition, url };
    this.#rate.limit(endpoint.limits.ratePerSecond);
    if (at.changed) {
      this.#untried = true;
      this.#definedAt = at.now;
    }
    if (at.changed && (this.#health.unauthorized || this.#health.breaker)) this.#prove(at.now);
  }

  /** Sets the share of the rate that is this process's, from 0 to 1. */
  share(share: number): void {
    this.#rate.share(share);
  }

  /** What another process knows. */
  learn(health: EndpointHealth): void {
    this.#health = mergeHealth(this.#health, health);
  }

  /** Forgets what is only known from `endpoint-health`: its record was deleted. */
  forget(): void {
    this.#health = HEALTHY;
  }

  /** What holds at `now`. */
  state(now: number): GateState {
    return stateOf(this.#health, this.#defined, now);
  }

  /** Nothing starts before this time, ms; infinity = not before something else happens. */
  opensAt(now: number): number {
    const state = this.state(now);
    if (state === 'disabled' || state === 'operator' || state === 'gone') return Number.POSITIVE_INFINITY;
    const { unauthorized, breaker } = this.#health;
    const probeAt = this.#untried ? 0 : (unauthorized?.until ?? 0);
    const asked = retryAfterUntil(this.#health, this.#defined);
    return Math.max(asked, probeAt, breaker?.until ?? 0, this.#rate.nextAt(now));
  }

  /** Only one attempt at a time may be under way: the endpoint is still to show that it works. */
  get probing(): boolean {
    return this.#health.unauthorized !== null || this.#health.breaker !== null;
  }

  /** The breaker is open because nothing answers. */
  get unreachable(): boolean {
    return this.#health.breaker !== null && this.#unanswered;
  }

  /** An attempt starts. */
  started(now: number): void {
    this.#untried = false;
    this.#rate.take(now);
  }

  /**
   * An attempt ended.
   * @returns true when others must be told: the health has changed.
   */
  ended({ leadId, outcome, result, startedAt }: Ended, now: number): boolean {
    const before = this.#health;
    if (startedAt >= this.#urlDefinedAt) this.#asked(result, now);
    const isOld = startedAt < this.#definedAt && (outcome.kind === 'gone' || outcome.kind === 'unauthorized');
    if (isOld) return before !== this.#health;
    if (outcome.kind === 'gone')
      this.learn({ ...HEALTHY, gone: { definition: this.#defined.definition, at: this.#after(now) } });
    else if (outcome.kind === 'unauthorized') this.#unauthorized(startedAt, now);
    else if (speaksOfEndpoint(outcome, result))
      this.#failed(leadId, { startedAt, now, answered: result.kind === 'answer' });
    else this.#worked(startedAt);
    return before !== this.#health;
  }

  #asked(result: AttemptResult, now: number): void {
    if (result.kind !== 'answer' || !holdsEndpoint(result.status)) return;
    const waitMs = retryAfterMs(result.retryAfter, now) ?? 0;
    const { url } = this.#defined;
    if (waitMs > 0) this.learn(retryAfterWord(this.#health, { until: now + waitMs, url, now }));
  }

  #worked(startedAt: number): void {
    this.#failures = 0;
    this.#failedLeads.clear();
    if (this.probing) this.#prove(startedAt);
  }

  #prove(at: number): void {
    const merged = mergeHealth(this.#health, { ...HEALTHY, provenAt: at });
    // What began before the hold says nothing about it.
    if (merged.unauthorized !== this.#health.unauthorized || merged.breaker !== this.#health.breaker) {
      this.#health = merged;
    }
  }

  #unauthorized(startedAt: number, now: number): void {
    const { unauthorized } = this.#health;
    this.#untried = false;
    if (unauthorized && startedAt <= unauthorized.since) return;
    const pauseMs = next(unauthorized, { baseMs: UNAUTHORIZED_BASE_MS, capMs: UNAUTHORIZED_CAP_MS });
    this.learn({ ...HEALTHY, unauthorized: this.#hold(now, pauseMs) });
  }

  #failed(leadId: string, at: { startedAt: number; now: number; answered: boolean }): void {
    const { breaker } = this.#endpoint;
    const open = this.#health.breaker;
    if (open && at.startedAt <= open.since) return;
    this.#failures += 1;
    if (this.#failedLeads.size < BREAKER_LEADS) this.#failedLeads.add(leadId);
    this.#unanswered = !at.answered;
    const ripe =
      this.#failures >= breaker.failures && this.#failedLeads.size >= Math.min(BREAKER_LEADS, breaker.failures);
    if (!open && !ripe) return;
    const pauseMs = next(open, breaker);
    this.#failures = 0;
    this.#failedLeads.clear();
    this.learn({ ...HEALTHY, breaker: this.#hold(at.now, pauseMs) });
  }

  #hold(now: number, pauseMs: number): Hold {
    const since = this.#after(now);
    return { since, until: since + pauseMs, pauseMs };
  }

  /** A time that counts as later than the last probe, which another clock may have dated ahead of ours. */
  #after(now: number): number {
    return Math.max(now, this.#health.provenAt + 1);
  }
}

/**
 * No answer at all, whatever that means for the delivery, or a fault that is the receiver's own: the next lead would most likely end the
 * same way.
 */
function speaksOfEndpoint(outcome: Outcome, result: AttemptResult): boolean {
  return result.kind !== 'answer' || (outcome.kind === 'retry' && result.status >= 500);
}

function next(hold: Hold | null, limits: { baseMs: number; capMs: number }): number {
  return Math.min(hold ? hold.pauseMs * 2 : limits.baseMs, limits.capMs);
}
