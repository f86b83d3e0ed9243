/** The rules that act on an endpoint as a whole, one by one, with time given by hand. */
import { expect, test } from 'vitest';
import { type AttemptResult, type OutcomeKey, type OutcomeKind, outcomeOf } from '../../src/core/attempt.ts';
import { HEALTHY, operatorWord } from '../../src/core/endpoint-health.ts';
import { urlDigest } from '../../src/delivery/definition.ts';
import { LaneGate } from '../../src/delivery/lane-gate.ts';
import { OK, status, TIMEOUT, testEndpoint } from '../support/deliver-world.ts';

const START = 1_000_000;
const breaker = { failures: 3, baseMs: 5000, capMs: 12_000 };
const RESET: AttemptResult = { kind: 'network', code: 'ECONNRESET' };

function gateOf(overrides: Parameters<typeof testEndpoint>[0] = {}) {
  const gate = new LaneGate(testEndpoint({ breaker, ...overrides }), 'definition-1');
  let lead = 0;
  const end = (result: AttemptResult, now: number, more: { startedAt?: number; leadId?: string } = {}): boolean => {
    lead += 1;
    const { startedAt = now - 10, leadId = String(lead) } = more;
    return gate.ended({ leadId, outcome: outcomeOf(result, overrides.outcomes ?? new Map()), result, startedAt }, now);
  };
  return { gate, end };
}

test('the breaker opens after failures in a row of several leads, each of them without an answer or with a 5xx', () => {
  const { gate, end } = gateOf();
  expect([end(RESET, START), end(TIMEOUT, START), end(status(503), START)]).toEqual([false, false, true]);
  expect([gate.state(START), gate.opensAt(START), gate.probing]).toEqual(['breaker', START + 5000, true]);
});

test('an endpoint that does not answer opens the breaker also where its deliveries are not tried again, and proves nothing', () => {
  const { gate, end } = gateOf({ outcomes: new Map([['network', 'refused']]) });
  for (let i = 0; i < 3; i += 1) end(RESET, START);
  expect(gate.state(START)).toBe('breaker');
  end(RESET, START + 5010, { startedAt: START + 5000 });
  expect([gate.state(START + 5010), gate.opensAt(START + 5010)]).toEqual(['breaker', START + 15_010]);
});

test('a failure or status that the endpoint calls unauthorized pauses it like a 401', () => {
  const { gate, end } = gateOf({
    outcomes: new Map<OutcomeKey, OutcomeKind>([
      ['tls', 'unauthorized'],
      [404, 'unauthorized'],
    ]),
  });
  end({ kind: 'tls', code: 'CERT_HAS_EXPIRED' }, START);
  expect([gate.state(START), gate.opensAt(START)]).toEqual(['unauthorized', START + 30_000]);
  end(OK, START + 30_010, { startedAt: START + 30_000 });
  end(status(404), START + 40_000);
  expect(gate.state(START + 40_000)).toBe('unauthorized');
});

test('one lead that fails again and again does not open it, and neither do failures that are not in a row', () => {
  const { gate, end } = gateOf();
  for (let i = 0; i < 50; i += 1) end(status(500), START, { leadId: '7' });
  expect(gate.state(START)).toBe('open');
  for (let i = 0; i < 50; i += 1) end(i % 2 === 0 ? status(500) : OK, START);
  for (let i = 0; i < 50; i += 1) end(status(i % 2 === 0 ? 404 : 429), START);
  expect(gate.state(START)).toBe('open');
});

test('each failed probe doubles the pause up to the cap; what began before the breaker opened does not', () => {
  const { gate, end } = gateOf();
  for (let i = 0; i < 3; i += 1) end(TIMEOUT, START);
  for (let i = 0; i < 16; i += 1) end(TIMEOUT, START + 100, { startedAt: START - 50 });
  expect(gate.opensAt(START)).toBe(START + 5000);
  expect(end(RESET, START + 5010, { startedAt: START + 5000 })).toBe(true);
  expect(gate.opensAt(START)).toBe(START + 15_010);
  end(RESET, START + 15_020, { startedAt: START + 15_010 });
  expect(gate.opensAt(START)).toBe(START + 27_020);
});

