/** Dead letters that are delivered again: what is sent, what is not, and what survives a restart. */
import { expect, test } from 'vitest';
import type { OutboundRecord, RedriveRequest } from '../../src/core/delivery.ts';
import { DeliverWorld, OK, outbound, status, testEndpoint } from '../support/deliver-world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A world in which lead 1's revisions up to `revisions` came, and each was refused. */
async function refused(world: DeliverWorld, ...revisions: number[]): Promise<void> {
  for (const revision of revisions) {
    world.append({ leadId: '1', revision });
    world.feed();
    world.commit();
    await world.answerAll(status(400));
    world.commit();
  }
}

function requestOf(record: Partial<OutboundRecord>, deadAt: number): RedriveRequest {
  const letter = { partition: 0, offset: 7 };
  return { endpointId: 'crm', record: outbound({ leadId: '1', ...record }), letter, deadAt, requestedAt: deadAt };
}

class Requests {
  #next = 0;

  of(world: DeliverWorld, ...records: Partial<OutboundRecord>[]): void {
    this.#next += records.length;
    const requests = records.map((record) => requestOf(record, world.clock.now()));
    world.deliverer.redrive({ requests, next: this.#next });
  }
}

const sent = (world: DeliverWorld): number[] => world.sent.map(({ revision }) => revision);
const redrives = (world: DeliverWorld, outcome: string): number =>
  world.meter.counts.get(`redrives_total ${outcome === 'no-endpoint' ? 'other' : 'crm'} ${outcome}`) ?? 0;

test('a redriven dead letter is pending from the commit that passes the request on, and is sent', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  new Requests().of(world, { revision: 1 });
  expect(world.commit()).toMatchObject({
    position: { redrives: 1 },
    pending: [{ delivery: { record: { revision: 1 } } }],
  });
  expect([sent(world), redrives(world, 'taken')]).toEqual([[1, 1], 1]);
  await world.answerAll(OK);
  expect(world.commit()).toMatchObject({
    pending: [{ delivery: null }],
    marks: [{ mark: { kind: 'dead', revision: 1 } }],
  });
});

test('a receiver that refuses the repetition of what it had accepted is taken at its word: the revision before can be redriven', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  world.append({ leadId: '1', revision: 2 });
  world.feed();
  world.commit();
  await world.answerAll(OK);
  world.crash();
  world.feed();
  world.commit();
  world.outwait();
  await world.answerAll(status(400));
  world.requests.push(requestOf({ revision: 1 }, world.clock.now()));
  await world.finish();
  expect(sent(world)).toEqual([1, 2, 2, 1]);
});

test('a revision older than one that was delivered since is not sent, also after a restart', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  world.append({ leadId: '1', revision: 2 });
  await world.finish();
  const requests = new Requests();
  requests.of(world, { revision: 1 });
  world.commit();
  world.crash();
  world.commit();
  world.outwait();
  requests.of(world, { revision: 1 });
  world.commit();
  expect([sent(world), redrives(world, 'stale'), world.position.redrives]).toEqual([[1, 2], 2, 2]);
});

test('a revision that was redriven and delivered is not sent a second time', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  const requests = new Requests();
  requests.of(world, { revision: 1 });
  await world.finish();
  requests.of(world, { revision: 1 });
  await world.finish();
  expect([sent(world), redrives(world, 'stale')]).toEqual([[1, 1], 1]);
});

test('a newer revision that waits or is in flight makes a redrive stale', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  world.append({ leadId: '1', revision: 2 });
  world.feed();
  world.commit();
  new Requests().of(world, { revision: 1 });
  await world.answer(0, status(503));
  new Requests().of(world, { revision: 1 });
  expect([sent(world), redrives(world, 'stale')]).toEqual([[1, 2], 2]);
});

test('a redrive takes its turn with the other revisions of its lead: one at a time, and a newer one replaces what waits', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  const requests = new Requests();
  requests.of(world, { revision: 1 });
  world.append({ leadId: '1', revision: 2 }, { leadId: '1', revision: 3 });
  world.feed();
  world.commit();
  expect(sent(world)).toEqual([1, 1]);
  await world.answerAll(OK);
  world.commit();
  expect(sent(world)).toEqual([1, 1, 3]);
  requests.of(world, { revision: 2 });
  expect(sent(world)).toEqual([1, 1, 3]);
});

