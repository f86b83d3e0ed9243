/**
 * Tells why a coordinator was not found. Kafka refuses the look-up itself when a right on the group or transactional id is
 * missing. The client asks one broker after the other, drops their errors, and says "not found" in the end, which reads as if a
 * broker were away and is tried again for ever. Here a refusal is thrown instead; all other failures stay as they are.
 */
import type { AnyFunction } from './internals.ts';

type WithBroker = (work: (at: unknown) => Promise<unknown>) => Promise<unknown>;

interface Cluster {
  readonly brokerPool: { readonly withBroker: WithBroker };
}

type Find = (this: Cluster, lookup: unknown) => Promise<unknown>;

const REFUSALS: ReadonlySet<unknown> = new Set(['GROUP_AUTHORIZATION_FAILED', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED']);

/** Makes the replacement of `Cluster.findGroupCoordinatorMetadata` from the client's own. */
export function tellingRefusals(find: AnyFunction): Find {
  return async function findOrTell(lookup) {
    let refusal: unknown = null;
    const withBroker: WithBroker = (work) =>
      this.brokerPool.withBroker(async (at) => {
        try {
          return await work(at);
        } catch (error) {
          if (REFUSALS.has((error as { type?: unknown } | null)?.type)) refusal = error;
          throw error;
        }
      });
    const listening = Object.create(this, { brokerPool: { value: { withBroker } } });
    try {
      return await find.call(listening, lookup);
    } catch (error) {
      throw refusal ?? error;
    }
  };
}
