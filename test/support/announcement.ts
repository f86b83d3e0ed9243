/** A record of the outbound topic for tests that care about a few of its fields. */
import type { OutboundRecord } from '../../src/core/delivery.ts';

/** One with nothing special but what is given. */
export function announcement(fields: Partial<OutboundRecord> = {}): OutboundRecord {
  return {
    offset: 0,
    leadId: '138559',
    version: 'v3',
    revision: 1,
    cause: 'created',
    dealershipId: '3',
    changedAt: 1_000,
    traceparent: null,
    value: Buffer.from('{}'),
    bodyStart: 0,
    ...fields,
  };
}
