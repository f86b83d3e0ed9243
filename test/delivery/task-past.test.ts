/** How long a new life of a task waits for what earlier owners may still have on the way, in virtual time. */
import { expect, test } from 'vitest';
import { TaskPast } from '../../src/delivery/task-past.ts';
import { DeliverWorld, OK, settled, testEndpoint } from '../support/deliver-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const LONGEST_MS = 15_000;

function setUp(leaseMs = 0) {
  const clock = new VirtualClock();
  const past = new TaskPast(clock, { owner: 'us', leaseMs });
  let told = 0;
  const begin = (owner: string | null, released = false) =>
    past.begin({ nextOffset: 0, sentBound: 0, released, owner, redrives: 0 }, LONGEST_MS, () => {
      told += 1;
    });
  return { clock, past, begin, told: () => told };
}

test('a stranger who did not release the task is waited for as long as an attempt may last, and then it is told', () => {
  for (const owner of ['a stranger', null]) {
    const { clock, past, begin, told } = setUp();
    begin(owner);
    clock.advance(LONGEST_MS - 1);
    expect([past.quiet, told()]).toEqual([false, 0]);
    clock.advance(1);
    expect([past.quiet, told()]).toEqual([true, 1]);
  }
});

test('a stranger that was put out of the group while it lives may begin attempts until its lease ends: it is waited for that long', () => {
  const { clock, past, begin, told } = setUp(2 * LONGEST_MS);
  begin('a stranger');
  clock.advance(2 * LONGEST_MS - 1);
  expect([past.quiet, told()]).toEqual([false, 0]);
  clock.advance(1);
  expect([past.quiet, told()]).toEqual([true, 1]);
});

test('a wall clock that is set forward does not end the wait for a stranger', () => {
  const { clock, past, begin } = setUp();
  begin('a stranger');
  clock.step(3_600_000);
  expect(past.quiet).toBe(false);
});

test('who released the task is not waited for, and neither is this process itself when nothing of it is on the way', () => {
  const { past, begin, clock } = setUp();
  begin('a stranger', true);
  expect(past.quiet).toBe(true);
  begin('us');
  expect([past.quiet, clock.waiting]).toEqual([true, 0]);
});

test('of earlier lives of this process the attempts themselves are waited for, all of them', async () => {
  const { past, begin, told } = setUp();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  begin('us')(first.promise);
  begin('us')(second.promise);
  begin('us');
  first.resolve();
  await settled();
  expect([past.quiet, told()]).toEqual([false, 0]);
  second.resolve();
  await settled();
  expect([past.quiet, told()]).toEqual([true, 1]);
});

test('a stranger is waited for to the end, also when the task begins again meanwhile under a position of this process', async () => {
  const { clock, past, begin } = setUp();
  const end = begin('a stranger');
  clock.advance(5_000);
  end(Promise.resolve());
  await settled();
  begin('us');
  clock.advance(LONGEST_MS - 5_001);
  expect(past.quiet).toBe(false);
  clock.advance(1);
  expect(past.quiet).toBe(true);
});

test('a task that begins again in the same process sends as soon as its own attempts have ended, not after the longest timeout', async () => {
  const world = new DeliverWorld([testEndpoint()]);
  world.append({ leadId: '1' }, { leadId: '2', offset: 1 });
  world.commit();
  world.feed();
  expect(world.open.length).toBe(2);
  world.restart();
  world.commit();
  world.feed();
  await world.answer(0, OK);
  expect(world.open.map(({ leadId }) => leadId)).toEqual(['2']);
  await world.answer(0, OK);
  expect(world.open.map(({ leadId }) => leadId)).toEqual(['1', '2']);
});
