import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type EndpointHealth,
  HEALTHY,
  mergeHealth,
  operatorWord,
  retryAfterUntil,
  retryAfterWord,
  sameHealth,
  stateOf,
} from '../../src/core/endpoint-health.ts';
import { decodeHealth, encodeHealth } from '../../src/kafka/internal-codec.ts';

const time = fc.integer({ min: 0, max: 6 });
const hold = fc.option(fc.record({ since: time, until: time, pauseMs: time }));
const health: fc.Arbitrary<EndpointHealth> = fc.record({
  retryAfterUntil: time,
  retryAfterUrl: fc.constantFrom('', 'u', 'v'),
  openedAt: time,
  breaker: hold,
  unauthorized: hold,
  provenAt: time,
  gone: fc.option(fc.record({ definition: fc.constantFrom('a', 'b'), at: time })),
  operator: fc.option(fc.record({ paused: fc.boolean(), at: time })),
});

test('words merge to the same in any order and any number of times', () => {
  const run = fc.property(health, health, health, (a, b, c) => {
    expect(mergeHealth(a, b)).toEqual(mergeHealth(b, a));
    expect(mergeHealth(mergeHealth(a, b), c)).toEqual(mergeHealth(a, mergeHealth(b, c)));
    const merged = mergeHealth(a, b);
    expect(mergeHealth(merged, a)).toEqual(merged);
    expect(sameHealth(merged, mergeHealth(merged, b))).toBe(true);
  });
  fc.assert(run, { numRuns: 500 });
});

test('a hold counts until a probe that began later ends it, and the one learnt last counts', () => {
  const first = { ...HEALTHY, breaker: { since: 10, until: 15, pauseMs: 5 } };
  const second = { ...HEALTHY, breaker: { since: 20, until: 30, pauseMs: 10 } };
  expect(mergeHealth(first, second).breaker).toEqual(second.breaker);
  expect(mergeHealth(second, { ...HEALTHY, provenAt: 19 }).breaker).toEqual(second.breaker);
  expect(mergeHealth(second, { ...HEALTHY, provenAt: 20 }).breaker).toBeNull();
  expect(sameHealth(first, second)).toBe(false);
});

test('no probe ends Retry-After: the later end counts', () => {
  const merged = mergeHealth({ ...HEALTHY, retryAfterUntil: 50 }, { ...HEALTHY, retryAfterUntil: 40, provenAt: 60 });
  expect(merged.retryAfterUntil).toBe(50);
});

test('a resume ends the Retry-After that was known, however long, and a later one counts again', () => {
  const url = 'u';
  const asked = retryAfterWord(HEALTHY, { until: 900, url, now: 10 });
  const resumed = mergeHealth(asked, operatorWord(false, 20));
  expect(retryAfterUntil(resumed, { url })).toBe(0);
  const again = mergeHealth(resumed, retryAfterWord(resumed, { until: 50, url, now: 30 }));
  expect(retryAfterUntil(again, { url })).toBe(50);
  expect(mergeHealth(again, asked)).toEqual(again);
  expect(mergeHealth(again, operatorWord(true, 40)).retryAfterUntil).toBe(50);
});

test('for any words about one URL, the last resume wins and after it the later end', () => {
  const asked = fc
    .record({ until: fc.integer({ min: 1, max: 99 }), now: time })
    .map((one) => ({ ...one, resume: false }));
  const resume = time.map((now) => ({ until: 0, now, resume: true }));
  const run = fc.property(fc.array(fc.oneof(asked, resume)), fc.infiniteStream(fc.nat()), (steps, order) => {
    const words: EndpointHealth[] = [];
    let known = HEALTHY;
    let expected = 0;
    for (const { until, now, resume: isResume } of steps) {
      const at = Math.max(now, known.openedAt + 1);
      const word = isResume ? operatorWord(false, at) : retryAfterWord(known, { until, url: 'u', now });
      expected = isResume ? 0 : Math.max(expected, until);
      known = mergeHealth(known, word);
      words.splice((order.next().value ?? 0) % (words.length + 1), 0, word);
    }
    expect(retryAfterUntil(words.reduce(mergeHealth, HEALTHY), { url: 'u' })).toBe(expected);
  });
  fc.assert(run);
});

test('Retry-After counts for the URL that asked for it, and what another URL asks for since replaces it', () => {
  const former = retryAfterWord(HEALTHY, { until: 900, url: 'u', now: 10 });
  expect([retryAfterUntil(former, { url: 'u' }), retryAfterUntil(former, { url: 'v' })]).toEqual([900, 0]);
  expect(retryAfterUntil(former, { url: null })).toBe(900);
  const both = mergeHealth(former, retryAfterWord(former, { until: 50, url: 'v', now: 20 }));
  expect([retryAfterUntil(both, { url: 'u' }), retryAfterUntil(both, { url: 'v' })]).toEqual([0, 50]);
  expect(retryAfterUntil({ ...HEALTHY, retryAfterUntil: 70 }, { url: 'v' })).toBe(70);
});

test("the operator's last word counts, and an end of a pause ends what only a probe could end", () => {
  const gone = { ...HEALTHY, gone: { definition: 'x', at: 10 } };
  const paused = mergeHealth(gone, operatorWord(true, 20));
  expect(paused).toMatchObject({ operator: { paused: true }, gone: { definition: 'x' } });
  expect(mergeHealth(paused, operatorWord(false, 30))).toMatchObject({ operator: { paused: false }, gone: null });
});

test('what holds an endpoint is told in the order of who must act, and a 410 counts for the definition that it was said to', () => {
  const defined = { enabled: true, definition: 'x', url: 'u' };
  const hold = { since: 10, until: 20, pauseMs: 10 };
  const all = { ...HEALTHY, retryAfterUntil: 50, breaker: hold, unauthorized: hold };
  const health = { ...all, gone: { definition: 'x', at: 10 }, operator: { paused: true, at: 10 } };
  expect(stateOf(health, { ...defined, enabled: false }, 30)).toBe('disabled');
  expect(stateOf(health, defined, 30)).toBe('operator');
  expect(stateOf({ ...health, operator: null }, defined, 30)).toBe('gone');
  expect(stateOf({ ...health, operator: null }, { ...defined, definition: null }, 30)).toBe('gone');
  expect(stateOf({ ...health, operator: null }, { ...defined, definition: 'y' }, 30)).toBe('retry-after');
  const ungone = { ...health, operator: null, gone: null };
  expect(stateOf(ungone, defined, 50)).toBe('unauthorized');
  expect(stateOf({ ...ungone, unauthorized: null }, defined, 50)).toBe('breaker');
  expect(stateOf({ ...ungone, retryAfterUrl: 'v' }, defined, 30)).toBe('unauthorized');
  expect(stateOf(HEALTHY, defined, 50)).toBe('open');
});

test('a word survives its encoding', () => {
  const run = fc.property(health, (word) => {
    expect(decodeHealth(encodeHealth(word))).toEqual(word);
  });
  fc.assert(run);
});

test('a word of the format before says no URL, and counts for any', () => {
  // 1: retryAfterUntil 5, no breaker, not unauthorized, provenAt 3, not gone, no word of the operator
  const first = Buffer.from([1, 10, 0, 0, 6, 0, 0]);
  expect(decodeHealth(first)).toEqual({ ...HEALTHY, retryAfterUntil: 5, provenAt: 3 });
  expect(encodeHealth(HEALTHY)[0]).toBe(2);
});
