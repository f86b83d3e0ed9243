/** Pending deliveries for tests of what `delivery-state` keeps. */
import { factsOf, type PendingDelivery } from '../../src/core/delivery.ts';
import { packBody } from '../../src/kafka/body-compression.ts';
import { outbound } from './deliver-world.ts';

/** A delivery as `delivery-state` keeps it, after one failure; by default of `outbound()`. */
export function pendingDelivery(overrides: Partial<PendingDelivery & { value: Buffer }> = {}): PendingDelivery {
  const { value = outbound().value, ...more } = overrides;
  return {
    record: factsOf(outbound()),
    packed: packBody(value),
    attempts: 1,
    failures: 1,
    since: 1_000,
    dueAt: 9_000,
    firstFailureAt: 2_000,
    lastFailureAt: 3_000,
    lastStatus: 503,
    lastCode: 'http-503',
    ...more,
  };
}
