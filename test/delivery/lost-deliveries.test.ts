/** Very many deliveries that are lost at once are buried in portions, whether they were in memory or are read back. */
import { expect, test } from 'vitest';
import { HEALTHY } from '../../src/core/endpoint-health.ts';
import { BURIED_MAX } from '../../src/delivery/lost-deliveries.ts';
import { DeliverWorld, testEndpoint } from '../support/deliver-world.ts';

test('what waits for an endpoint that is removed becomes dead letters portion by portion, also after a restart', () => {
  const world = new DeliverWorld([testEndpoint()]);
  world.commit();
  world.lanes.learn('crm', { ...HEALTHY, operator: { paused: true, at: 1 } });
  world.append(...Array.from({ length: BURIED_MAX + 500 }, (_, at) => ({ leadId: String(at) })));
  world.feed();
  world.commit();
  expect(world.pending.size).toBe(BURIED_MAX + 500);
  world.lanes.replace([]);
  const news = world.news;
  world.commit();
  expect([world.deadLetters.length, world.pending.size, world.news > news]).toEqual([BURIED_MAX, 500, true]);
  world.crash([]);
  world.commit();
  expect([world.deadLetters.length, world.pending.size]).toEqual([BURIED_MAX + 500, 0]);
  const values = world.deadLetters.map(({ record }) => record.value.toString());
  expect(values).toContain('{"id":7,"revision":1}');
});
