/** What a task leaves to its next owner when it is handed over in peace: all that was sent is behind the position. */
import { expect, test } from 'vitest';
import { DeliverWorld, OK, testEndpoint } from '../support/deliver-world.ts';

const ENDS = ['a stop', 'a rejoin'] as const;
const limits = { concurrency: 1, ratePerSecond: null, timeoutMs: 15_000 };

/** Three leads, delivered to one endpoint, while another one has the first of them in flight. */
async function halfDelivered(): Promise<DeliverWorld> {
  const world = new DeliverWorld([testEndpoint({ id: 'quick' }), testEndpoint({ id: 'slow', limits })]);
  world.commit();
  world.append({ leadId: '1' }, { leadId: '2' }, { leadId: '3' }, { leadId: '4', dealershipId: '9' });
  world.feed();
  for (const post of world.open.filter(({ endpointId }) => endpointId === 'quick')) post.answer(OK);
  await world.answer(world.open.length, OK);
  return world;
}

const sentTo = (world: DeliverWorld, id: string): string[] => {
  return world.sent.filter(({ endpointId }) => endpointId === id).map(({ leadId }) => leadId);
};

test.each(ENDS)('after %s in peace nothing that was sent is sent again', async (what) => {
  const world = await halfDelivered();
  const deadline = world.clock.now() + 10_000;
  const ended = what === 'a stop' ? world.deliverer.drain(deadline) : world.deliverer.suspend(deadline);
  await world.answer(0, OK);
  await ended;
  expect(world.commit()?.position).toMatchObject({ nextOffset: 4, released: true });
  world.crash();
  world.commit();
  await world.finish();
  expect(sentTo(world, 'quick')).toEqual(['1', '2', '3']);
  expect(sentTo(world, 'slow')).toEqual(['1', '2', '3']);
});

test('what is in flight when a stop can wait no longer is written down, so that only it may come again', async () => {
  const world = await halfDelivered();
  const ended = world.deliverer.drain(world.clock.now() + 500);
  world.clock.advance(500);
  await ended;
  expect(world.commit()).toMatchObject({ position: { nextOffset: 4, released: false }, pending: [{}, {}, {}] });
  world.crash();
  world.commit();
  world.outwait();
  await world.finish();
  expect(sentTo(world, 'quick')).toEqual(['1', '2', '3']);
  expect(sentTo(world, 'slow')).toEqual(['1', '1', '2', '3']);
});

test('records of which nothing has been sent stay where they are: a stop writes no more than it must', async () => {
  const world = new DeliverWorld([testEndpoint({ limits })]);
  world.commit();
  world.append({ leadId: '1' }, { leadId: '2' }, { leadId: '3' });
  world.feed();
  const ended = world.deliverer.drain(world.clock.now() + 10_000);
  await world.answer(0, OK);
  await ended;
  expect(world.commit()).toMatchObject({ position: { nextOffset: 1, released: true }, pending: [] });
});

test.each(ENDS)(
  'after %s in peace a record that has been delivered to all is not sent again for one before it',
  async (what) => {
    const world = new DeliverWorld([testEndpoint({ limits: { ...limits, concurrency: 2 } })]);
    world.commit();
    world.append({ leadId: '1', revision: 1 }, { leadId: '1', revision: 2 }, { leadId: '2' });
    world.feed();
    const deadline = world.clock.now() + 10_000;
    const second = world.open.findIndex(({ leadId }) => leadId === '2');
    await world.answer(second, OK);
    const ended = what === 'a stop' ? world.deliverer.drain(deadline) : world.deliverer.suspend(deadline);
    await world.answer(0, OK);
    await ended;
    expect(world.commit()).toMatchObject({ position: { nextOffset: 3, released: true }, pending: [{}] });
    world.crash();
    world.commit();
    await world.finish();
    expect(world.sent.map(({ leadId, revision }) => `${leadId}.${revision}`)).toEqual(['1.1', '2.1', '1.2']);
  },
);
