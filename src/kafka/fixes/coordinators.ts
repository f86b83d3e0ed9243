/**
 * Remembers where coordinators are. The client asks a broker for the coordinator before every coordinator request, which
 * is half of the round trips of a transaction. An answer is kept per client connection, group or transactional id,
 * and type, and is forgotten as soon as a request to that coordinator fails in any way that is not the normal course of
 * groups and transactions, or its connection is gone or replaced. So a moved coordinator costs one failed request, which its
 * caller handles as before.
 */
import type { AnyFunction } from './internals.ts';

interface Broker {
  isConnected(): boolean;
}

interface Cluster {
  readonly brokerPool: { readonly brokers: Readonly<Record<string, Broker>> };
}

interface Lookup {
  readonly groupId: string;
  /** 0 = group, 1 = transaction. */
  readonly coordinatorType?: number;
}

interface Known {
  readonly broker: Broker;
  readonly failures: number;
}

type Find = (this: Cluster, lookup: Lookup) => Promise<Broker>;

/** Requests that only a coordinator answers; each is wrapped by `noticing`. */
export const COORDINATOR_REQUESTS = [
  'initProducerId',
  'addPartitionsToTxn',
  'addOffsetsToTxn',
  'txnOffsetCommit',
  'endTxn',
  'joinGroup',
  'syncGroup',
  'heartbeat',
  'leaveGroup',
  'offsetCommit',
  'offsetFetch',
  'describeGroups',
] as const;

/** Failures that say nothing against the coordinator. */
const HARMLESS: ReadonlySet<unknown> = new Set([
  'CONCURRENT_TRANSACTIONS',
  'REBALANCE_IN_PROGRESS',
  'MEMBER_ID_REQUIRED',
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
]);

export class CoordinatorMemory {
  readonly #known = new WeakMap<Cluster, Map<string, Known>>();
  readonly #failures = new WeakMap<Broker, number>();

  /** Makes the replacement of `Cluster.findGroupCoordinator` from the client's own. */
  remembering(find: AnyFunction): Find {
    const memory = this;
    return async function findRemembered(lookup) {
      const key = `${lookup.coordinatorType ?? 0} ${lookup.groupId}`;
      const kept = memory.#of(this);
      const known = kept.get(key);
      if (known !== undefined && memory.#holds(this, known)) return known.broker;
      kept.delete(key);
      const broker = (await find.call(this, lookup)) as Broker;
      kept.set(key, { broker, failures: memory.#failures.get(broker) ?? 0 });
      return broker;
    };
  }

  /** Makes the replacement of one of the broker's COORDINATOR_REQUESTS from the client's own. */
  noticing(request: AnyFunction): (this: Broker, ...parameters: unknown[]) => Promise<unknown> {
    const memory = this;
    return async function requestNoticed(...parameters) {
      try {
        return await request.apply(this, parameters);
      } catch (error) {
        if (!HARMLESS.has((error as { type?: unknown }).type)) {
          memory.#failures.set(this, (memory.#failures.get(this) ?? 0) + 1);
        }
        throw error;
      }
    };
  }

  #of(cluster: Cluster): Map<string, Known> {
    const kept = this.#known.get(cluster) ?? new Map<string, Known>();
    this.#known.set(cluster, kept);
    return kept;
  }

  #holds(cluster: Cluster, { broker, failures }: Known): boolean {
    return (
      broker.isConnected() &&
      (this.#failures.get(broker) ?? 0) === failures &&
      Object.values(cluster.brokerPool.brokers).includes(broker)
    );
  }
}
