/** One lane and what starts in it, with members played by the test. */
import { expect, test } from 'vitest';
import { type AttemptResult, outcomeOf } from '../../src/core/attempt.ts';
import type { EndpointHealth } from '../../src/core/endpoint-health.ts';
import { HEALTHY } from '../../src/core/endpoint-health.ts';
import type { Endpoint } from '../../src/delivery/endpoint.ts';
import type { Lane, LaneMember } from '../../src/delivery/lane.ts';
import { Lanes } from '../../src/delivery/lanes.ts';
import { silentLog } from '../../src/lib/log.ts';
import { CountingMeter } from '../support/counting-meter.ts';
import { OK, status, TIMEOUT, testEndpoint } from '../support/deliver-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

class World {
  readonly clock = new VirtualClock();
  readonly meter = new CountingMeter();
  readonly words: [string, EndpointHealth][] = [];
  readonly lanes: Lanes;
  leasedMs = Number.POSITIVE_INFINITY;
  started = 0;
  dismissed = 0;
  #lead = 0;

  constructor(endpoints: readonly Endpoint[], inFlightMax = 1000) {
    const leased = (timeoutMs: number): boolean => timeoutMs <= this.leasedMs;
    const deps = { log: silentLog, meter: this.meter, clock: this.clock, leased };
    this.lanes = new Lanes(endpoints, deps, { inFlightMax });
    this.lanes.onHealth = (id, health) => this.words.push([id, health]);
  }

  lane(id = 'crm'): Lane {
    const lane = this.lanes.get(id);
    if (!lane) throw new Error(`there is no endpoint ${id}`);
    return lane;
  }

  /** Queues so many members. */
  add(count: number, id = 'crm'): void {
    const member: LaneMember = {
      begin: () => {
        this.started += 1;
        return true;
      },
      dismissed: () => {
        this.dismissed += 1;
      },
    };
    for (let i = 0; i < count; i += 1) this.lane(id).enqueue(member);
  }

