/** The hooks in the group protocol, on a coordinator that knows itself by identity as the client's does. */
import { expect, test } from 'vitest';
import { type GroupCluster, hookGroup } from '../../src/kafka/group-hooks.ts';
import type { Moment } from '../../src/lib/clock.ts';

function setUp() {
  const calls: string[] = [];
  let release: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    release = resolve;
  });
  const broker = {
    nodeId: 4,
    async joinGroup() {
      calls.push(this === broker ? 'join' : 'join on a stranger');
      return { generationId: 9 };
    },
    async heartbeat() {
      calls.push('heartbeat');
    },
    async syncGroup() {
      throw new Error('rebalance');
    },
    async offsetCommit() {
      calls.push(this === broker ? 'commit' : 'commit on a stranger');
    },
  };
  const cluster = { findGroupCoordinator: async () => broker } as unknown as GroupCluster;
  let time = 100;
  const hooks = {
    beforeJoin: async () => {
      calls.push('before');
      await waiting;
    },
    onJoined: (generation: number) => calls.push(`joined ${generation}`),
    onContact: (sentAt: Moment) => calls.push(`contact ${sentAt.now} ${sentAt.monotonic}`),
  };
  hookGroup(cluster, hooks, () => ({ now: time++, monotonic: 7 }));
  const coordinator = cluster.findGroupCoordinator({ groupId: 'g' }) as unknown as Promise<typeof broker>;
  return { calls, coordinator, release };
}

test('a join waits for the hook, runs on the broker itself and tells the generation', async () => {
  const { calls, coordinator, release } = setUp();
  const joining = (await coordinator).joinGroup();
  expect(calls).toEqual(['before']);
  release();
  expect(await joining).toEqual({ generationId: 9 });
  expect(calls).toEqual(['before', 'join', 'joined 9']);
});

test('contact is dated when the request was sent, and only if it was accepted', async () => {
  const { calls, coordinator } = setUp();
  await (await coordinator).heartbeat();
  await expect((await coordinator).syncGroup()).rejects.toThrow('rebalance');
  expect(calls).toEqual(['heartbeat', 'contact 100 7']);
});

test('what is not hooked is left as it is', async () => {
  const { calls, coordinator } = setUp();
  await (await coordinator).offsetCommit();
  expect([calls, (await coordinator).nodeId]).toEqual([['commit'], 4]);
});
