/** Very many deliveries that are lost at once are buried in portions; an endpoint that comes back meanwhile loses no more. */
import { expect, test } from 'vitest';
import { HEALTHY } from '../../src/core/endpoint-health.ts';
import { DeliverWorld, OK, settled, status, testEndpoint } from '../support/deliver-world.ts';

const PORTION = 1000;
const MANY = 1500;
const ENDPOINT = testEndpoint({ limits: { concurrency: 1, ratePerSecond: null, timeoutMs: 15_000 } });

/** A task with so many leads that wait for an endpoint which the operator has paused. */
function waiting(leads: number): DeliverWorld {
  const world = new DeliverWorld([ENDPOINT]);
  world.commit();
  world.lanes.learn('crm', { ...HEALTHY, operator: { paused: true, at: 1 } });
  world.append(...Array.from({ length: leads }, (_, at) => ({ leadId: String(at) })));
  world.feed();
  world.commit();
  expect(world.pending.size).toBe(leads);
  return world;
}

/** Opens the endpoint and answers until nothing is sent any more. */
async function deliverAll(world: DeliverWorld): Promise<void> {
  world.lanes.learn('crm', { ...HEALTHY, operator: { paused: false, at: 2 } });
  world.commit();
  await settled();
  await world.answerAll(OK);
  world.commit();
}

test('what waits for an endpoint that is removed becomes dead letters portion by portion, also after a restart', () => {
  const world = waiting(MANY);
  world.lanes.replace([]);
  const news = world.news;
  world.commit();
  expect([world.deadLetters.length, world.pending.size, world.news > news]).toEqual([PORTION, MANY - PORTION, true]);
  world.crash([]);
  world.commit();
  expect([world.deadLetters.length, world.pending.size]).toEqual([MANY, 0]);
  const values = world.deadLetters.map(({ record }) => record.value.toString());
  expect(values).toContain('{"id":7,"revision":1}');
});

test('a portion is also bounded in bytes: each value is unpacked', () => {
  const world = waiting(0);
  const value = Buffer.alloc(900_000, 7);
  world.append(...Array.from({ length: 20 }, (_, at) => ({ leadId: String(at), value })));
  world.feed();
  world.commit();
  expect(world.pending.size).toBe(20);
  world.lanes.replace([]);
  world.commit();
  expect(world.deadLetters.length).toBe(10);
});

test.each([
  ['before a commit', 0],
  ['after a portion was buried', PORTION],
])('an endpoint that is removed and comes back %s gets the rest of what waits', async (_when, buried) => {
  const world = waiting(MANY);
  world.lanes.replace([]);
  if (buried > 0) world.commit();
  world.lanes.replace([ENDPOINT]);
  await deliverAll(world);
  expect([world.deadLetters.length, world.sent.length, world.pending.size]).toEqual([buried, MANY - buried, 0]);
});

test('an endpoint that was gone and is defined anew before all is buried gets the rest', async () => {
  const world = new DeliverWorld([ENDPOINT]);
  world.commit();
  world.append(...Array.from({ length: MANY }, (_, at) => ({ leadId: String(at) })));
  world.feed();
  await world.answer(0, status(410));
  world.commit();
  const buried = world.deadLetters.length;
  world.lanes.replace([testEndpoint({ ...ENDPOINT, url: new URL('https://moved.example.com/') })]);
  world.commit();
  await settled();
  await world.answerAll(OK);
  world.commit();
  expect([buried < MANY, world.deadLetters.length, world.acked.size, world.pending.size]).toEqual([
    true,
    buried,
    MANY - buried,
    0,
  ]);
});

test('what was read back without its endpoint is taken when the endpoint is defined, before anything newer of the lead', async () => {
  const world = waiting(MANY);
  world.crash([]);
  world.outwait();
  world.commit();
  const buried = world.deadLetters.length;
  world.lanes.replace([ENDPOINT]);
  const kept = [...world.pending.values()].map(({ key }) => key.leadId);
  world.append(...kept.map((leadId) => ({ leadId, revision: 2 })));
  world.feed();
  await deliverAll(world);
  expect([buried, world.sent.length, world.pending.size]).toEqual([PORTION, MANY - PORTION, 0]);
  expect(world.sent.every(({ revision }) => revision === 2)).toBe(true);
});

test('the revisions of one lead are buried in portions too, the newest first', () => {
  const each = testEndpoint({ ...ENDPOINT, supersede: false });
  const world = new DeliverWorld([each], { windowRecords: 5000 });
  world.commit();
  world.lanes.learn('crm', { ...HEALTHY, operator: { paused: true, at: 1 } });
  world.append(...Array.from({ length: MANY }, (_, at) => ({ leadId: '1', revision: at + 1 })));
  world.feed();
  world.commit();
  world.lanes.replace([]);
  world.commit();
  expect([world.deadLetters.length, world.pending.size]).toEqual([PORTION, MANY - PORTION]);
  expect(Math.min(...world.deadLetters.map(({ record }) => record.revision))).toBe(MANY - PORTION + 1);
  world.commit();
  expect([world.deadLetters.length, world.pending.size]).toEqual([MANY, 0]);
});