test.each([OK, status(404), status(429)])('a probe that is answered by the endpoint itself closes it: %j', (answer) => {
  const { gate, end } = gateOf();
  for (let i = 0; i < 3; i += 1) end(TIMEOUT, START);
  end(OK, START + 100, { startedAt: START - 50 });
  expect(gate.state(START)).toBe('breaker');
  expect(end(answer, START + 5010, { startedAt: START + 5000 })).toBe(true);
  expect([gate.state(START + 5010), gate.probing]).toEqual(['open', false]);
});

test.each([
  [status(429, '30'), 30_000],
  [status(503, '30'), 30_000],
  [status(429, new Date(START + 60_000).toUTCString()), 60_000],
  [status(429, '999999999'), 24 * 3_600_000],
])('Retry-After holds the whole endpoint: %j', (answer, waitMs) => {
  const { gate, end } = gateOf();
  expect(end(answer, START)).toBe(true);
  expect([gate.state(START), gate.opensAt(START), gate.probing]).toEqual(['retry-after', START + waitMs, false]);
  expect(gate.state(START + waitMs)).toBe('open');
});

test('a changed URL ends Retry-After, be it after a restart; any other change of the definition does not', () => {
  const { gate, end } = gateOf();
  end(status(429, '86400'), START);
  const changed = testEndpoint({ breaker, enabled: true, url: new URL('https://other.example.com/hooks') });
  const at = { changed: true, now: START + 50 };
  gate.define(testEndpoint({ breaker, version: 'v2' }), { ...at, definition: 'definition-2' });
  expect(gate.state(START + 50)).toBe('retry-after');
  gate.define(changed, { ...at, definition: 'definition-3' });
  expect([gate.state(START + 50), gate.opensAt(START + 50)]).toEqual(['open', START + 50]);
  const restarted = new LaneGate(changed, 'definition-3');
  restarted.learn(gate.health);
  expect(restarted.opensAt(START + 50)).toBeLessThanOrEqual(START + 50);
  end(status(429, '30'), START + 60, { startedAt: START + 55 });
  expect(gate.opensAt(START + 60)).toBe(START + 30_060);
  gate.learn({ ...HEALTHY, retryAfterUntil: START + 86_400_000, retryAfterUrl: urlDigest(testEndpoint()) });
  expect(gate.opensAt(START + 60)).toBe(START + 30_060);
});

test('Retry-After that was said to a request of before the URL changed says nothing of the new one', () => {
  const { gate, end } = gateOf();
  const url = new URL('https://other.example.com/hooks');
  gate.define(testEndpoint({ breaker, url }), { definition: 'definition-2', changed: true, now: START });
  expect(end(status(429, '30'), START + 10, { startedAt: START - 5 })).toBe(false);
  expect(gate.state(START + 10)).toBe('open');
});

test("the operator's resume opens the endpoint at once, whatever held it", () => {
  const { gate, end } = gateOf();
  for (let i = 0; i < 3; i += 1) end(status(503, '3600'), START);
  end(status(401), START);
  gate.learn(operatorWord(true, START + 10));
  gate.learn(operatorWord(false, START + 20));
  expect([gate.state(START + 20), gate.probing]).toEqual(['open', false]);
  expect(gate.opensAt(START + 20)).toBeLessThanOrEqual(START + 20);
});

test('Retry-After of an answer that says neither 429 nor 503, or one in the past, holds nobody', () => {
  const { gate, end } = gateOf();
  end(status(500, '30'), START);
  end(status(429, '0'), START);
  end(status(429, 'soon'), START);
  expect(gate.opensAt(START)).toBe(START);
});

test.each([401, 403])('%i pauses the endpoint, probed slowly, until a probe succeeds', (code) => {
  const { gate, end } = gateOf();
  expect(end(status(code), START)).toBe(true);
  expect([gate.state(START), gate.opensAt(START), gate.probing]).toEqual(['unauthorized', START + 30_000, true]);
  end(status(code), START + 30_010, { startedAt: START + 30_000 });
  expect(gate.opensAt(START)).toBe(START + 90_010);
  end(OK, START + 90_020, { startedAt: START + 90_015 });
  expect(gate.state(START + 90_020)).toBe('open');
});

test('a changed definition, be it only the token, deserves a new try at once', () => {
  const { gate, end } = gateOf();
  end(status(401), START);
  gate.define(testEndpoint(), { definition: 'definition-1', changed: true, now: START + 50 });
  expect([gate.state(START + 50), gate.health.provenAt]).toEqual(['open', START + 50]);
});

