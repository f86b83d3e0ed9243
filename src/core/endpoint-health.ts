/**
 * What processes tell each other about an endpoint, and what it means: holds (no attempt before a time), probes that ended
 * well, a 410, the operator's pause. A value merges with another in any order and any number of times to the same result,
 * so no process needs to know who else wrote: the hold learnt last counts, and only a probe that began after it ends it.
 * Plain values; times are ms since the epoch by the writer's clock. Who acts on it: delivery/lane-gate.ts.
 */

/** Why nothing, or only a probe, may start; in the order of precedence. */
export const GATE_STATES = ['disabled', 'operator', 'gone', 'retry-after', 'unauthorized', 'breaker', 'open'] as const;
export type GateState = (typeof GATE_STATES)[number];

/** What of an endpoint's definition decides, beside its health. */
export interface Defined {
  readonly enabled: boolean;
  /** Digest of the definition; null = unknown, so any 410 counts. */
  readonly definition: string | null;
  /** Digest of its URL; null = unknown, so any Retry-After counts. */
  readonly url: string | null;
}

/** No attempt before `until`, for a reason learnt at `since`. */
export interface Hold {
  readonly since: number;
  readonly until: number;
  /** How long the hold was made for: the next one in a row is longer. */
  readonly pauseMs: number;
}

export interface EndpointHealth {
  /** End of what the endpoint asked for by Retry-After; 0 = never. Time ends it, or a later `openedAt`. */
  readonly retryAfterUntil: number;
  /** Digest of the URL that answered so: for another one it does not count. Empty = not known, so it counts for any. */
  readonly retryAfterUrl: string;
  /** What was asked for by Retry-After before this was raised is over: by the operator, or because another URL asked since. */
  readonly openedAt: number;
  /** The breaker: too many failures in a row. */
  readonly breaker: Hold | null;
  /** 401 or 403: most likely the token. */
  readonly unauthorized: Hold | null;
  /** Start of the last attempt that proved a hold wrong; 0 = none. Holds since then or earlier are over. */
  readonly provenAt: number;
  /** The endpoint said 410 under this definition (its digest). */
  readonly gone: { readonly definition: string; readonly at: number } | null;
  /** The operator's last word. */
  readonly operator: { readonly paused: boolean; readonly at: number } | null;
}

export const HEALTHY: EndpointHealth = {
  retryAfterUntil: 0,
  retryAfterUrl: '',
  openedAt: 0,
  breaker: null,
  unauthorized: null,
  provenAt: 0,
  gone: null,
  operator: null,
};

/** Both together: commutative, associative, and a value merged with itself is itself. */
export function mergeHealth(a: EndpointHealth, b: EndpointHealth): EndpointHealth {
  const provenAt = Math.max(a.provenAt, b.provenAt);
  const standing = <T extends object>(x: T | null, y: T | null, since: (value: T) => number): T | null => {
    const last = latest(x, y, since);
    return last !== null && since(last) > provenAt ? last : null;
  };
  return {
    ...laterRetryAfter(a, b),
    breaker: standing(a.breaker, b.breaker, ({ since }) => since),
    unauthorized: standing(a.unauthorized, b.unauthorized, ({ since }) => since),
    provenAt,
    gone: standing(a.gone, b.gone, ({ at }) => at),
    operator: latest(a.operator, b.operator, ({ at }) => at),
  };
}

/** What holds an endpoint at `now` (ms); `open` = nothing. */
export function stateOf(health: EndpointHealth, defined: Defined, now: number): GateState {
  if (!defined.enabled) return 'disabled';
  if (health.operator?.paused) return 'operator';
  if (isGone(health, defined)) return 'gone';
  if (retryAfterUntil(health, defined) > now) return 'retry-after';
  if (health.unauthorized) return 'unauthorized';
  return health.breaker ? 'breaker' : 'open';
}

/** The endpoint said 410 under this definition. */
export function isGone({ gone }: EndpointHealth, { definition }: Defined): boolean {
  return gone !== null && (definition === null || gone.definition === definition);
}

/** The operator's word as a value to publish: a pause, or its end, which also ends every other hold that was learnt before. */
export function operatorWord(paused: boolean, at: number): EndpointHealth {
  const openedAt = paused ? 0 : at;
  return { ...HEALTHY, operator: { paused, at }, provenAt: openedAt, openedAt };
}

/** Until when Retry-After holds an endpoint with this definition, ms; 0 = it does not. */
export function retryAfterUntil(health: EndpointHealth, { url }: Pick<Defined, 'url'>): number {
  const counts = url === null || health.retryAfterUrl === '' || health.retryAfterUrl === url;
  return counts ? health.retryAfterUntil : 0;
}

/**
 * The word to publish of an endpoint that asks for no request before `until` at this URL (its digest). It replaces what another URL
 * asked for, however long that was.
 */
export function retryAfterWord(
  known: EndpointHealth,
  asked: { until: number; url: string; now: number },
): EndpointHealth {
  const { until, url, now } = asked;
  const counts = retryAfterUntil(known, { url }) === known.retryAfterUntil;
  const openedAt = counts ? known.openedAt : Math.max(now, known.openedAt + 1);
  return { ...HEALTHY, retryAfterUntil: until, retryAfterUrl: url, openedAt };
}

/** Whether two values say the same. */
export function sameHealth(a: EndpointHealth, b: EndpointHealth): boolean {
  return (Object.keys(HEALTHY) as (keyof EndpointHealth)[]).every((key) => {
    const [x, y] = [a[key], b[key]];
    return typeof x === 'object' && typeof y === 'object' && x && y ? spelling(x) === spelling(y) : x === y;
  });
}

/** Opened later wins, then the later end: an order in which any two values have a greatest, so merging may come in any order. */
function laterRetryAfter(
  a: EndpointHealth,
  b: EndpointHealth,
): Pick<EndpointHealth, 'retryAfterUntil' | 'retryAfterUrl' | 'openedAt'> {
  const order =
    a.openedAt - b.openedAt || a.retryAfterUntil - b.retryAfterUntil || (a.retryAfterUrl > b.retryAfterUrl ? 1 : -1);
  const { retryAfterUntil: until, retryAfterUrl, openedAt } = order > 0 ? a : b;
  return { retryAfterUntil: until, retryAfterUrl, openedAt };
}

/** The one learnt last; of two at once the one whose spelling is greater, so that the order of merging does not matter. */
function latest<T extends object>(a: T | null, b: T | null, at: (value: T) => number): T | null {
  if (a === null || b === null) return a ?? b;
  if (at(a) !== at(b)) return at(a) > at(b) ? a : b;
  return spelling(a) >= spelling(b) ? a : b;
}

function spelling(value: object): string {
  return JSON.stringify(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1)));
}