  end(result: AttemptResult, id = 'crm'): void {
    this.#lead += 1;
    const outcome = outcomeOf(result, new Map());
    this.lane(id).finished({ leadId: String(this.#lead), outcome, result, startedAt: this.clock.now() });
  }

  state(state: string, id = 'crm'): number | undefined {
    return this.meter.counts.get(`endpoint_state ${id} ${state}`);
  }
}

const limits = { concurrency: 4, ratePerSecond: null, timeoutMs: 1000 };
const breaker = { failures: 3, baseMs: 5000, capMs: 20_000 };

test('behind an open breaker nothing starts; then one probe, and when it succeeds all the others', () => {
  const world = new World([testEndpoint({ limits, breaker })]);
  world.add(10);
  for (let i = 0; i < 6; i += 1) world.end(TIMEOUT);
  const before = world.started;
  expect(world.state('breaker')).toBe(1);
  world.clock.advance(4999);
  expect(world.started).toBe(before);
  world.clock.advance(1);
  expect(world.started).toBe(before + 1);
  world.clock.advance(60_000);
  expect(world.started).toBe(before + 1);
  world.end(OK);
  expect([world.started, world.state('open'), world.state('breaker')]).toEqual([10, 1, 0]);
  expect(world.words.map(([, { breaker }]) => breaker?.pauseMs ?? null)).toEqual([5000, null]);
});

test('a Retry-After that another process was given holds the lane until its end, and no longer', () => {
  const world = new World([testEndpoint({ limits })]);
  world.lanes.learn('crm', { ...HEALTHY, retryAfterUntil: world.clock.now() + 30_000 });
  world.add(2);
  world.clock.advance(29_999);
  expect([world.started, world.state('retry-after')]).toEqual([0, 1]);
  world.clock.advance(1);
  expect([world.started, world.state('retry-after'), world.words]).toEqual([2, 0, []]);
});

test('what this process knows beyond a word that it reads is told again', () => {
  const world = new World([testEndpoint({ limits })]);
  world.add(1);
  world.end(status(429, '30'));
  world.lanes.learn('crm', { ...HEALTHY, provenAt: 5 });
  expect(world.words).toHaveLength(2);
  const [, told] = world.words[1] ?? [];
  expect(told).toMatchObject({ retryAfterUntil: world.clock.now() + 30_000, provenAt: 5 });
  world.lanes.learn('crm', told ?? null);
  expect(world.words).toHaveLength(2);
});

test('what is known of an endpoint counts when its definition comes later', () => {
  const world = new World([]);
  world.lanes.learn('crm', { ...HEALTHY, operator: { paused: true, at: 1 } });
  world.lanes.replace([testEndpoint({ limits })]);
  world.add(1);
  expect([world.started, world.state('operator')]).toEqual([0, 1]);
  world.lanes.learn('crm', null);
  expect(world.started).toBe(1);
});

test('a process takes its share of the requests in flight, one at least', () => {
  const world = new World([testEndpoint({ limits: { ...limits, concurrency: 10 } })]);
  world.lanes.shares(3, 12);
  world.add(20);
  expect(world.started).toBe(2);
  world.lanes.shares(0, 12);
  world.end(OK);
  world.end(OK);
  expect(world.started).toBe(3);
  world.lanes.shares(12, 12);
  expect(world.started).toBe(12);
});

test('the rate limit is kept by waiting, and shared by the processes', () => {
  const world = new World([testEndpoint({ limits: { ...limits, concurrency: 100, ratePerSecond: 10 } })]);
  world.lanes.shares(6, 12);
  world.add(100);
  world.clock.advance(10_000);
  expect(world.started).toBeGreaterThanOrEqual(50);
  expect(world.started).toBeLessThanOrEqual(51);
});

test('without the lease nothing starts; with it again everything that may', () => {
  const world = new World([testEndpoint({ limits })]);
  world.leasedMs = 999;
  world.add(2);
  expect(world.started).toBe(0);
  world.leasedMs = 1000;
  world.lanes.wake();
  expect(world.started).toBe(2);
});

test('the process-wide limit is shared in turns: a long queue delays another endpoint by one request', () => {
  const world = new World([testEndpoint({ id: 'busy', limits: { ...limits, concurrency: 100 } }), testEndpoint()], 3);
  world.add(50, 'busy');
  world.add(1, 'crm');
  expect(world.started).toBe(3);
  world.end(OK, 'busy');
  world.end(OK, 'busy');
  expect([world.started, world.meter.counts.get('in_flight crm')]).toEqual([5, 1]);
});

test('an endpoint that never answers takes the places of the process from nobody: after a second they are lent', () => {
  const hung = testEndpoint({ id: 'hung', limits: { ...limits, concurrency: 16, timeoutMs: 15_000 } });
  const world = new World([hung, testEndpoint({ limits: { ...limits, concurrency: 16 } })], 16);
  world.add(50, 'hung');
  world.add(1);
  expect(world.meter.counts.get('in_flight crm')).toBe(0);
  world.clock.advance(1_000);
  expect(world.meter.counts.get('in_flight crm')).toBe(1);
  for (let i = 0; i < 20; i += 1) {
    world.end(OK);
    world.add(1);
    expect(world.meter.counts.get('in_flight crm')).toBe(1);
  }
});

test('that a lane does not move is seen whatever happens to the wall clock', () => {
  const world = new World([testEndpoint({ limits })]);
  world.add(4);
  world.clock.step(-3_600_000);
  world.clock.advance(1_001);
  expect(world.lane().heldFor(1_000, world.clock.now())).toBe(true);
});

test('an attempt that was withheld says nothing of the endpoint and frees its place', () => {
  const world = new World([
    testEndpoint({ limits: { ...limits, concurrency: 1 }, breaker: { ...breaker, failures: 1 } }),
  ]);
  world.add(2);
  world.lane().finished(null);
  expect([world.started, world.state('open'), world.lane().triedAt]).toEqual([2, 1, 0]);
});

test('the members of a lane whose endpoint is removed or gone are dismissed, also those that come later', () => {
  const world = new World([testEndpoint({ limits: { ...limits, concurrency: 1 } })]);
  let told = 0;
  world.lanes.watch(() => {
    told += 1;
  });
  world.add(3);
  world.end(status(410));
  world.add(1);
  expect([world.started, world.dismissed, world.state('gone')]).toEqual([1, 3, 1]);
  expect(told).toBe(1);
  world.lanes.replace([testEndpoint({ limits: { ...limits, concurrency: 2 } })]);
  world.add(1);
  expect([world.started, world.state('gone')]).toEqual([2, 0]);
});

test('a lane is held for long when its gate is closed, and when none of its requests ends', () => {
  const world = new World([testEndpoint({ limits })]);
  const held = (): boolean => world.lane().heldFor(1000, world.clock.now());
  expect(held()).toBe(false);
  world.add(5);
  world.clock.advance(1001);
  expect(held()).toBe(true);
  world.end(OK);
  expect(held()).toBe(false);
  world.end(status(503, '2'));
  expect(held()).toBe(true);
});

test('pending deliveries of all tasks are shown together, with the oldest of them', () => {
  const world = new World([testEndpoint({ limits })]);
  const tasks = [{}, {}];
  world.lane().addPending(2, 100);
  world.lane().addPending(1, 10);
  world.lane().oldestPending(tasks[0] ?? {}, 5000);
  world.lane().oldestPending(tasks[1] ?? {}, 3000);
  const shown = (name: string): number | undefined => world.meter.counts.get(`${name} crm`);
  expect([shown('pending'), shown('pending_bytes'), shown('pending_since_seconds')]).toEqual([3, 110, 3]);
  for (const task of tasks) world.lane().oldestPending(task, null);
  expect(shown('pending_since_seconds')).toBe(0);
});

function unreachable(world: World, ids: readonly string[]): void {
  for (const id of ids) {
    world.add(4, id);
    for (let i = 0; i < 4; i += 1) world.end(TIMEOUT, id);
  }
}

test('our own way out is broken when nothing answers and most endpoints cannot be reached; one answer says otherwise', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const world = new World(ids.map((id) => testEndpoint({ id, limits, breaker })));
  unreachable(world, ids.slice(0, 2));
  expect(world.lanes.wayOutBroken).toBe(false);
  unreachable(world, ['c']);
  expect(world.lanes.wayOutBroken).toBe(true);
  world.lanes.answered();
  expect(world.lanes.wayOutBroken).toBe(false);
  world.clock.advance(30_000);
  expect(world.lanes.wayOutBroken).toBe(true);
});

test('endpoints that are unreachable for a quarter of an hour delay no other any longer', () => {
  const ids = ['a', 'b', 'c'];
  const world = new World(ids.map((id) => testEndpoint({ id, limits, breaker })));
  unreachable(world, ids);
  expect(world.lanes.wayOutBroken).toBe(true);
  world.clock.advance(9 * 60_000);
  unreachable(world, ids);
  world.clock.advance(6 * 60_000 - 1);
  unreachable(world, ids);
  expect(world.lanes.wayOutBroken).toBe(true);
  world.clock.advance(1);
  expect(world.lanes.wayOutBroken).toBe(false);
});

test('half of the endpoints unreachable, or many that answer 500, is not our way out', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  const world = new World(ids.map((id) => testEndpoint({ id, limits, breaker })));
  unreachable(world, ids.slice(0, 3));
  for (const id of ids.slice(3)) {
    world.add(4, id);
    for (let i = 0; i < 4; i += 1) world.end(status(500), id);
  }
  world.clock.advance(60_000);
  expect(world.lanes.wayOutBroken).toBe(false);
});

test('members that are withdrawn from a lane that is held do not start when it opens; the others do', () => {
  const world = new World([testEndpoint()]);
  const started: string[] = [];
  const member = (name: string): LaneMember => ({
    begin: () => started.push(name) > 0,
    dismissed: () => undefined,
  });
  const [ours, theirs] = [member('ours'), member('theirs')];
  world.lane().learn({ ...HEALTHY, operator: { paused: true, at: 1 } });
  for (const one of [theirs, ours, theirs]) world.lane().enqueue(one);
  world.lane().withdraw((one) => one === theirs);
  world.lane().learn({ ...HEALTHY, operator: { paused: false, at: 2 } });
  expect(started).toEqual(['ours']);
});
