/** What the rules about whole endpoints, about order, and about a task that changes its owner mean for deliveries. */
import { expect, test } from 'vitest';
import { HEALTHY } from '../../src/core/endpoint-health.ts';
import { BESIDE_BYTES } from '../../src/delivery/backlog.ts';
import { definitionDigest } from '../../src/delivery/definition.ts';
import { DeliverWorld, OK, settled, status, TIMEOUT, testEndpoint } from '../support/deliver-world.ts';

const HOUR_MS = 3_600_000;
const limits = { concurrency: 4, ratePerSecond: null, timeoutMs: 15_000 };

function ownedWorld(...parameters: ConstructorParameters<typeof DeliverWorld>): DeliverWorld {
  const world = new DeliverWorld(...parameters);
  world.commit();
  return world;
}

const sent = (world: DeliverWorld): string[] => world.sent.map(({ leadId, revision }) => `${leadId}:${revision}`);
const leads = (count: number): { leadId: string }[] => {
  return Array.from({ length: count }, (_, at) => ({ leadId: String(at + 1) }));
};

test('a delivery that waits behind the breaker uses up no attempt, and becomes pending at once', async () => {
  const breaker = { failures: 3, baseMs: 5000, capMs: 20_000 };
  const world = ownedWorld([testEndpoint({ limits: { ...limits, concurrency: 3 }, breaker })]);
  world.append(...leads(3));
  world.feed();
  for (let i = 0; i < 3; i += 1) await world.answer(0, TIMEOUT);
  world.append({ leadId: '9' });
  world.feed();
  const plan = world.commit();
  expect(plan?.position.nextOffset).toBe(4);
  expect(plan?.pending.map(({ delivery }) => [delivery?.record.leadId, delivery?.attempts])).toEqual([
    ['1', 1],
    ['2', 1],
    ['3', 1],
    ['9', 0],
  ]);
  world.clock.advance(5000);
  expect(world.open).toMatchObject([{ leadId: '9', attempt: 1 }]);
});

test('401 drops nothing, grows no backoff, and lets one probe through after a while; a success opens the endpoint again', async () => {
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append(...leads(3));
  world.feed();
  for (let i = 0; i < 3; i += 1) await world.answer(0, status(401));
  expect(world.commit()).toMatchObject({ deadLetters: [], pending: [{}, {}, {}] });
  world.clock.advance(29_999);
  expect(world.open).toEqual([]);
  world.clock.advance(1);
  expect(world.open).toHaveLength(1);
  await world.answer(0, OK);
  expect(world.open).toHaveLength(2);
});

test('what waits for an endpoint that stays held for longer than giveUpAfterMs becomes a dead letter', async () => {
  const retry = { baseMs: 1000, capMs: 2000, giveUpAfterMs: HOUR_MS };
  const world = ownedWorld([testEndpoint({ limits, retry })]);
  world.lanes.learn('crm', { ...HEALTHY, operator: { paused: true, at: 1 } });
  world.append(...leads(2));
  world.feed();
  expect(world.commit()).toMatchObject({ position: { nextOffset: 2 }, pending: [{}, {}] });
  world.clock.advance(HOUR_MS);
  const message = 'endpoint stayed operator for longer than giveUpAfterMs';
  expect(world.commit()?.deadLetters).toMatchObject([
    { code: 'gave-up', message },
    { code: 'gave-up', message },
  ]);
  expect(world.pending.size).toBe(0);
});

test('410 makes dead letters of the delivery, of all that waits, and of what comes, until the definition changes', async () => {
  const world = ownedWorld([testEndpoint({ limits: { ...limits, concurrency: 1 } }), testEndpoint({ id: 'other' })]);
  world.append(...leads(2));
  world.feed();
  await world.answer(0, status(410));
  world.append({ leadId: '3' });
  world.feed();
  const letters = world.commit()?.deadLetters ?? [];
  expect(letters.map(({ endpointId, code, record }) => `${endpointId} ${code} ${record.leadId}`).sort()).toEqual([
    'crm gone 1',
    'crm gone 2',
    'crm gone 3',
  ]);
  expect(world.sent.filter(({ endpointId }) => endpointId === 'other')).toHaveLength(3);
  world.lanes.replace([testEndpoint({ url: new URL('https://moved.example/') })]);
  world.append({ leadId: '4' });
  world.feed();
  expect(world.open.map(({ endpointId, leadId }) => `${endpointId} ${leadId}`)).toContain('crm 4');
});

test('what is pending for an endpoint that is known to be gone becomes dead letters when the task is restored', async () => {
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append(...leads(1));
  world.feed();
  await world.answer(0, status(503));
  world.commit();
  world.known.set('crm', { ...HEALTHY, gone: { definition: definitionDigest(testEndpoint({ limits })), at: 1 } });
  world.evict(true);
  expect(world.commit()).toMatchObject({ deadLetters: [{ code: 'gone' }], pending: [{ delivery: null }] });
  expect(world.pending.size).toBe(0);
});

