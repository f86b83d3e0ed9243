import { expect, test } from 'vitest';
import { FIRST_MOVED_REVISION } from '../../src/core/delivery.ts';
import { MOVES_PER_GENERATION, revisionOf } from '../../src/core/emission.ts';
import { BESIDE_BYTES } from '../../src/delivery/backlog.ts';
import { DeliverWorld, OK, settled, status, TIMEOUT, testEndpoint } from '../support/deliver-world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A task that owns its partition: its first commit is made. */
function ownedWorld(...[endpoints, options]: ConstructorParameters<typeof DeliverWorld>): DeliverWorld {
  const world = new DeliverWorld(endpoints, options);
  world.commit();
  return world;
}

const revisions = (world: DeliverWorld): number[] => world.sent.map(({ revision }) => revision);

test('the first plan is due at once and grants the window, before anything is sent', () => {
  const world = new DeliverWorld([testEndpoint()], { windowRecords: 100 });
  world.append({ leadId: '1' });
  world.feed();
  expect(world.sent).toEqual([]);
  expect(world.commit()?.position).toEqual({
    nextOffset: 0,
    sentBound: 100,
    released: false,
    owner: 'process 0',
    redrives: 0,
  });
  expect(world.open).toHaveLength(1);
});

test('a delivery that succeeds at the first attempt writes nothing but the position', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '7', revision: 3 });
  world.feed();
  expect(world.open[0]).toMatchObject({ leadId: '7', revision: 3, attempt: 1, body: '{"id":7,"revision":3}' });
  await world.answer(0, OK);
  expect(world.commit()).toMatchObject({ position: { nextOffset: 1 }, pending: [], marks: [], deadLetters: [] });
  expect(world.commit()).toBeNull();
});

test('framing bytes before the body are not sent', () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ value: Buffer.from('\0\0\0\0\x2a{"a":1}'), bodyStart: 5 });
  world.feed();
  expect(world.open[0]?.body).toBe('{"a":1}');
});

test('records that no endpoint wants move the position and are not sent', () => {
  const disabled = testEndpoint({ id: 'off', enabled: false });
  const world = ownedWorld([testEndpoint(), testEndpoint({ id: 'once', on: 'create' }), disabled]);
  world.append({ dealershipId: '4' }, { version: 'v1' });
  world.feed();
  expect(world.sent).toEqual([]);
  expect(world.commit()?.position.nextOffset).toBe(2);
});

test('filters look into the body that is about to be sent: every given one must fit, an empty one fits all (A38, A39)', () => {
  const filters = { websites: new Set(['794']), locations: new Set(['North']), categories: new Set<string>() };
  const world = ownedWorld([testEndpoint({ filters })]);
  const body = (site: number | null, location: string): Buffer => {
    return Buffer.from(JSON.stringify({ website: { id: site }, location: { location_name: location }, category: 'x' }));
  };
  world.append({ leadId: '1', value: body(794, 'North') }, { leadId: '2', value: body(795, 'North') });
  world.append({ leadId: '3', value: body(794, 'South') }, { leadId: '4', value: body(null, 'North') });
  world.append({ leadId: '5', value: Buffer.from('no json') });
  world.feed();
  expect(world.sent.map(({ leadId }) => leadId)).toEqual(['1']);
});

test('many leads go out at the same time, up to the concurrency of the endpoint, whatever another one does', async () => {
  const limits = { concurrency: 2, ratePerSecond: null, timeoutMs: 15_000 };
  const world = ownedWorld([testEndpoint({ id: 'a', limits }), testEndpoint({ id: 'b', limits })]);
  for (let lead = 1; lead <= 4; lead += 1) world.append({ leadId: String(lead) });
  world.feed();
  const open = (id: string): string[] =>
    world.open.filter((post) => post.endpointId === id).map(({ leadId }) => leadId);
  expect([open('a'), open('b')]).toEqual([
    ['1', '2'],
    ['1', '2'],
  ]);
  await world.answer(1, OK);
  expect([open('a'), open('b')]).toEqual([
    ['1', '2'],
    ['2', '3'],
  ]);
});

test('a newer revision replaces the waiting one and waits for the one in flight (A32)', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ revision: 1 }, { revision: 2 }, { revision: 3 });
  world.feed();
  expect(revisions(world)).toEqual([1]);
  await world.answer(0, OK);
  expect(revisions(world)).toEqual([1, 3]);
  await world.answer(0, OK);
  expect(world.meter.counts.get('superseded_total crm')).toBe(1);
  expect(world.commit()?.position.nextOffset).toBe(3);
});

