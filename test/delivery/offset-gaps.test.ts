/**
 * Offsets without records on the outbound topic: a join that dies in a transaction leaves all of its records there, aborted, and
 * nobody ever reads them. Such a gap may be wider than the send window.
 */
import { expect, test } from 'vitest';
import { DeliverWorld, OK, outbound, testEndpoint } from '../support/deliver-world.ts';

test('a gap wider than the window is passed by the position, and what follows it is sent', async () => {
  const world = new DeliverWorld([testEndpoint()], { windowRecords: 100 });
  world.commit();
  const record = outbound({ offset: 500 });
  world.log.push(record);
  world.deliverer.take([record], 501);
  expect(world.open).toEqual([]);
  expect(world.commit()?.position).toEqual({
    nextOffset: 500,
    sentBound: 600,
    released: false,
    owner: 'process 0',
    redrives: 0,
  });
  expect(world.open).toHaveLength(1);
  await world.answer(0, OK);
  expect(world.commit()?.position.nextOffset).toBe(501);
});
