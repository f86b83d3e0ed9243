/**
 * A send that is tried again while a part of it is still on its way. The client sends a request to each broker at once, and when
 * one of them fails it starts anew with every broker that has not answered, also those that are about to. Such a request is
 * written twice, each time under sequence numbers of its own, within the same transaction, and nothing in the answer tells. It
 * needs no failure: the first request of a transaction is often refused for a moment (CONCURRENT_TRANSACTIONS) while the one
 * to the next broker is already accepted. So here an attempt ends only when all of its requests have ended.
 */
import type { AnyFunction } from './internals.ts';

type Bail = (error: unknown) => void;
type Attempt = (bail: Bail, count: number, time: number) => Promise<unknown>;
type Retrier = (attempt: Attempt) => Promise<unknown>;

/** The client takes the lock of a broker for each request and releases it when the request has ended, however it did. */
interface Locks {
  acquireBrokerLock(broker: unknown): Promise<void>;
  releaseBrokerLock(broker: unknown): Promise<void>;
}

interface Parts {
  readonly retrier: Retrier;
  readonly eosManager: Locks;
}

/** Makes the replacement of `producer/sendMessages` from the client's own. */
export function endingTogether(create: AnyFunction) {
  return (parts: Parts): AnyFunction => {
    return async (...call: unknown[]) => {
      const open = new OpenRequests(parts.eosManager);
      const retrier: Retrier = (attempt) => parts.retrier(endingWith(open, attempt));
      const send = create({ ...parts, eosManager: open.locks, retrier }) as AnyFunction;
      return await send(...call);
    };
  };
}

/** The attempt, whose failure, also one for good, is told when its last request has ended. */
function endingWith(open: OpenRequests, attempt: Attempt): Attempt {
  return async (bail, count, time) => {
    const final: unknown[] = [];
    try {
      return await attempt((error) => final.push(error), count, time);
    } finally {
      await open.ended();
      for (const error of final) bail(error);
    }
  };
}

/** Counts the requests of one send that have not ended. */
class OpenRequests {
  readonly locks: Locks;
  #open = 0;
  #waiting: (() => void)[] = [];

  constructor(locks: Locks) {
    this.locks = {
      ...locks,
      acquireBrokerLock: async (broker) => {
        this.#open++;
        await locks.acquireBrokerLock(broker).catch((error: unknown) => {
          this.#ends();
          throw error;
        });
      },
      releaseBrokerLock: async (broker) => {
        try {
          await locks.releaseBrokerLock(broker);
        } finally {
          this.#ends();
        }
      },
    };
  }

  async ended(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #ends(): void {
    this.#open--;
    if (this.#open === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
