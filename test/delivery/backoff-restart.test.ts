/** What of the backoff outlives the process: failures in a row as `delivery-state` keeps them, through whole lives of the deliverer. */
import { expect, test } from 'vitest';
import type { PendingDelivery } from '../../src/core/delivery.ts';
import { DeliverWorld, status, testEndpoint } from '../support/deliver-world.ts';

const HOUR_MS = 3_600_000;

function ownedWorld(): DeliverWorld {
  const world = new DeliverWorld([testEndpoint()]);
  world.commit();
  return world;
}

function stored(world: DeliverWorld): PendingDelivery | undefined {
  world.commit();
  return [...world.pending.values()].at(-1)?.delivery;
}

test('probes that were answered by 401 do not make the first failure after a restart wait like the ninth', async () => {
  const world = ownedWorld();
  world.append({ leadId: '9' });
  world.feed();
  for (let probe = 0; probe < 8; probe += 1) {
    if (probe > 0) world.clock.advance(HOUR_MS);
    await world.answer(0, status(401));
  }
  expect(stored(world)).toMatchObject({ attempts: 8, failures: 0 });
  world.crash();
  world.commit();
  world.clock.advance(HOUR_MS);
  await world.answer(0, status(500));
  expect(stored(world)).toMatchObject({ attempts: 9, failures: 1 });
  expect(stored(world)?.dueAt).toBeLessThanOrEqual(world.clock.now() + 5000);
});

test('a newer revision goes on with the backoff of the one that it replaced, also after a restart', async () => {
  const world = ownedWorld();
  world.append({ leadId: '9', revision: 1 });
  world.feed();
  for (let failure = 1; failure <= 4; failure += 1) {
    await world.answer(0, status(500));
    if (failure < 4) world.clock.advance(HOUR_MS);
  }
  world.append({ leadId: '9', revision: 2 });
  world.feed();
  world.clock.advance(HOUR_MS);
  await world.answer(0, status(500));
  expect(stored(world)).toMatchObject({ record: { revision: 2 }, attempts: 1, failures: 5 });
  world.crash();
  world.commit();
  world.clock.advance(HOUR_MS);
  await world.answer(0, status(500));
  expect(stored(world)).toMatchObject({ record: { revision: 2 }, attempts: 2, failures: 6 });
});
