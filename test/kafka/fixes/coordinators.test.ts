import { describe, expect, it, vi } from 'vitest';
import '../../../src/kafka/fixes.ts';
import { CoordinatorMemory } from '../../../src/kafka/fixes/coordinators.ts';
import { internal } from '../../../src/kafka/fixes/internals.ts';
import { unfixed } from '../../support/unfixed-client.ts';

interface Cluster {
  findGroupCoordinator(lookup: { groupId: string; coordinatorType?: number }): Promise<unknown>;
}

/** The client's Cluster class with everything below the look-up replaced. */
function countedCluster(Class: { prototype: Cluster }, broker: object): { cluster: Cluster; lookups: () => number } {
  const findGroupCoordinatorMetadata = vi.fn(async () => ({ coordinator: { nodeId: 1 } }));
  const cluster: Cluster = Object.assign(Object.create(Class.prototype), {
    retrier: (work: (bail: (error: Error) => never) => unknown) =>
      work((error) => {
        throw error;
      }),
    brokerPool: { brokers: { 1: broker } },
    findBroker: async () => broker,
    findGroupCoordinatorMetadata,
  });
  return { cluster, lookups: () => findGroupCoordinatorMetadata.mock.calls.length };
}

const connected = { isConnected: () => true };
const lookup = { groupId: 'lead-webhooks.join.0', coordinatorType: 1 };

describe('finding a coordinator', () => {
  it('unfixed, a broker is asked before every request', async () => {
    const { cluster, lookups } = countedCluster(unfixed('cluster'), connected);
    await cluster.findGroupCoordinator(lookup);
    await cluster.findGroupCoordinator(lookup);
    expect(lookups()).toBe(2);
  });

  it('fixed, a broker is asked once per id and type', async () => {
    const { cluster, lookups } = countedCluster(internal('cluster') as never, connected);
    for (let time = 0; time < 3; time++) expect(await cluster.findGroupCoordinator(lookup)).toBe(connected);
    await cluster.findGroupCoordinator({ groupId: lookup.groupId });
    await cluster.findGroupCoordinator({ groupId: 'other', coordinatorType: 1 });
    expect(lookups()).toBe(3);
  });

  it('the client tries InitProducerId once, and not six times by itself', () => {
    expect(Reflect.get((internal('cluster') as { prototype: object }).prototype, 'retry')).toEqual({ retries: 0 });
    expect(Reflect.get(unfixed<{ prototype: object }>('cluster').prototype, 'retry')).toBeUndefined();
  });
});

describe('forgetting a coordinator', () => {
  class Coordinator {
    connected = true;
    failure: object | null = null;
    isConnected(): boolean {
      return this.connected;
    }
    async endTxn(): Promise<string> {
      if (this.failure !== null) throw this.failure;
      return 'ended';
    }
  }

  function remembered() {
    const memory = new CoordinatorMemory();
    const broker = new Coordinator();
    const cluster = { brokerPool: { brokers: { 1: broker as Coordinator } } };
    const find = vi.fn(async () => cluster.brokerPool.brokers[1]);
    const findRemembered = memory.remembering(find);
    const endTxn = memory.noticing(Coordinator.prototype.endTxn);
    const ask = async (): Promise<number> => {
      await findRemembered.call(cluster, lookup);
      return find.mock.calls.length;
    };
    return { broker, cluster, ask, end: () => endTxn.call(broker) };
  }

  it.each([
    ['NOT_COORDINATOR_FOR_GROUP', { type: 'NOT_COORDINATOR_FOR_GROUP' }],
    ['a lost connection', { name: 'KafkaJSConnectionClosedError' }],
  ])('happens after %s, and the caller sees the failure', async (_, failure) => {
    const { broker, ask, end } = remembered();
    expect(await ask()).toBe(1);
    broker.failure = failure;
    await expect(end()).rejects.toBe(failure);
    expect(await ask()).toBe(2);
    expect(await ask()).toBe(2);
  });

  it('does not happen while a transaction before it is being ended', async () => {
    const { broker, ask, end } = remembered();
    await ask();
    broker.failure = { type: 'CONCURRENT_TRANSACTIONS' };
    await expect(end()).rejects.toBe(broker.failure);
    broker.failure = null;
    expect(await end()).toBe('ended');
    expect(await ask()).toBe(1);
  });

  it('happens when the connection is gone or the broker was replaced', async () => {
    const { broker, cluster, ask } = remembered();
    await ask();
    broker.connected = false;
    expect(await ask()).toBe(2);
    broker.connected = true;
    expect(await ask()).toBe(2);
    cluster.brokerPool.brokers[1] = new Coordinator();
    expect(await ask()).toBe(3);
  });
});
