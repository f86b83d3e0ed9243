import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AttemptResult,
  backoffMs,
  giveUp,
  outcomeOf,
  RETRY_AFTER_CAP_MS,
  retryAfterMs,
} from '../../src/core/attempt.ts';

const answered = (status: number): AttemptResult => ({ kind: 'answer', status, retryAfter: null });
const NONE = new Map<number, 'delivered' | 'retry' | 'refused'>();

test.each([
  ['delivered', [200, 201, 202, 204, 206, 299]],
  ['retry', [100, 101, 199, 408, 425, 429, 500, 501, 502, 503, 504, 511, 599, 600, 999]],
  ['refused', [300, 301, 302, 304, 307, 308, 400, 402, 404, 405, 409, 411, 413, 415, 418, 422, 428, 451, 499]],
  ['gone', [410]],
  ['unauthorized', [401, 403]],
])('A30: the outcome is %s for the statuses %j', (kind, statuses) => {
  for (const status of statuses) {
    expect(outcomeOf(answered(status), NONE)).toEqual({ kind, code: `http-${status}`, status });
  }
});

test.each([
  [{ kind: 'timeout' }, 'timeout'],
  [{ kind: 'dns', code: 'ENOTFOUND' }, 'dns-ENOTFOUND'],
  [{ kind: 'network', code: 'ECONNREFUSED' }, 'network-ECONNREFUSED'],
  [{ kind: 'tls', code: 'CERT_HAS_EXPIRED' }, 'tls-CERT_HAS_EXPIRED'],
] as [AttemptResult, string][])('a failure without an answer is retried: %j', (result, code) => {
  expect(outcomeOf(result, NONE)).toEqual({ kind: 'retry', code, status: null });
});

test('the overrides of an endpoint win for the statuses that they name, and for no other', () => {
  const overrides = new Map([
    [404, 'retry'],
    [410, 'refused'],
    [500, 'refused'],
    [302, 'delivered'],
  ] as const);
  const kinds = [404, 410, 500, 302, 200, 400].map((status) => outcomeOf(answered(status), overrides).kind);
  expect(kinds).toEqual(['retry', 'refused', 'refused', 'delivered', 'delivered', 'refused']);
});

const NOW = Date.UTC(2025, 10, 24, 12, 0, 0);

test.each([
  ['0', 0],
  ['120', 120_000],
  [' 5 ', 5000],
  ['99999999999999999999', RETRY_AFTER_CAP_MS],
  ['Mon, 24 Nov 2025 12:02:00 GMT', 120_000],
  ['Mon, 24 Nov 2025 11:00:00 GMT', 0],
  ['Fri, 24 Nov 2028 12:00:00 GMT', RETRY_AFTER_CAP_MS],
  ['Monday, 24-Nov-25 12:02:00 GMT', 120_000],
  ['Monday, 24-Nov-94 12:02:00 GMT', 0],
  ['Mon Nov 24 12:02:00 2025', 120_000],
  ['Mon Nov  3 12:02:00 2025', 0],
])('Retry-After %j asks for a wait of %i ms', (header, wait) => {
  expect(retryAfterMs(header, NOW)).toBe(wait);
});

test.each([
  null,
  '',
  '-1',
  '1.5',
  'soon',
  '2025-11-24T12:00:00Z',
  'Mon, 99 Nov 2025 12:00:00 GMT',
  'Mon, 24 Foo 2025 12:00:00 GMT',
])('Retry-After %j asks for nothing', (header) => {
  expect(retryAfterMs(header, NOW)).toBeNull();
});

test('Retry-After in the usual date form agrees with the platform, for any second of a century', () => {
  const second = fc.integer({ min: 0, max: 4_000_000_000 });
  fc.assert(
    fc.property(second, second, (at, now) => {
      const wait = Math.min(Math.max(at - now, 0) * 1000, RETRY_AFTER_CAP_MS);
      expect(retryAfterMs(new Date(at * 1000).toUTCString(), now * 1000)).toBe(wait);
    }),
  );
});

test('backoff has full jitter below a ceiling that doubles from the base and stops at the cap (A31)', () => {
  const limits = { baseMs: 5000, capMs: 3_600_000 };
  const ceilings = [1, 2, 3, 10, 11, 1000].map((failures) => backoffMs(failures, limits, () => 1));
  expect(ceilings).toEqual([5000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000]);
  expect(backoffMs(3, limits, () => 0)).toBe(0);
  expect(backoffMs(3, limits, () => 0.5)).toBe(10_000);
});

test('giving up comes exactly when the time is over', () => {
  expect([giveUp(1000, 1999, 1000), giveUp(1000, 2000, 1000)]).toEqual([false, true]);
});
