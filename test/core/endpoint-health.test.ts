import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type EndpointHealth,
  HEALTHY,
  mergeHealth,
  operatorWord,
  sameHealth,
  stateOf,
} from '../../src/core/endpoint-health.ts';
import { decodeHealth, encodeHealth } from '../../src/kafka/internal-codec.ts';

const time = fc.integer({ min: 0, max: 6 });
const hold = fc.option(fc.record({ since: time, until: time, pauseMs: time }));
const health: fc.Arbitrary<EndpointHealth> = fc.record({
  retryAfterUntil: time,
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

test('Retry-After is ended by nothing but time: the later end counts', () => {
  const merged = mergeHealth({ ...HEALTHY, retryAfterUntil: 50 }, { ...HEALTHY, retryAfterUntil: 40, provenAt: 60 });
  expect(merged.retryAfterUntil).toBe(50);
});

test("the operator's last word counts, and an end of a pause ends what only a probe could end", () => {
  const gone = { ...HEALTHY, gone: { definition: 'x', at: 10 } };
  const paused = mergeHealth(gone, operatorWord(true, 20));
  expect(paused).toMatchObject({ operator: { paused: true }, gone: { definition: 'x' } });
  expect(mergeHealth(paused, operatorWord(false, 30))).toMatchObject({ operator: { paused: false }, gone: null });
});

test('what holds an endpoint is told in the order of who must act, and a 410 counts for the definition that it was said to', () => {
  const defined = { enabled: true, definition: 'x' };
  const hold = { since: 10, until: 20, pauseMs: 10 };
  const all = { retryAfterUntil: 50, breaker: hold, unauthorized: hold, provenAt: 0 };
  const health = { ...all, gone: { definition: 'x', at: 10 }, operator: { paused: true, at: 10 } };
  expect(stateOf(health, { ...defined, enabled: false }, 30)).toBe('disabled');
  expect(stateOf(health, defined, 30)).toBe('operator');
  expect(stateOf({ ...health, operator: null }, defined, 30)).toBe('gone');
  expect(stateOf({ ...health, operator: null }, { ...defined, definition: null }, 30)).toBe('gone');
  expect(stateOf({ ...health, operator: null }, { ...defined, definition: 'y' }, 30)).toBe('retry-after');
  const ungone = { ...health, operator: null, gone: null };
  expect(stateOf(ungone, defined, 50)).toBe('unauthorized');
  expect(stateOf({ ...ungone, unauthorized: null }, defined, 50)).toBe('breaker');
  expect(stateOf(HEALTHY, defined, 50)).toBe('open');
});

test('a word survives its encoding', () => {
  const run = fc.property(health, (word) => {
    expect(decodeHealth(encodeHealth(word))).toEqual(word);
  });
  fc.assert(run);
});