test('with supersede: false every revision is sent, in order, one at a time, through failures', async () => {
  const world = ownedWorld([testEndpoint({ limits, supersede: false })]);
  world.append({ revision: 1 }, { revision: 2 }, { revision: 3 });
  world.feed();
  expect(sent(world)).toEqual(['1:1']);
  await world.answer(0, status(500));
  expect(world.commit()?.position.nextOffset).toBe(1);
  world.clock.advance(5000);
  await world.answer(0, status(500));
  world.clock.advance(10_000);
  await world.answer(0, OK);
  await world.answer(0, status(404));
  await world.answer(0, OK);
  expect(sent(world)).toEqual(['1:1', '1:1', '1:1', '1:2', '1:3']);
  expect(world.commit()).toMatchObject({ position: { nextOffset: 3 }, deadLetters: [{ record: { revision: 2 } }] });
});

test('with supersede: false each revision that waits is stored under its own key, and all are sent in order after a restart', async () => {
  const world = ownedWorld([testEndpoint({ limits, supersede: false })]);
  world.append({ revision: 9 }, { revision: 10 }, { revision: 11 });
  world.feed();
  await world.answer(0, status(500));
  world.clock.advance(10_000);
  world.commit();
  expect([...world.pending.keys()]).toEqual(['crm|1|pending|9', 'crm|1|pending|10', 'crm|1|pending|11']);
  expect(world.position.nextOffset).toBe(3);
  world.evict(true);
  world.commit();
  world.outwait();
  while (world.open.length > 0) await world.answer(0, OK);
  expect(sent(world).slice(-3)).toEqual(['1:9', '1:10', '1:11']);
  world.commit();
  expect(world.pending.size).toBe(0);
});

test('with supersede: false one that becomes pending takes those before it along, in flight too', async () => {
  const world = ownedWorld([testEndpoint({ limits, supersede: false }), testEndpoint({ id: 'off', enabled: false })]);
  world.append({ revision: 1 });
  world.feed();
  world.lanes.learn('crm', { ...HEALTHY, operator: { paused: true, at: 1 } });
  world.append({ revision: 2 });
  world.feed();
  world.commit();
  expect([...world.pending.keys()]).toEqual(['crm|1|pending|1', 'crm|1|pending|2']);
  await world.answer(0, OK);
  world.commit();
  expect([...world.pending.keys()]).toEqual(['crm|1|pending|2']);
});

test('an endpoint that starts to supersede sends the newest of what it had kept', async () => {
  const world = ownedWorld([testEndpoint({ limits, supersede: false })]);
  world.append({ revision: 1 }, { revision: 2 }, { revision: 3 });
  world.feed();
  world.lanes.replace([testEndpoint({ limits })]);
  world.append({ revision: 4 });
  world.feed();
  await world.answerAll(OK);
  expect(sent(world)).toEqual(['1:1', '1:4']);
  expect(world.commit()?.position.nextOffset).toBe(4);
});

test('a successor waits for what its predecessor may have in flight, unless that one has released the task', async () => {
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append({ leadId: '1' }, { leadId: '2' });
  world.feed(1);
  world.evict(false);
  world.commit();
  world.feed();
  world.clock.advance(14_999);
  expect(sent(world)).toEqual(['1:1']);
  expect(world.deliverer.waitsOnPurpose).toBe(true);
  world.clock.advance(1);
  expect([sent(world), world.deliverer.waitsOnPurpose]).toEqual([['1:1', '1:1', '2:1'], false]);
  await world.answerAll(OK);
  await world.handOver(1000);
  world.append({ leadId: '3' });
  world.commit();
  world.feed();
  expect(sent(world).at(-1)).toBe('3:1');
});

test('a successor that is still waiting does not release the task to the next one', async () => {
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append({ leadId: '1' });
  world.feed();
  world.evict(false);
  world.commit();
  await world.handOver(5000);
  expect(world.position.released).toBe(false);
});

test('before a rejoin nothing starts; what was in flight is written down, and then the task is released', async () => {
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append({ leadId: '1' }, { leadId: '2' });
  world.feed(1);
  const suspended = world.deliverer.suspend(world.clock.now() + 9000);
  world.feed();
  expect(sent(world)).toEqual(['1:1']);
  await world.answer(0, OK);
  await suspended;
  expect(world.commit()?.position).toMatchObject({ nextOffset: 1, released: true });
  world.deliverer.resume();
  expect(sent(world)).toEqual(['1:1']);
  expect(world.commit()?.position).toMatchObject({ released: false });
  expect(sent(world)).toEqual(['1:1', '2:1']);
});

test('a rejoin that could not wait for a request does not release the task, and its answer still counts here', async () => {
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append({ leadId: '1' });
  world.feed();
  await world.rejoin(1000);
  expect(world.position.released).toBe(false);
  expect(world.open).toHaveLength(1);
  await world.answer(0, OK);
  expect(world.commit()).toMatchObject({ position: { nextOffset: 1 }, pending: [] });
  expect(sent(world)).toEqual(['1:1']);
});