test('a failed attempt becomes pending in the commit that passes it, and is tried again when its time has come', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '9' });
  world.feed();
  await world.answer(0, status(503));
  const commit = world.commit();
  expect(commit?.position.nextOffset).toBe(1);
  const stored = { attempts: 1, lastStatus: 503, lastCode: 'http-503', firstFailureAt: world.clock.now() };
  expect(commit?.pending).toMatchObject([
    { key: { endpointId: 'crm', leadId: '9', suffix: 'pending' }, delivery: stored },
  ]);
  expect(world.meter.counts.get('pending crm')).toBe(1);
  world.clock.advance(5000);
  expect(world.open).toMatchObject([{ attempt: 2 }]);
  await world.answer(0, OK);
  expect(world.commit()?.pending).toMatchObject([{ delivery: null }]);
  expect(world.meter.counts.get('pending crm')).toBe(0);
});

test('a failing lead delays no other lead of the endpoint', async () => {
  const world = ownedWorld([testEndpoint({ limits: { concurrency: 1, ratePerSecond: null, timeoutMs: 15_000 } })]);
  world.append({ leadId: '1' }, { leadId: '2' });
  world.feed();
  await world.answer(0, status(500));
  expect(world.open).toMatchObject([{ leadId: '2' }]);
});

test('Retry-After is obeyed for the pair, also by a newer revision', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ revision: 1 });
  world.feed();
  await world.answer(0, status(429, '600'));
  world.append({ revision: 2 });
  world.feed();
  world.clock.advance(599_000);
  expect(world.open).toEqual([]);
  world.clock.advance(1000);
  expect(world.open).toMatchObject([{ revision: 2, attempt: 1 }]);
});

test('a restart resumes the schedule: attempts, first failure and due time come from the stored delivery', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '9' });
  world.feed();
  await world.answer(0, status(500, '600'));
  world.commit();
  world.crash();
  world.commit();
  world.clock.advance(599_000);
  expect(world.open).toEqual([]);
  world.clock.advance(1000);
  expect(world.open).toMatchObject([{ leadId: '9', attempt: 2 }]);
});

test('a refused delivery and one answered by 410 become dead letters with their own codes', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '1' }, { leadId: '2' });
  world.feed();
  await world.answer(0, status(422));
  await world.answer(0, status(410));
  expect(world.commit()).toMatchObject({
    position: { nextOffset: 2 },
    pending: [],
    deadLetters: [
      { code: 'refused', endpointId: 'crm', attempts: 1, status: 422, record: { leadId: '1' } },
      { code: 'gone', status: 410, record: { leadId: '2' } },
    ],
  });
});

test('a delivery that has failed for longer than giveUpAfterMs becomes a dead letter and its pending record goes', async () => {
  const retry = { baseMs: 1000, capMs: 1000, giveUpAfterMs: 3000 };
  const world = ownedWorld([testEndpoint({ retry })]);
  world.append({ leadId: '1' });
  world.feed();
  await world.answer(0, TIMEOUT);
  world.commit();
  while (world.deadLetters.length === 0) {
    world.clock.advance(1000);
    await world.answerAll(TIMEOUT);
    world.commit();
  }
  expect(world.deadLetters).toMatchObject([{ code: 'gave-up', status: null }]);
  expect(world.pending.size).toBe(0);
});

test('a plan that was rolled back comes again, whole', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '1' }, { leadId: '2', revision: FIRST_MOVED_REVISION });
  world.feed();
  await world.answer(0, status(404));
  await world.answer(0, status(500));
  const first = world.commit(false);
  expect(first?.deadLetters.length).toBe(1);
  expect(first?.pending.length).toBe(1);
  expect(first?.marks.length).toBe(2);
  expect(world.commit()).toEqual(first);
  expect(world.commit()).toBeNull();
});

test('a delivery in flight for long becomes pending when the others of a crowded window are held up by it', async () => {
  const world = ownedWorld([testEndpoint()], { pendingAfterMs: 1000, windowRecords: 6 });
  world.append({ leadId: '1' }, { leadId: '2' }, { leadId: '3' }, { leadId: '4' });
  world.feed();
  for (let i = 0; i < 3; i += 1) await world.answer(1, OK);
  expect(world.commit()).toBeNull();
  const before = world.news;
  world.clock.advance(1300);
  expect(world.news).toBe(before + 1);
  expect(world.commit()).toMatchObject({ position: { nextOffset: 4 }, pending: [{ delivery: { attempts: 1 } }] });
  await world.answer(0, OK);
  expect(world.commit()?.pending).toMatchObject([{ delivery: null }]);
});

