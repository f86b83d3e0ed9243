/** What holds an endpoint, as the commands say it. */
import { expect, test } from 'vitest';
import { holdJson, holdOf, holdText } from '../../src/bin/endpoint-holds.ts';
import { HEALTHY } from '../../src/core/endpoint-health.ts';
import { definitionDigest } from '../../src/delivery/definition.ts';
import { testEndpoint } from '../support/deliver-values.ts';

const NOW = Date.UTC(2026, 2, 1, 12);
const hold = { since: NOW - 5_000, until: NOW + 40_000, pauseMs: 45_000 };
const gone = (definition: string) => ({ ...HEALTHY, gone: { definition, at: NOW - 1_000 } });

test.each([
  [{ ...HEALTHY, retryAfterUntil: NOW + 40_000 }, 'retry-after, in 40 s'],
  [{ ...HEALTHY, breaker: hold }, 'breaker, probe in 40 s'],
  [{ ...HEALTHY, unauthorized: { ...hold, until: NOW - 1 } }, 'unauthorized, probe due'],
  [{ ...HEALTHY, operator: { paused: true, at: NOW } }, 'operator'],
  [gone(definitionDigest(testEndpoint())), 'gone'],
])('a hold is told in a few words: %#', (health, text) => {
  const found = holdOf(health, testEndpoint(), NOW);
  expect(found && holdText(found, NOW)).toBe(text);
});

test('an endpoint that is not held has none, and one that is disabled in the file is held for good', () => {
  expect(holdOf(undefined, testEndpoint(), NOW)).toBeNull();
  expect(holdOf(gone('another definition'), testEndpoint(), NOW)).toBeNull();
  const elsewhere = { ...HEALTHY, retryAfterUntil: NOW + 40_000, retryAfterUrl: 'another URL' };
  expect(holdOf(elsewhere, testEndpoint(), NOW)).toBeNull();
  expect(holdOf(undefined, testEndpoint({ enabled: false }), NOW)).toEqual({
    state: 'disabled',
    since: null,
    until: null,
  });
});

test('of an endpoint whose definition cannot be seen the topic alone speaks', () => {
  expect(holdOf(gone('some definition'), undefined, NOW)?.state).toBe('gone');
  expect(holdOf(undefined, undefined, NOW)).toBeNull();
});

test('a hold for programs has its times', () => {
  expect(holdJson(holdOf({ ...HEALTHY, breaker: hold }, testEndpoint(), NOW))).toEqual({
    state: 'breaker',
    since: '2026-03-01T11:59:55Z',
    until: '2026-03-01T12:00:40Z',
  });
  expect(holdJson(null)).toBeNull();
});