test('a hold for 401 of before a restart does not keep the first attempt back, which may have another token; it is a single probe', () => {
  const { gate, end } = gateOf();
  const unauthorized = { since: START, until: START + 1_800_000, pauseMs: 1_800_000 };
  gate.learn({ ...HEALTHY, unauthorized });
  expect([gate.state(START + 10), gate.opensAt(START + 10), gate.probing]).toEqual(['unauthorized', START + 10, true]);
  gate.started(START + 10);
  expect(gate.opensAt(START + 10)).toBe(START + 1_800_000);
  end(status(401), START + 20, { startedAt: START + 10 });
  expect(gate.opensAt(START + 20)).toBe(START + 20 + 1_800_000);
  gate.define(testEndpoint({ breaker }), { definition: 'definition-1', changed: true, now: START + 50 });
  gate.learn({ ...HEALTHY, unauthorized: { ...unauthorized, since: START + 60 } });
  expect([gate.state(START + 70), gate.opensAt(START + 70)]).toEqual(['unauthorized', START + 70]);
});

test('neither Retry-After nor the breaker of before a restart lets a probe go early', () => {
  const { gate } = gateOf();
  gate.learn({ ...HEALTHY, breaker: { since: START, until: START + 5000, pauseMs: 5000 } });
  expect(gate.opensAt(START)).toBe(START + 5000);
  gate.learn({ ...HEALTHY, retryAfterUntil: START + 9000 });
  expect(gate.opensAt(START)).toBe(START + 9000);
});

test.each([401, 410])('%i to a request of before the definition changed says nothing of the new one', (code) => {
  const { gate, end } = gateOf();
  gate.define(testEndpoint({ breaker }), { definition: 'definition-2', changed: true, now: START });
  expect(end(status(code), START + 10, { startedAt: START - 5 })).toBe(false);
  expect(gate.state(START + 10)).toBe('open');
  expect(end(status(code), START + 20, { startedAt: START })).toBe(true);
});

test('410 disables the definition that was answered, not the id', () => {
  const { gate, end } = gateOf();
  expect(end(status(410), START)).toBe(true);
  expect([gate.gone, gate.state(START), gate.opensAt(START)]).toEqual([true, 'gone', Number.POSITIVE_INFINITY]);
  gate.define(testEndpoint(), { definition: 'definition-2', changed: true, now: START });
  expect([gate.gone, gate.state(START)]).toEqual([false, 'open']);
  gate.define(testEndpoint(), { definition: 'definition-1', changed: true, now: START });
  expect(gate.gone).toBe(true);
});

test('what other processes learnt holds here too, and an operator pauses for as long as he wants', () => {
  const { gate } = gateOf();
  gate.learn({ ...HEALTHY, retryAfterUntil: START + 500 });
  expect(gate.opensAt(START)).toBe(START + 500);
  gate.learn({ ...HEALTHY, operator: { paused: true, at: START } });
  expect([gate.state(START), gate.opensAt(START)]).toEqual(['operator', Number.POSITIVE_INFINITY]);
  gate.forget();
  expect(gate.state(START)).toBe('open');
});

test('a breaker opens although a probe was dated ahead by another clock', () => {
  const { gate, end } = gateOf();
  gate.learn({ ...HEALTHY, provenAt: START + 3000 });
  for (let i = 0; i < 3; i += 1) end(TIMEOUT, START);
  expect(gate.opensAt(START)).toBe(START + 8001);
});

test('the rate limit counts attempts that start', () => {
  const { gate } = gateOf({ limits: { concurrency: 4, ratePerSecond: 2, timeoutMs: 1000 } });
  expect(gate.opensAt(START)).toBeLessThanOrEqual(START);
  gate.started(START);
  expect(gate.opensAt(START)).toBe(START + 500);
  gate.share(0.5);
  expect(gate.opensAt(START)).toBe(START + 1000);
});

test('only what nothing answers looks like our own way out', () => {
  const { gate, end } = gateOf();
  for (let i = 0; i < 3; i += 1) end(status(500), START);
  expect(gate.unreachable).toBe(false);
  end(RESET, START + 5010, { startedAt: START + 5000 });
  expect(gate.unreachable).toBe(true);
});
