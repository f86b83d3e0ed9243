import { expect, test } from 'vitest';
import { EndpointMeter } from '../../src/delivery/endpoint-meter.ts';
import { CountingMeter } from '../support/counting-meter.ts';

test('the first endpoints keep their own label, the others share one that shows what they hold together', () => {
  const counts = new CountingMeter();
  const meter = new EndpointMeter(counts, 2);
  for (const endpoint of ['a', 'b', 'c', 'd', 'a']) {
    meter.count('attempts_total', { endpoint });
    meter.observe('attempt_seconds', { endpoint }, 1);
  }
  for (const [endpoint, pending, since] of [
    ['a', 1, 9],
    ['c', 2, 0],
    ['d', 4, 7],
    ['c', 3, 8],
  ] as const) {
    meter.gauge('pending', { endpoint }, pending);
    meter.gauge('pending_since_seconds', { endpoint }, since);
  }
  meter.gauge('lag_records', { stage: 'deliver' }, 5);
  expect(Object.fromEntries(counts.counts)).toEqual({
    'attempts_total a': 2,
    'attempts_total b': 1,
    'attempts_total other': 2,
    'attempt_seconds a': 2,
    'attempt_seconds b': 1,
    'attempt_seconds other': 2,
    'pending a': 1,
    'pending other': 7,
    'pending_since_seconds a': 9,
    'pending_since_seconds other': 7,
    'lag_records deliver': 5,
  });
});

test('states are summed one by one, and nothing pending anywhere is shown as nothing', () => {
  const counts = new CountingMeter();
  const meter = new EndpointMeter(counts, 0);
  for (const endpoint of ['a', 'b']) {
    meter.gauge('endpoint_state', { endpoint, state: 'open' }, endpoint === 'a' ? 1 : 0);
    meter.gauge('endpoint_state', { endpoint, state: 'breaker' }, 1);
    meter.gauge('pending_since_seconds', { endpoint }, 0);
  }
  expect([...counts.counts]).toEqual([
    ['endpoint_state other open', 1],
    ['endpoint_state other breaker', 2],
    ['pending_since_seconds other', 0],
  ]);
});

test('an endpoint that is forgotten takes its own series with it, or its part of the shared one', () => {
  const counts = new CountingMeter();
  const meter = new EndpointMeter(counts, 1);
  for (const endpoint of ['a', 'b', 'c']) meter.gauge('pending', { endpoint }, 2);
  meter.forget('pending', { endpoint: 'a' });
  meter.forget('pending', { endpoint: 'b' });
  expect(Object.fromEntries(counts.counts)).toEqual({ 'pending other': 2 });
});
