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

test('a series that is forgotten goes, or its part of the shared one, which goes with the last part', () => {
  const counts = new CountingMeter();
  const meter = new EndpointMeter(counts, 1);
  for (const endpoint of ['a', 'b', 'c']) meter.gauge('pending', { endpoint }, 2);
  meter.forget('pending', { endpoint: 'a' });
  meter.forget('pending', { endpoint: 'b' });
  meter.forget('pending', { endpoint: 'nobody' });
  expect(Object.fromEntries(counts.counts)).toEqual({ 'pending other': 2 });
  meter.forget('pending', { endpoint: 'c' });
  meter.forget('lag_records', { stage: 'deliver' });
  expect([...counts.counts]).toEqual([]);
});

test('an endpoint that is no more takes all of its series with it, and its label is free for the next one', () => {
  const counts = new CountingMeter();
  const meter = new EndpointMeter(counts, 1);
  for (const endpoint of ['a', 'b', 'c']) {
    meter.count('attempts_total', { endpoint, outcome: 'retry' });
    meter.observe('attempt_seconds', { endpoint }, 1);
    meter.gauge('pending', { endpoint }, 2);
    meter.gauge('endpoint_state', { endpoint, state: 'open' }, 1);
  }
  meter.forgetAll('endpoint', 'a');
  expect(Object.fromEntries(counts.counts)).toEqual({
    'attempts_total other retry': 2,
    'attempt_seconds other': 2,
    'pending other': 4,
    'endpoint_state other open': 2,
  });
  meter.count('attempts_total', { endpoint: 'b', outcome: 'retry' });
  expect(Object.fromEntries(counts.counts)).toEqual({
    'attempts_total other retry': 2,
    'attempt_seconds other': 2,
    'pending other': 2,
    'endpoint_state other open': 1,
    'attempts_total b retry': 1,
    'pending b': 2,
    'endpoint_state b open': 1,
  });
  meter.forgetAll('endpoint', 'c');
  meter.forgetAll('endpoint', 'b');
  expect([...counts.counts.keys()]).toEqual(['attempts_total other retry', 'attempt_seconds other']);
});

test('endpoints that come and go one after the other leave no series behind, however many they are', () => {
  const counts = new CountingMeter();
  const meter = new EndpointMeter(counts, 3);
  for (let i = 0; i < 1_000; i++) {
    meter.count('stale_total', { endpoint: `e${i}` });
    meter.forgetAll('endpoint', `e${i}`);
  }
  expect([...counts.counts]).toEqual([]);
});

test('what is counted for the others takes nobody a label away', () => {
  const counts = new CountingMeter();
  const meter = new EndpointMeter(counts, 1);
  for (const endpoint of ['other', 'a']) meter.count('redrives_total', { endpoint, outcome: 'no-endpoint' });
  expect([...counts.counts.keys()]).toEqual(['redrives_total other no-endpoint', 'redrives_total a no-endpoint']);
});
