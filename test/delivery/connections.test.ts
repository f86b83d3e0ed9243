import { expect, test } from 'vitest';
import { Connections } from '../../src/delivery/connections.ts';
import { testEndpoint } from '../support/deliver-world.ts';

test('retired connections are closed when they are idle, others when their request has ended', () => {
  const endpoint = testEndpoint();
  const connections = new Connections(endpoint, endpoint.url.origin, {
    resolve: async () => [],
    onRefused: () => undefined,
  });
  const [idle, busy] = [connections.take(), connections.take()];
  connections.giveBack(idle);
  connections.retire();
  expect([idle.client.destroyed, busy.client.destroyed, connections.empty]).toEqual([true, false, false]);
  connections.giveBack(busy);
  expect([busy.client.destroyed, connections.empty]).toEqual([true, true]);
});

test('the connection given back last is taken first, and a discarded one never again', () => {
  const endpoint = testEndpoint();
  const connections = new Connections(endpoint, endpoint.url.origin, {
    resolve: async () => [],
    onRefused: () => undefined,
  });
  const [a, b, c] = [connections.take(), connections.take(), connections.take()];
  expect(new Set([a, b, c]).size).toBe(3);
  connections.giveBack(a);
  connections.giveBack(b);
  connections.discard(c);
  connections.giveBack(c);
  expect([connections.take(), connections.take()]).toEqual([b, a]);
  expect(connections.take()).not.toBe(c);
  connections.close();
  expect(a.client.destroyed).toBe(true);
});
