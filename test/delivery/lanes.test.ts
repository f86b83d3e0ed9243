import { expect, test } from 'vitest';
import { Lanes } from '../../src/delivery/lanes.ts';
import type { Log, LogFields } from '../../src/lib/log.ts';
import { silentLog } from '../../src/lib/log.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { outbound, testEndpoint } from '../support/deliver-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const limits = { concurrency: 2, ratePerSecond: null, timeoutMs: 1000 };

function lanesOf(...endpoints: ReturnType<typeof testEndpoint>[]): Lanes {
  return new Lanes(endpoints, { log: silentLog, meter: new CountingMeter(), clock: new VirtualClock() });
}

test('a lane starts its members in the order of arrival, up to its limit, and passes over those with nothing to do', () => {
  const lane = lanesOf(testEndpoint({ limits })).get('crm');
  const begun: string[] = [];
  const member = (name: string, hasWork = true) => ({ begin: () => hasWork && begun.push(name) > 0, dismissed() {} });
  for (const name of ['a', 'b', 'c']) lane?.enqueue(member(name));
  lane?.enqueue(member('idle', false));
  lane?.enqueue(member('d'));
  expect(begun).toEqual(['a', 'b']);
  lane?.finished(null);
  expect(begun).toEqual(['a', 'b', 'c']);
  lane?.finished(null);
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
});

test('a raised limit counts at once, and an id that comes back finds its lane with what is in flight', () => {
  const lanes = lanesOf(testEndpoint({ limits }));
  const lane = lanes.get('crm');
  let begun = 0;
  const begin = (): boolean => {
    begun += 1;
    return true;
  };
  for (let i = 0; i < 9; i += 1) lane?.enqueue({ begin, dismissed() {} });
  lanes.replace([testEndpoint({ limits: { ...limits, concurrency: 5 } })]);
  expect(begun).toBe(5);
  lanes.replace([]);
  expect([lanes.get('crm'), lane?.removed]).toEqual([undefined, true]);
  lanes.replace([testEndpoint({ limits })]);
  expect([lanes.get('crm'), lane?.removed, begun]).toEqual([lane, false, 5]);
});

test('a record is wanted by the enabled endpoints of its dealership and version, on create for created ones only', () => {
  const lanes = lanesOf(
    testEndpoint({ id: 'all' }),
    testEndpoint({ id: 'once', on: 'create' }),
    testEndpoint({ id: 'v1', version: 'v1' }),
    testEndpoint({ id: 'other', dealership: '4' }),
    testEndpoint({ id: 'off', enabled: false }),
    testEndpoint({ id: 'sell', filters: { websites: new Set(), locations: new Set(), categories: new Set(['Sell']) } }),
  );
  const wanting = (overrides: Parameters<typeof outbound>[0]): string[] => {
    return lanes.wanting(outbound(overrides)).map(({ endpoint }) => endpoint.id);
  };
  expect(wanting({})).toEqual(['all']);
  expect(wanting({ cause: 'created' })).toEqual(['all', 'once']);
  expect(wanting({ version: 'v1' })).toEqual(['v1']);
  expect(wanting({ value: Buffer.from('\0\0\0\0\x07{"category":"Sell"}'), bodyStart: 5 })).toEqual(['all', 'sell']);
  expect(wanting({ dealershipId: '5' })).toEqual([]);
});

test('the log is told once when an endpoint begins to fail and once when it works again, by host alone', () => {
  const lines: [string, LogFields][] = [];
  const log: Log = { ...silentLog, info: (f, m) => lines.push([m, f]), warn: (f, m) => lines.push([m, f]) };
  const lanes = new Lanes([testEndpoint({ url: new URL('https://h.example/a?key=1') })], {
    log,
    meter: new CountingMeter(),
    clock: new VirtualClock(),
  });
  const lane = lanes.get('crm');
  for (const delivered of [true, false, false, true, true]) lane?.note(delivered, delivered ? 'http-200' : 'http-500');
  expect(lines.map(([message]) => message)).toEqual([
    'endpoint fails; deliveries to it are retried',
    'endpoint takes deliveries again',
  ]);
  expect(lines[0]?.[1]).toEqual({ event: 'endpoint_state', endpoint: 'crm', host: 'h.example', code: 'http-500' });
});

test('an endpoint that is removed keeps its metrics until nothing of it is in flight or pending, and then they go, once', () => {
  const meter = new CountingMeter();
  const left: string[] = [];
  const onLeft = (id: string): void => void left.push(id);
  const lanes = new Lanes([testEndpoint({})], { log: silentLog, meter, clock: new VirtualClock(), onLeft });
  const lane = lanes.get('crm');
  const member = { begin: () => true, dismissed: () => undefined };
  lane?.addPending(2, 10);
  lane?.enqueue(member);
  lanes.replace([]);
  lane?.finished(null);
  expect([left, meter.counts.get('pending crm')]).toEqual([[], 2]);
  lane?.addPending(-2, -10);
  lane?.oldestPending(lanes, null);
  lanes.wake();
  expect([left, meter.counts.get('pending crm')]).toEqual([['crm'], 2]); // the owner of the meter takes them away
  lanes.replace([testEndpoint({})]);
  expect(meter.counts.get('in_flight crm')).toBe(0);
  lanes.replace([]);
  expect(left).toEqual(['crm', 'crm']);
});

test('an endpoint that is removed has no state to show, and has one again when it comes back', () => {
  const meter = new CountingMeter();
  const lanes = new Lanes([testEndpoint({})], { log: silentLog, meter, clock: new VirtualClock() });
  const shown = (): number => [...meter.counts.keys()].filter((name) => name.startsWith('endpoint_state crm ')).length;
  expect(shown()).toBe(7);
  lanes.replace([]);
  lanes.wake();
  expect(shown()).toBe(0);
  lanes.replace([testEndpoint({})]);
  expect([shown(), meter.counts.get('endpoint_state crm open')]).toEqual([7, 1]);
});
