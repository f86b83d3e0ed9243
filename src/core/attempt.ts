/**
 * Delivery policy as pure functions: what the result of an attempt means, how long to wait for the next one, and when to
 * give up. Total over every result: whatever a receiver or the network does has exactly one outcome. Nothing here waits,
 * counts or logs; `delivery/deliverer.ts` acts on it.
 */
import type { Random } from '../lib/random.ts';

/** How one attempt ended. Codes are the platform's (`ECONNREFUSED`, `CERT_HAS_EXPIRED`); texts of errors are never kept. */
export type AttemptResult =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** The header as received; null = none. */
      readonly retryAfter: string | null;
    }
  | { readonly kind: 'timeout' }
  /** Nothing was sent: this process may have lost the task (docs/semantics.md, S5), or the definition changed meanwhile. */
  | { readonly kind: 'withheld' }
  /** It may have arrived; its socket died, and this process was not allowed to repeat it. Says nothing of the endpoint. */
  | { readonly kind: 'unheard' }
  /** `address`: it is not allowed, nothing was sent. `oauth`: no access token to be had, nothing was sent. */
  | { readonly kind: 'dns' | 'network' | 'tls' | 'address' | 'oauth'; readonly code: string };

export const OUTCOME_KINDS = ['delivered', 'retry', 'refused', 'unauthorized', 'gone'] as const;
export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;
/** How an attempt ends without an answer. */
export const FAILURE_KINDS = ['timeout', 'dns', 'network', 'tls', 'address', 'oauth'] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** What an endpoint's `outcomes` may name: a status, a class of them, or a failure. */
export type OutcomeKey = number | (typeof STATUS_CLASSES)[number] | FailureKind;
/** An endpoint's `outcomes`. A status wins over its class. */
export type Overrides = ReadonlyMap<OutcomeKey, OutcomeKind>;

/**
 * What a failure may be made to mean. Without an answer nothing is delivered, and nothing says that the endpoint is gone; a pause
 * is for what somebody must mend, while an endpoint that does not answer has the breaker.
 */
export const FAILURE_OUTCOMES: Readonly<Record<FailureKind, readonly OutcomeKind[]>> = {
  timeout: ['retry', 'refused'],
  dns: ['retry', 'refused'],
  network: ['retry', 'refused'],
  tls: ['retry', 'refused', 'unauthorized'],
  address: ['retry', 'refused', 'unauthorized'],
  oauth: ['retry', 'refused', 'unauthorized'],
};

export interface Outcome {
  readonly kind: OutcomeKind;
  /** `http-503`, `timeout`, `network-ECONNREFUSED`, `address-refused`: for logs, dead letters and state. */
  readonly code: string;
  readonly status: number | null;
}

const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * The outcome of an attempt (A30): 2xx delivered; 408, 425, 429, 5xx and every failure without an answer retry; 410 gone;
 * every other 3xx and 4xx refused. 401 and 403 are unauthorized: most likely it is our token, which says nothing about the
 * payload, so the endpoint waits and nothing is lost. A refused address is retried, since the name server or the operator's list
 * of allowed ones can make it good. A status below 200 or above 599 is no HTTP answer: retry.
 * `overrides` are the endpoint's `outcomes` and win for what they name; what was withheld or is unheard of has no other meaning.
 */
export function outcomeOf(result: AttemptResult, overrides: Overrides): Outcome {
  if (result.kind === 'withheld' || result.kind === 'unheard')
    return { kind: 'retry', code: result.kind, status: null };
  if (result.kind !== 'answer') {
    const code = result.kind === 'timeout' ? result.kind : `${result.kind}-${result.code}`;
    return { kind: overrides.get(result.kind) ?? 'retry', code, status: null };
  }
  const { status } = result;
  const ofClass = STATUS_CLASSES.find((name) => Number(name[0]) === Math.floor(status / 100));
  const named = overrides.get(status) ?? (ofClass && overrides.get(ofClass));
  return { kind: named ?? kindOfStatus(status), code: `http-${status}`, status };
}

function kindOfStatus(status: number): OutcomeKind {
  if (status >= 200 && status <= 299) return 'delivered';
  if (status === 410) return 'gone';
  if (status === 401 || status === 403) return 'unauthorized';
  if (status < 200 || status >= 500 || RETRYABLE_STATUSES.has(status)) return 'retry';
  return 'refused';
}

/** Whether the Retry-After of an answer with this status is said of the endpoint as a whole, not of the one delivery. */
export function holdsEndpoint(status: number): boolean {
  return status === 429 || status === 503;
}

/** No receiver can stop us for longer than this by its Retry-After, in ms: 24 h. */
export const RETRY_AFTER_CAP_MS = 24 * 60 * 60 * 1000;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const IMF_FIXDATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC850_DATE = /^[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/**
 * The wait that a Retry-After header asks for, in ms from `now` (ms since the epoch): seconds or one of the three HTTP
 * dates (RFC 9110, 5.6.7 and 10.2.3), not negative, at most RETRY_AFTER_CAP_MS. null for none or one that says neither.
 */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, RETRY_AFTER_CAP_MS);
  const at = httpDate(text, now);
  return at === null ? null : Math.min(Math.max(at - now, 0), RETRY_AFTER_CAP_MS);
}

function httpDate(text: string, now: number): number | null {
  const imf = IMF_FIXDATE.exec(text);
  if (imf) return instant(Number(imf[3]), imf[2], imf[1], imf.slice(4, 7));
  const rfc850 = RFC850_DATE.exec(text);
  if (rfc850) return instant(fullYear(Number(rfc850[3]), now), rfc850[2], rfc850[1], rfc850.slice(4, 7));
  const asctime = ASCTIME_DATE.exec(text);
  return asctime ? instant(Number(asctime[6]), asctime[1], asctime[2], asctime.slice(3, 6)) : null;
}

/** RFC 9110: a two-digit year more than 50 years ahead means the past century. */
function fullYear(twoDigits: number, now: number): number {
  const thisYear = 1970 + Math.floor(now / (365.2425 * 24 * 60 * 60 * 1000));
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}

function instant(year: number, monthName: string | undefined, day: string | undefined, clock: string[]): number | null {
  const month = MONTHS.indexOf(monthName ?? '');
  const [hours, minutes, seconds] = clock.map(Number);
  const dayOfMonth = Number(day);
  if (month < 0 || hours === undefined || minutes === undefined || seconds === undefined) return null;
  if (dayOfMonth < 1 || dayOfMonth > 31 || hours > 23 || minutes > 59 || seconds > 60) return null;
  return Date.UTC(year, month, dayOfMonth, hours, minutes, seconds);
}

/**
 * Wait before the next attempt in ms, with full jitter: anything from 0 to `min(capMs, baseMs * 2^(failures - 1))`.
 * `failures` counts the pair's failed attempts in a row, from 1.
 */
export function backoffMs(failures: number, limits: { baseMs: number; capMs: number }, random: Random): number {
  const ceiling = Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(Math.max(failures - 1, 0), 60));
  return Math.round(random() * ceiling);
}

/** Whether a delivery that first failed at `firstFailureAt` (ms) has been tried for long enough at `now`. */
export function giveUp(firstFailureAt: number, now: number, giveUpAfterMs: number): boolean {
  return now - firstFailureAt >= giveUpAfterMs;
}
