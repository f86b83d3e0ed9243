/** What stands for a definition with mistakes, and how a lane takes it; which definition that is, is tested with the set. */
import { expect, test } from 'vitest';
import { heldBack } from '../../src/delivery/held-back.ts';
import { Lanes } from '../../src/delivery/lanes.ts';
import { silentLog } from '../../src/lib/log.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { outbound, testEndpoint } from '../support/deliver-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const { id, dealership, version } = testEndpoint({});
const fields = { dealership: Number(dealership), version, url: 1 };

function lanesOf(endpoint: ReturnType<typeof heldBack>): Lanes {
  const clock = new VirtualClock();
  return new Lanes(endpoint ? [endpoint] : [], { log: silentLog, meter: new CountingMeter(), clock });
}

test('what a held-back endpoint wants comes to its lane, and none of it starts until a good definition comes', () => {
  const lanes = lanesOf(heldBack(id, fields));
  const [lane] = lanes.wanting(outbound({}));
  let begun = 0;
  lane?.enqueue({ begin: () => ++begun > 0, dismissed() {} });
  expect([lane?.endpoint.id, begun, lane?.heldFor(1e9, 0)]).toEqual([id, 0, true]);
  lanes.replace([testEndpoint({})]);
  expect(begun).toBe(1);
});

test('of an endpoint of which nothing is known the lane is there, for what waits, and wants nothing', () => {
  const lanes = lanesOf(heldBack(id, null));
  expect([lanes.get(id)?.endpoint.id, lanes.wanting(outbound({}))]).toEqual([id, []]);
});

test('a version that is not emitted here is wanted all the same; an id that could name no endpoint stands for nothing', () => {
  expect(heldBack(id, { ...fields, version: 'v1' })?.version).toBe('v1');
  expect([heldBack('Not An Id', fields), heldBack('Not An Id', null)]).toEqual([null, null]);
});
