/**
 * Hooks into the group protocol of kafkajs's consumer, which does not offer them: a pause before a rejoin (a task that
 * delivers must end its attempts before it may lose its partitions), the generation, and when the group last heard of us.
 * They wrap the coordinator that the consumer's own connections hand out; the requests themselves are left as they are.
 */

import type { Moment } from '../lib/clock.ts';

export interface GroupHooks {
  /** Awaited before every JoinGroup. */
  beforeJoin(): Promise<void>;
  onJoined(generation: number): void;
  /**
   * The group has accepted a heartbeat or a join that was sent at `sentAt`: the session lasts at least from there.
   */
  onContact(sentAt: Moment): void;
}

export interface Coordinator {
  describeGroups(request: {
    groupIds: string[];
  }): Promise<{ groups: { members: { memberId: string; clientId: string }[] }[] }>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
}

type Request = (this: unknown, ...parameters: unknown[]) => Promise<unknown>;
type Methods = Record<string | symbol, unknown>;

export interface GroupCluster {
  findGroupCoordinator(lookup: { groupId: string }): Promise<Coordinator>;
}

/**
 * Puts the hooks into one consumer's cluster, for as long as it lives.
 * @param now the present moment
 */
export function hookGroup(cluster: GroupCluster, hooks: GroupHooks, now: () => Moment): void {
  const find = cluster.findGroupCoordinator.bind(cluster);
  const contact = (request: Request): Request =>
    async function sayContact(this: unknown, ...parameters) {
      const sentAt = now();
      const answer = await request.apply(this, parameters);
      hooks.onContact(sentAt);
      return answer;
    };
  const wrappers: Record<string, (request: Request) => Request> = {
    heartbeat: contact,
    syncGroup: contact,
    joinGroup: (request) =>
      async function joinAfterHook(this: unknown, ...parameters) {
        await hooks.beforeJoin();
        const answer = await request.apply(this, parameters);
        hooks.onJoined((answer as { generationId: number }).generationId);
        return answer;
      },
  };
  cluster.findGroupCoordinator = async (lookup) => wrapped((await find(lookup)) as unknown as Methods, wrappers);
}

/** The coordinator with some requests wrapped. Every method runs on the broker itself, which others know by identity. */
function wrapped(broker: Methods, wrappers: Readonly<Record<string, (request: Request) => Request>>): Coordinator {
  return new Proxy(broker, {
    get(target, name) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      const wrapper = typeof name === 'string' && Object.hasOwn(wrappers, name) ? wrappers[name] : undefined;
      return (wrapper?.(value as Request) ?? value).bind(target);
    },
  }) as unknown as Coordinator;
}
