/** The books of a task: window, pairs, state writes and report, each on its own. */
import { expect, test } from 'vitest';
import { DeliveryReport } from '../../src/delivery/delivery-report.ts';
import { Lanes } from '../../src/delivery/lanes.ts';
import { PackedValues } from '../../src/delivery/packed-values.ts';
import {
  type Delivery,
  newDelivery,
  Pair,
  pack,
  recordValue,
  restoredDelivery,
  storedDelivery,
} from '../../src/delivery/pair.ts';
import { SendWindow, type Slot } from '../../src/delivery/send-window.ts';
import { StateWrites } from '../../src/delivery/state-writes.ts';
import { packing } from '../../src/kafka/body-compression.ts';
import { type LogFields, silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { outbound, testEndpoint } from '../support/deliver-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const lanes = new Lanes([testEndpoint()], { log: silentLog, meter: silentMeter, clock: new VirtualClock() });
const pairOf = (leadId: string): Pair => {
  const lane = lanes.get('crm');
  if (!lane) throw new Error('the endpoint has a lane');
  return new Pair({ key: `crm|${leadId}`, lane, leadId }, () => false);
};

function admitted(window: SendWindow, offset: number, takenAt = 0): Delivery {
  const delivery = newDelivery(pairOf('1'), outbound({ offset }), takenAt);
  const times = { takenAt, enteredAt: takenAt };
  const slot: Slot = { offset, bytes: 10, ...times, deliveries: [delivery], count: 0, seen: null, open: 1 };
  delivery.slot = slot;
  window.advance(offset + 1);
  window.admit(slot);
  return delivery;
}

test('the position stays at the first record that is not settled, whatever is settled behind it', () => {
  const window = new SendWindow(100);
  const [first, second] = [admitted(window, 100), admitted(window, 107)];
  window.release(second);
  window.release(second);
  expect([window.leave(), window.position, window.heldByStragglers, window.bytes]).toEqual([undefined, 100, true, 10]);
  window.release(first);
  expect([window.leave()?.offset, window.leave()?.offset, window.leave()]).toEqual([100, 107, undefined]);
  expect([window.position, window.bytes]).toEqual([108, 0]);
});

test('stragglers are the open deliveries of old records alone', () => {
  const window = new SendWindow(0);
  const [old, settled, young] = [admitted(window, 0, 5), admitted(window, 1, 6), admitted(window, 2, 7)];
  window.release(settled);
  expect([...window.stragglers(6)]).toEqual([old]);
  expect([...window.stragglers(7)]).toEqual([old, young]);
});

test('a delivery survives storing and restoring, with what its backoff has grown to', () => {
  const pair = pairOf('1');
  const values = new PackedValues(packing);
  const failed = {
    ...newDelivery(pair, outbound(), 5),
    attempts: 3,
    failures: 2,
    dueAt: 9,
    firstFailureAt: 6,
    lastCode: 'timeout',
  };
  pack(failed, values);
  const restored = restoredDelivery(pair, storedDelivery(failed, values), { stateRevision: null, values });
  expect(storedDelivery(restored, values)).toEqual(storedDelivery(failed, values));
  expect(restored).toMatchObject({ pending: true, attempts: 3, failures: 2, slot: null });
  expect(recordValue(restored, values)).toEqual(outbound().value);
});

test('a pending record is written, rewritten and tombstoned once each, and never tombstoned when it was never written', () => {
  const values = new PackedValues(packing);
  const writes = new StateWrites(values);
  const pair = pairOf('1');
  const deliveries = (): unknown[] => writes.plan().pending.map(({ delivery }) => delivery?.record.revision ?? null);
  const delivery = { ...newDelivery(pair, outbound({ revision: 4 }), 0), pending: true };
  pack(delivery, values);
  pair.waiting = delivery;
  writes.touch(delivery);
  expect(deliveries()).toEqual([4]);
  expect(writes.concerns(pair)).toBe(true);
  expect([...writes.committed()]).toEqual([pair]);
  expect([[...pair.written], writes.concerns(pair)]).toEqual([[null], false]);
  pair.waiting = null;
  writes.touch(delivery);
  expect(deliveries()).toEqual([null]);
  writes.rolledBack();
  expect(deliveries()).toEqual([null]);
  expect([...writes.committed()]).toEqual([pair]);
  writes.touch(delivery);
  expect(deliveries()).toEqual([]);
});

test('the report shows neither lead nor body, and measures from the change to the delivery (S8)', () => {
  const lines: LogFields[] = [];
  const meter = new CountingMeter();
  const report = new DeliveryReport({ log: { ...silentLog, warn: (fields) => lines.push(fields) }, meter });
  const record = outbound({ leadId: '138559', offset: 7, changedAt: 1000 });
  const times = { firstFailureAt: null, lastFailureAt: null };
  report.deadLetter({ record, endpointId: 'crm', code: 'refused', message: 'm', attempts: 1, ...times, status: 404 });
  expect(lines).toEqual([
    { event: 'dead_letter', endpoint: 'crm', code: 'refused', attempts: 1, status: 404, offset: 7 },
  ]);
  const delivery = newDelivery(pairOf('138559'), record, 0);
  const result = { kind: 'answer', status: 204, retryAfter: null } as const;
  const outcome = { kind: 'delivered', code: 'http-204', status: 204 } as const;
  report.attempt(delivery, outcome, { now: 3000, startedAt: 2500, result });
  expect([...meter.counts.keys()]).toEqual([
    'dead_letters_total deliver refused',
    'attempts_total crm delivered 2xx',
    'attempt_seconds crm',
    'delivery_seconds crm',
  ]);
});