test('a wall clock that is set back does not let a delivery hold the position for longer', async () => {
  const world = ownedWorld([testEndpoint()], { pendingAfterMs: 1000, windowRecords: 6 });
  world.append({ leadId: '1' }, { leadId: '2' }, { leadId: '3' }, { leadId: '4' });
  world.feed();
  for (let i = 0; i < 3; i += 1) await world.answer(1, OK);
  world.clock.step(-HOUR_MS);
  world.clock.advance(1300);
  expect(world.commit()).toMatchObject({ position: { nextOffset: 4 }, pending: [{ delivery: { attempts: 1 } }] });
});

test('an endpoint that hangs holds up a crowded window no longer although it wants each of its records', async () => {
  const limits = { concurrency: 100, ratePerSecond: null, timeoutMs: 15_000 };
  const endpoints = ['hung', 'quick', 'swift'].map((id) => testEndpoint({ id, limits }));
  const world = ownedWorld(endpoints, { pendingAfterMs: 1000, windowRecords: 20 });
  for (let lead = 1; lead <= 12; lead += 1) world.append({ leadId: String(lead) });
  world.feed();
  for (let at = world.open.length - 1; at >= 0; at -= 1) {
    if (world.open[at]?.endpointId !== 'hung') await world.answer(at, OK);
  }
  world.clock.advance(1300);
  expect(world.commit()).toMatchObject({ position: { nextOffset: 12 }, pending: { length: 12 } });
});

test.each([
  ['nothing is settled behind it', 4, 0],
  ['the window is not crowded', 100, 3],
])('a delivery gets ten times as long while %s', async (_why, windowRecords, settledOnes) => {
  const world = ownedWorld([testEndpoint()], { pendingAfterMs: 1000, windowRecords });
  for (let lead = 1; lead <= 4; lead += 1) world.append({ leadId: String(lead) });
  world.feed();
  for (let i = 0; i < settledOnes; i += 1) await world.answer(1, OK);
  world.clock.advance(9900);
  expect(world.commit()).toBeNull();
  world.clock.advance(200);
  expect(world.commit()?.pending).toHaveLength(4 - settledOnes);
});

test('sends run ahead of the committed position by the window at most, and fetching stops beyond it', async () => {
  const limits = { concurrency: 100, ratePerSecond: null, timeoutMs: 15_000 };
  const world = ownedWorld([testEndpoint({ limits })], { windowRecords: 10 });
  for (let lead = 1; lead <= 50; lead += 1) world.append({ leadId: String(lead) });
  world.feed();
  expect(world.sent).toHaveLength(10);
  expect(world.deliverer.wants()).toBe(false);
  for (let i = 0; i < 4; i += 1) await world.answer(1, OK);
  expect(world.commit()).toBeNull();
  await world.answer(0, OK);
  expect(world.commit()?.position).toMatchObject({ nextOffset: 5, sentBound: 15 });
  expect(world.sent).toHaveLength(15);
  expect(world.deliverer.wants()).toBe(true);
});

test('a smaller window after a restart does not forget how far the predecessor may have sent', () => {
  const world = ownedWorld([testEndpoint()], { windowRecords: 100 });
  world.append({ revision: 1 }, { revision: 2 });
  world.options = { ...world.options, windowRecords: 1 };
  world.crash();
  expect(world.commit()?.position.sentBound).toBe(100);
  world.feed(1);
  expect(world.open).toEqual([]);
});

test('records held are bounded in bytes too', () => {
  const world = ownedWorld([testEndpoint()], { windowBytes: 1000 });
  for (let lead = 1; lead <= 50; lead += 1) world.append({ leadId: String(lead), value: Buffer.alloc(300, 'x') });
  world.feed();
  expect(world.deliverer.wants()).toBe(false);
  expect(world.sent.length).toBeLessThanOrEqual(4);
});

test('while the window of the predecessor is read, one body of each lead is held, however many revisions it has and however large they are', async () => {
  const world = ownedWorld([testEndpoint()], { windowBytes: 1000, windowRecords: 500 });
  world.crash();
  for (let at = 0; at < 400; at += 1) {
    world.append({ leadId: String(1 + (at % 5)), revision: 1 + at, value: Buffer.alloc(300, 'x') });
  }
  world.crash();
  world.feed();
  expect([world.deliverer.wants(), world.deliverer.bytesHeld]).toEqual([false, 5 * 300]);
  world.commit();
  world.outwait();
  expect(revisions(world)).toEqual([396, 397, 398, 399]);
  await world.answerAll(OK);
  expect([revisions(world), world.deliverer.bytesHeld]).toEqual([[396, 397, 398, 399, 400], 0]);
});

