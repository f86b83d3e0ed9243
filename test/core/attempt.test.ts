import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AttemptResult,
  backoffMs,
  FAILURE_KINDS,
  FAILURE_OUTCOMES,
  type FailureKind,
  giveUp,
  OUTCOME_KINDS,
  type OutcomeKey,
  type OutcomeKind,
  type Overrides,
  outcomeOf,
  RETRY_AFTER_CAP_MS,
  retryAfterMs,
  STATUS_CLASSES,
} from '../../src/core/attempt.ts';

const answered = (status: number): AttemptResult => ({ kind: 'answer', status, retryAfter: null });
const NONE: Overrides = new Map();

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

const KEYS = [...STATUS_CLASSES, ...FAILURE_KINDS];
const failed = (kind: FailureKind): AttemptResult => (kind === 'timeout' ? { kind } : { kind, code: 'ECODE' });

test.each([
  ['2xx', [200, 201, 204, 299]],
  ['3xx', [300, 302, 304, 399]],
  ['4xx', [400, 401, 403, 404, 408, 410, 425, 429, 499]],
  ['5xx', [500, 503, 599]],
] as const)('%s stands for each status of the class, whatever it means without, and for no other', (name, statuses) => {
  for (const kind of OUTCOME_KINDS) {
    const overrides: Overrides = new Map([[name, kind]]);
    for (const status of statuses) expect(outcomeOf(answered(status), overrides)).toMatchObject({ kind, status });
    for (let status = 100; status < 700; status += 1) {
      if (Math.floor(status / 100) === Number(name[0])) continue;
      expect(outcomeOf(answered(status), overrides)).toEqual(outcomeOf(answered(status), NONE));
    }
  }
});

test('a status wins over its class, wherever the two stand', () => {
  const entries: [OutcomeKey, OutcomeKind][] = [
    ['5xx', 'refused'],
    [503, 'retry'],
  ];
  for (const overrides of [new Map(entries), new Map([...entries].reverse())]) {
    expect([500, 503].map((status) => outcomeOf(answered(status), overrides).kind)).toEqual(['refused', 'retry']);
  }
});

test.each(FAILURE_KINDS)('a failure of kind %s means what the endpoint says, and its code stays', (kind) => {
  const plain = outcomeOf(failed(kind), NONE);
  expect(plain).toEqual({ kind: 'retry', code: kind === 'timeout' ? kind : `${kind}-ECODE`, status: null });
  for (const meaning of FAILURE_OUTCOMES[kind]) {
    expect(outcomeOf(failed(kind), new Map([[kind, meaning]]))).toEqual({ ...plain, kind: meaning });
    for (const other of FAILURE_KINDS) {
      if (other !== kind) expect(outcomeOf(failed(other), new Map([[kind, meaning]])).kind).toBe('retry');
    }
  }
});

test('every result has exactly one outcome under any overrides, and what was withheld is always tried again', () => {
  const key = fc.oneof(fc.integer({ min: 200, max: 599 }), fc.constantFrom(...KEYS));
  const overrides = fc.array(fc.tuple(key, fc.constantFrom(...OUTCOME_KINDS))).map((entries) => new Map(entries));
  const result: fc.Arbitrary<AttemptResult> = fc.oneof(
    fc.integer({ min: 0, max: 999 }).map(answered),
    fc.constantFrom(...FAILURE_KINDS).map(failed),
  );
  const run = fc.property(result, overrides, (ended, given) => {
    expect(OUTCOME_KINDS).toContain(outcomeOf(ended, given).kind);
    expect(outcomeOf({ kind: 'withheld' }, given).kind).toBe('retry');
  });
  fc.assert(run);
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