test('of several dead letters of a lead the newest that is asked for wins, whatever the order of the requests', async () => {
  const world = new DeliverWorld([testEndpoint({ limits: { concurrency: 1, ratePerSecond: null, timeoutMs: 1000 } })]);
  await refused(world, 1, 2);
  world.append({ leadId: '2' });
  world.feed();
  world.commit();
  new Requests().of(world, { revision: 1 }, { revision: 2 }, { revision: 1 });
  await world.answerAll(OK);
  await world.finish();
  expect(world.sent.filter(({ leadId }) => leadId === '1').map(({ revision }) => revision)).toEqual([1, 2, 2]);
});

test('requests that come before the window of the predecessor is read are kept, and not passed', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  world.append({ leadId: '1', revision: 2 });
  world.feed();
  world.commit();
  await world.answerAll(OK);
  world.crash();
  new Requests().of(world, { revision: 1 });
  expect(world.commit()).toMatchObject({ position: { redrives: 0 } });
  world.feed();
  world.outwait();
  world.commit();
  expect(redrives(world, 'stale')).toBe(1);
  await world.answerAll(OK);
  world.commit();
  expect([sent(world), world.position.redrives]).toEqual([[1, 2, 2], 1]);
});

test('a redrive that fails is retried by its schedule, and refused again becomes a dead letter again', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  new Requests().of(world, { revision: 1 });
  await world.answerAll(status(503));
  world.commit();
  expect(world.pending.size).toBe(1);
  world.clock.advance(HOUR_MS);
  await world.answerAll(status(400));
  expect(world.commit()).toMatchObject({ pending: [{ delivery: null }], deadLetters: [{ code: 'refused' }] });
  expect(world.deadLetters).toHaveLength(2);
});

test('after a lead of an on: create endpoint was delivered, no dead letter of it is sent', async () => {
  const world = new DeliverWorld([testEndpoint({ on: 'create' })]);
  world.append({ leadId: '1', revision: 1, cause: 'created' });
  world.feed();
  world.commit();
  await world.answerAll(status(400));
  world.commit();
  const requests = new Requests();
  requests.of(world, { revision: 1 });
  await world.finish();
  requests.of(world, { revision: 5 });
  await world.finish();
  expect([sent(world), redrives(world, 'stale')]).toEqual([[1, 1], 1]);
});

test('an endpoint that is gone, or means another version or dealership by now, gets nothing', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  new Requests().of(world, { revision: 1, version: 'v2' }, { revision: 1, dealershipId: '4' });
  world.crash([]);
  world.commit();
  new Requests().of(world, { revision: 1 });
  world.commit();
  expect([redrives(world, 'not-wanted'), redrives(world, 'no-endpoint'), sent(world)]).toEqual([2, 1, [1]]);
});

test('a dead letter is redriven for 30 days; what was delivered since is known for a day longer', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  await refused(world, 1);
  const letter = requestOf({ revision: 1 }, world.clock.now());
  world.clock.advance(30 * DAY_MS + 1);
  world.deliverer.redrive({ requests: [letter], next: 1 });
  world.commit();
  expect([redrives(world, 'too-old'), [...world.marks.keys()]]).toEqual([1, ['crm|1|dead']]);
  world.clock.advance(DAY_MS);
  world.append({ leadId: '2' });
  await world.finish();
  expect([...world.marks.keys()]).toEqual([]);
});

test('while the window of the predecessor is not read yet only some requests are taken, and then the next ones are asked for', () => {
  const world = new DeliverWorld([testEndpoint()]);
  const body = Buffer.alloc(900_000);
  const requests = new Requests();
  for (let lead = 1; lead <= 5; lead += 1) requests.of(world, { leadId: String(lead), value: body });
  expect(world.deliverer.wantsRedrives).toBe(false);
  const { news } = world;
  world.commit();
  expect([world.deliverer.wantsRedrives, world.news > news]).toEqual([true, true]);
});