test('while the group is joined again, the window of the predecessor is not read on beyond the limit of bytes', async () => {
  const world = ownedWorld([testEndpoint()], { windowBytes: 1000, windowRecords: 500 });
  for (let at = 0; at < 400; at += 1) world.append({ revision: 1 + at, value: Buffer.alloc(300, 'x') });
  world.crash();
  const suspended = world.deliverer.suspend(world.clock.now());
  world.clock.advance(0);
  await suspended;
  world.feed();
  expect(world.deliverer.bytesHeld).toBeLessThanOrEqual(1300);
  world.commit();
  world.deliverer.resume();
  world.feed();
  world.commit();
  world.feed();
  world.outwait();
  expect([revisions(world), world.deliverer.bytesHeld]).toEqual([[400], 300]);
});

test('after a crash the window is read before anything is sent, and only the newest of each pair goes out', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ revision: 1 }, { revision: 2 });
  world.feed();
  await world.answer(0, OK);
  expect(revisions(world)).toEqual([1, 2]);
  world.crash();
  world.commit();
  world.feed(1);
  world.outwait();
  expect(world.open).toEqual([]);
  world.feed(1);
  expect(revisions(world)).toEqual([1, 2, 2]);
});

test('a pending delivery that a newer one in the window overtook is not sent after a crash', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ revision: 1 });
  world.feed();
  await world.answer(0, status(429, '600'));
  world.commit();
  world.append({ revision: 2 });
  world.feed();
  world.crash();
  world.clock.advance(HOUR_MS);
  world.commit();
  expect(world.open).toEqual([]);
  world.feed();
  expect(world.open).toMatchObject([{ revision: 2 }]);
});

test('a lead that has not moved in a later generation of the application needs no mark, as in the first one', async () => {
  const world = ownedWorld([testEndpoint()]);
  const began = revisionOf(MOVES_PER_GENERATION, 1);
  world.append({ leadId: '1', revision: began }, { leadId: '2', revision: began + FIRST_MOVED_REVISION });
  world.feed();
  await world.answer(0, OK);
  await world.answer(0, OK);
  expect(world.commit()?.marks.map(({ key }) => key.leadId)).toEqual(['2']);
});

test('a lower revision that follows a move is dropped, also after a restart', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ revision: FIRST_MOVED_REVISION + 1 });
  world.feed();
  await world.answer(0, OK);
  const commit = world.commit();
  const expiresAt = world.clock.now() + 7 * 24 * HOUR_MS;
  expect(commit?.marks).toMatchObject([
    { key: { suffix: 'seen' }, mark: { kind: 'seen', revision: FIRST_MOVED_REVISION + 1, expiresAt } },
  ]);
  world.append({ revision: 5 });
  world.crash();
  world.commit();
  world.feed();
  expect(world.open).toEqual([]);
  expect(world.meter.counts.get('stale_total crm')).toBe(1);
  expect(world.commit()?.position.nextOffset).toBe(2);
});

test('a lower revision that follows a move is dropped also when the moved one was pending before the position passed it', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '1' }, { leadId: '2', revision: FIRST_MOVED_REVISION });
  world.feed();
  await world.answer(1, status(500));
  expect(world.commit()?.position.nextOffset).toBe(0);
  world.crash();
  world.commit();
  world.feed();
  world.clock.advance(5000);
  await world.answerAll(OK);
  world.commit();
  world.append({ leadId: '2', revision: 9 });
  world.feed();
  expect(world.open).toEqual([]);
});

test('an endpoint on create gets each lead once, also after a restart; the mark goes after 48 h', async () => {
  const world = ownedWorld([testEndpoint({ on: 'create' })]);
  world.append({ revision: 1, cause: 'created' }, { revision: 2, cause: 'changed' });
  world.append({ revision: FIRST_MOVED_REVISION, cause: 'created' });
  world.feed(2);
  await world.answer(0, OK);
  expect(world.commit()?.marks).toMatchObject([{ mark: { kind: 'done', revision: 1 } }]);
  world.crash();
  world.commit();
  world.feed();
  expect(revisions(world)).toEqual([1]);
  world.commit();
  world.clock.advance(48 * HOUR_MS);
  expect(world.commit()?.marks).toMatchObject([{ key: { suffix: 'done' }, mark: null }]);
});

test('what is created again while the first one is in flight is not sent once that one is delivered', async () => {
  const world = ownedWorld([testEndpoint({ on: 'create' })]);
  world.append({ revision: 1, cause: 'created' }, { revision: FIRST_MOVED_REVISION, cause: 'created' });
  world.feed();
  await world.answer(0, OK);
  expect(revisions(world)).toEqual([1]);
  expect(world.commit()?.position.nextOffset).toBe(2);
});

