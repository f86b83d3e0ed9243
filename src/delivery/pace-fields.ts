/**
 * The fields of an endpoint that say how fast and how often: limits, retry and breaker, with their bounds and defaults.
 */
import type { Endpoint } from './endpoint.ts';
import type { Fields } from './yaml-fields.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const MS = 'milliseconds';
const TIMEOUT_DEFAULT_MS = 15_000;
/** What an attempt may take with the default session timeout of the group. */
const TIMEOUT_MAX_MS = 21_000;

/**
 * `limits`. An attempt must end while the group still takes this process for alive, so `timeoutMsMax` (ms) bounds the timeout
 * and its default; null = the bound for the default session timeout.
 */
export function readLimits(fields: Fields, timeoutMsMax: number | null): Endpoint['limits'] {
  const limits = fields.fields('limits');
  const max = timeoutMsMax ?? TIMEOUT_MAX_MS;
  const concurrency = limits?.integer('concurrency', { min: 1, max: 1000, unit: 'requests in flight' }) ?? 16;
  const timeoutMs = limits?.integer('timeoutMs', { min: 100, max, unit: MS }) ?? Math.min(TIMEOUT_DEFAULT_MS, max);
  const ratePerSecond = limits?.number('ratePerSecond', { min: 0.001, max: 10_000, unit: 'requests' }) ?? null;
  limits?.finish();
  return { concurrency, ratePerSecond, timeoutMs };
}

/** `retry`. */
export function readRetry(fields: Fields): Endpoint['retry'] {
  const retry = fields.fields('retry');
  const baseMs = retry?.integer('baseMs', { min: 1, max: 3_600_000, unit: MS }) ?? 5000;
  const capMs = retry?.integer('capMs', { min: 1, max: DAY_MS, unit: MS }) ?? Math.max(3_600_000, baseMs);
  const giveUpAfterMs = retry?.integer('giveUpAfterMs', { min: 0, max: 30 * DAY_MS, unit: MS }) ?? 3 * DAY_MS;
  if (capMs < baseMs) retry?.mistake('capMs', `must not be below baseMs (${baseMs})`);
  retry?.finish();
  return { baseMs, capMs, giveUpAfterMs };
}

/** `breaker`. */
export function readBreaker(fields: Fields): Endpoint['breaker'] {
  const breaker = fields.fields('breaker');
  const failures = breaker?.integer('failures', { min: 1, max: 10_000, unit: 'failures' }) ?? 10;
  const baseMs = breaker?.integer('baseMs', { min: 1, max: 3_600_000, unit: MS }) ?? 5000;
  const capMs = breaker?.integer('capMs', { min: 1, max: DAY_MS, unit: MS }) ?? Math.max(300_000, baseMs);
  if (capMs < baseMs) breaker?.mistake('capMs', `must not be below baseMs (${baseMs})`);
  breaker?.finish();
  return { failures, baseMs, capMs };
}
