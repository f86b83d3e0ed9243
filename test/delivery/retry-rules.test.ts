import { expect, test } from 'vitest';
import { outcomeOf } from '../../src/core/attempt.ts';
import { HEALTHY } from '../../src/core/endpoint-health.ts';
import { Lanes } from '../../src/delivery/lanes.ts';
import { type Delivery, newDelivery, Pair } from '../../src/delivery/pair.ts';
import { requestOf } from '../../src/delivery/post.ts';
import { agesOf, hopeless, nextDueAt } from '../../src/delivery/retry-rules.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { outbound, status, testEndpoint } from '../support/deliver-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const clock = new VirtualClock();
const NOW = clock.now();
const retry = { baseMs: 1000, capMs: 4000, giveUpAfterMs: 60_000 };
const NONE = new Map();

function deliveryOf(more: Partial<Delivery> = {}): { delivery: Delivery; lanes: Lanes } {
  const lanes = new Lanes([testEndpoint({ retry })], { log: silentLog, meter: silentMeter, clock });
  const lane = lanes.get('crm');
  if (!lane) throw new Error('the endpoint has a lane');
  const pair = new Pair({ key: 'crm|1', lane, leadId: '1' }, () => false);
  const delivery = {
    ...newDelivery(pair, outbound({ revision: 7, value: Buffer.from('frame{}'), bodyStart: 5 }), NOW),
    ...more,
  };
  pair.waiting = delivery;
  return { delivery, lanes };
}

test('what is refused or gone is not tried again, nor what has failed for too long; all else is', () => {
  const { delivery, lanes } = deliveryOf({ firstFailureAt: NOW - 59_999 });
  const why = (code: number, now = NOW): string | null =>
    hopeless(delivery, outcomeOf(status(code), NONE), now)?.code ?? null;
  expect([why(404), why(410), why(503), why(401), why(503, NOW + 1)]).toEqual([
    'refused',
    'gone',
    null,
    null,
    'gave-up',
  ]);
  lanes.replace([]);
  expect(why(503)).toBe('endpoint-removed');
});

test('the dead letter of a failure without an answer does not say that the endpoint answered', () => {
  const { delivery } = deliveryOf();
  const outcome = outcomeOf({ kind: 'dns', code: 'ENOTFOUND' }, new Map([['dns', 'refused']]));
  const message = 'dns-ENOTFOUND is not tried again for this endpoint';
  expect(hopeless(delivery, outcome, NOW)).toEqual({ code: 'refused', message });
});

test('the next attempt waits for the backoff or for what was asked, whichever is longer; a held lane waits by itself', () => {
  const { delivery } = deliveryOf({ failures: 2 });
  const due = (code: number, retryAfter: string | null): number => {
    const result = status(code, retryAfter);
    return nextDueAt(delivery, { outcome: outcomeOf(result, NONE), result, now: NOW }, () => 1) - NOW;
  };
  expect([due(500, null), due(500, '1'), due(500, '5'), due(401, null)]).toEqual([2000, 2000, 5000, 0]);
  // The lane keeps these, and may be opened before.
  expect([due(503, '3600'), due(429, '3600')]).toEqual([2000, 2000]);
});

test('what waits behind a held lane for too long is hopeless; of the rest the oldest is known', () => {
  const { delivery, lanes } = deliveryOf({ pending: true, since: NOW - 60_000 });
  const { lane } = delivery.pair;
  expect(agesOf([delivery.pair], NOW)).toEqual({ hopeless: [], oldest: new Map([[lane, NOW - 60_000]]) });
  lanes.learn('crm', { ...HEALTHY, retryAfterUntil: NOW + 1 });
  expect(agesOf([delivery.pair], NOW)).toMatchObject({
    hopeless: [
      { delivery, why: { code: 'gave-up', message: 'endpoint stayed retry-after for longer than giveUpAfterMs' } },
    ],
    oldest: new Map(),
  });
});

test('a request carries the body without its framing, and the number of the attempt', () => {
  const { delivery } = deliveryOf({ attempts: 3 });
  const permitted = (): boolean => true;
  expect(requestOf(delivery, Buffer.from('frame{}'), permitted)).toEqual({
    leadId: '1',
    version: 'v3',
    revision: 7,
    attempt: 3,
    body: Buffer.from('{}'),
    traceparent: null,
    permitted,
  });
});