test('pending deliveries of an endpoint that is gone at the next start become dead letters', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '1' });
  world.feed();
  await world.answer(0, status(500));
  world.commit();
  world.crash([]);
  expect(world.commit()).toMatchObject({ pending: [{ delivery: null }], deadLetters: [{ code: 'endpoint-removed' }] });
});

test('what waits for an endpoint that is removed while the task runs becomes a dead letter; in flight may still arrive', async () => {
  const limits = { concurrency: 1, ratePerSecond: null, timeoutMs: 15_000 };
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append({ leadId: '1' }, { leadId: '2' }, { leadId: '3' });
  world.feed();
  world.lanes.replace([]);
  await world.answer(0, OK);
  expect(world.commit()).toMatchObject({
    position: { nextOffset: 3 },
    deadLetters: [{ record: { leadId: '2' } }, { record: { leadId: '3' } }],
  });
});

test('a disabled endpoint keeps what is pending, sends nothing, and goes on when it is enabled', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '1' }, { leadId: '2' });
  world.feed(1);
  await world.answer(0, status(500));
  world.commit();
  world.lanes.replace([testEndpoint({ enabled: false })]);
  world.feed();
  world.clock.advance(HOUR_MS);
  world.commit();
  expect([world.open.length, world.pending.size, world.position.nextOffset]).toEqual([0, 1, 2]);
  world.lanes.replace([testEndpoint()]);
  expect(world.open).toMatchObject([{ leadId: '1', attempt: 2 }]);
});

test('what is pending for a disabled endpoint is given up when it grows too old', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '1' });
  world.feed();
  await world.answer(0, status(500));
  world.commit();
  world.lanes.replace([testEndpoint({ enabled: false })]);
  world.clock.advance(73 * HOUR_MS);
  expect(world.commit()).toMatchObject({ pending: [{ delivery: null }], deadLetters: [{ code: 'gave-up' }] });
});

test('beyond the limit of pending bytes a delivery becomes a dead letter with code backlog', async () => {
  const world = ownedWorld([testEndpoint()], { pendingBytesPerEndpointMax: 2 * (BESIDE_BYTES + 100) });
  world.append({ leadId: '1' }, { leadId: '2' }, { leadId: '3' });
  world.feed();
  await world.answerAll(status(500));
  const commit = world.commit();
  expect(commit?.pending).toHaveLength(2);
  expect(commit?.deadLetters).toMatchObject([{ code: 'backlog', record: { leadId: '3' } }]);
});

test('drain starts nothing more, waits for what is in flight, and releases the task', async () => {
  const world = ownedWorld([testEndpoint({ limits: { concurrency: 1, ratePerSecond: null, timeoutMs: 15_000 } })]);
  world.append({ leadId: '1' }, { leadId: '2' });
  world.feed();
  const drained = world.deliverer.drain(world.clock.now() + 10_000);
  expect(world.commit()).toBeNull();
  await world.answer(0, OK);
  await drained;
  expect(world.sent).toHaveLength(1);
  expect(world.commit()?.position).toEqual({
    nextOffset: 1,
    sentBound: 2,
    released: true,
    owner: 'process 0',
    redrives: 0,
  });
  expect(world.commit()).toBeNull();
  expect(world.clock.waiting).toBe(0);
});

test('drain ends at its deadline and then does not release the task', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '1' });
  world.feed();
  const drained = world.deliverer.drain(world.clock.now() + 10_000);
  world.clock.advance(10_000);
  await drained;
  expect(world.deliverer.inFlight).toBe(1);
  expect(world.commit()).toMatchObject({ position: { nextOffset: 1, released: false }, pending: [{}] });
});

test('after abandon an answer changes nothing', async () => {
  const world = ownedWorld([testEndpoint()]);
  world.append({ leadId: '1' });
  world.feed();
  const [post] = world.open;
  const old = world.deliverer;
  world.crash();
  post?.answer(status(404));
  await settled();
  expect(old.plan()).toBeNull();
});

test('news are told once until the next plan', async () => {
  const world = ownedWorld([testEndpoint()]);
  const before = world.news;
  world.append({ leadId: '1' }, { leadId: '2' });
  world.feed();
  await world.answerAll(OK);
  expect(world.news).toBe(before + 1);
  world.commit();
  world.append({ leadId: '3' });
  world.feed();
  await world.answerAll(OK);
  expect(world.news).toBe(before + 2);
});