test('a commit that was planned before a rejoin does not prove that the task is still ours', async () => {
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append({ leadId: '1' });
  const news = world.deliverer.suspend(world.clock.now());
  world.clock.advance(0);
  await news;
  const planned = world.deliverer.plan();
  world.deliverer.resume();
  if (planned) world.deliverer.committed(planned);
  world.feed();
  expect(world.sent).toEqual([]);
});

test('a request that was withheld at the socket uses up no attempt and goes out when it may', async () => {
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append({ leadId: '1' });
  world.feed();
  await world.answer(0, { kind: 'withheld' });
  expect(world.sent.map(({ attempt }) => attempt)).toEqual([1, 1]);
  await world.answerAll(OK);
  expect(world.commit()).toMatchObject({ position: { nextOffset: 1 }, pending: [] });
});

test('an attempt that is unheard of is tried again, whatever the endpoint says of failures of the network, and is none of its own', async () => {
  const breaker = { failures: 1, baseMs: 60_000, capMs: 60_000 };
  const world = ownedWorld([testEndpoint({ breaker, outcomes: new Map([['network', 'refused']]) })]);
  world.append({ leadId: '1' });
  world.feed();
  await world.answer(0, { kind: 'unheard' });
  expect(world.commit()).toMatchObject({
    deadLetters: [],
    pending: [{ delivery: { attempts: 1, lastCode: 'unheard' } }],
  });
  expect(world.lanes.get('crm')?.state(world.clock.now())).toBe('open');
});

test('what is withheld after its endpoint was removed becomes a dead letter and does not hold the position', async () => {
  const world = ownedWorld([testEndpoint({ limits })]);
  world.append({ leadId: '1' });
  world.feed();
  world.lanes.replace([]);
  world.commit();
  await world.answer(0, { kind: 'withheld' });
  expect(world.commit()).toMatchObject({ position: { nextOffset: 1 }, deadLetters: [{ code: 'endpoint-removed' }] });
});

test('while our own way out is broken nothing becomes pending for having waited, and fetching stops at the window', async () => {
  const breaker = { failures: 1, baseMs: 300_000, capMs: 300_000 };
  const ids = ['a', 'b', 'c'];
  const world = ownedWorld(
    ids.map((id) => testEndpoint({ id, limits, breaker })),
    { windowRecords: 5 },
  );
  world.append(...leads(1));
  world.feed();
  while (world.open.length > 0) await world.answer(0, { kind: 'network', code: 'ENETUNREACH' });
  world.commit();
  world.append(...Array.from({ length: 40 }, (_, at) => ({ leadId: String(at + 2) })));
  world.feed();
  world.clock.advance(60_000);
  world.commit();
  expect([world.pending.size, world.deliverer.wants(), world.deliverer.waitsOnPurpose]).toEqual([3, false, true]);
  world.lanes.answered();
  world.clock.advance(10_000);
  await settled();
  world.commit();
  expect(world.pending.size).toBeGreaterThan(3);
  expect(world.deliverer.wants()).toBe(true);
});

test('a hung endpoint does not fill the window: what comes for it becomes pending at once', async () => {
  const world = ownedWorld([testEndpoint({ id: 'hung', limits: { ...limits, concurrency: 2 } }), testEndpoint()], {
    windowRecords: 50,
  });
  world.append(...leads(3));
  world.feed();
  const answerOthers = async (): Promise<void> => {
    for (const post of world.open.filter(({ endpointId }) => endpointId === 'crm')) post.answer(OK);
    await settled();
  };
  await answerOthers();
  world.clock.advance(1001);
  for (let lead = 4; lead <= 100; lead += 1) {
    world.append({ leadId: String(lead) });
    world.feed();
    await answerOthers();
    world.commit();
  }
  expect(world.acked.get('crm|100')).toEqual(new Set([1]));
  expect(world.sent.filter(({ endpointId }) => endpointId === 'hung')).toHaveLength(2);
});

test('beyond the limit of pending bytes of the task a delivery becomes a dead letter, whatever its endpoint', async () => {
  const world = ownedWorld([testEndpoint({ limits }), testEndpoint({ id: 'other', limits })], {
    pendingBytesMax: 2 * (BESIDE_BYTES + 100),
  });
  for (const id of ['crm', 'other']) world.lanes.learn(id, { ...HEALTHY, operator: { paused: true, at: 1 } });
  world.append({ leadId: '1', value: Buffer.alloc(100) }, { leadId: '2', value: Buffer.alloc(100) });
  world.feed();
  const plan = world.commit();
  expect(plan?.pending.map(({ key }) => `${key.endpointId} ${key.leadId}`)).toEqual(['crm 1', 'other 1']);
  expect(plan?.deadLetters.map(({ endpointId, code }) => `${endpointId} ${code}`)).toEqual([
    'crm backlog',
    'other backlog',
  ]);
});
