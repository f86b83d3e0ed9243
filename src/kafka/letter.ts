/**
 * A dead letter as an operator's command reads it back: why, where from, and whether it can be delivered again. The opposite of
 * dead-letter.ts and outbound-record.ts. What the record carries (its key, value and headers) stays in the record.
 */
import { type OutboundRecord, REDRIVABLE_MS } from '../core/delivery.ts';
import { ERROR_HEADER_PREFIX } from './dead-letter.ts';
import { readOutbound } from './outbound-record.ts';
import type { KafkaRecord } from './record.ts';

export interface Letter {
  /** Where the dead letter lies. */
  readonly partition: number;
  readonly offset: number;
  /** When it was written, ms since the epoch. */
  readonly writtenAt: number;
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  /** Where the original lies or lay. */
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: number };
  /** Only of deliveries, as are all that follow; null = not known. */
  readonly endpoint: string | null;
  readonly lead: string | null;
  readonly version: string | null;
  readonly revision: number | null;
  readonly attempts: number | null;
  /** ISO 8601. */
  readonly firstFailure: string | null;
  readonly lastFailure: string | null;
  readonly status: number | null;
}

/** Reads the headers. A record that is no dead letter gives one with empty texts: the topic may hold anything. */
export function readLetter(
  record: Pick<KafkaRecord, 'partition' | 'offset' | 'timestamp' | 'key' | 'headers'>,
): Letter {
  const error = (name: string): string | null => record.headers[ERROR_HEADER_PREFIX + name]?.toString() ?? null;
  const header = (name: string): string | null => record.headers[name]?.toString() ?? null;
  const endpoint = error('endpoint');
  const ofDelivery = endpoint !== null;
  return {
    partition: record.partition,
    offset: record.offset,
    writtenAt: record.timestamp,
    stage: error('stage') ?? '',
    code: error('code') ?? '',
    message: error('message') ?? '',
    origin: {
      topic: error('topic') ?? '',
      partition: numberOf(error('partition')) ?? -1,
      offset: numberOf(error('offset')) ?? -1,
    },
    endpoint,
    lead: ofDelivery ? (record.key?.toString() ?? null) : null,
    version: ofDelivery ? header('version') : null,
    revision: ofDelivery ? numberOf(header('revision')) : null,
    attempts: numberOf(error('attempts')),
    firstFailure: error('first-failure'),
    lastFailure: error('last-failure'),
    status: numberOf(error('status')),
  };
}

/**
 * The delivery that a dead letter holds, or why it cannot be made again, as a sentence for the operator.
 * @param now ms since the epoch
 */
export function redrivable(record: KafkaRecord, now: number): OutboundRecord | { readonly not: string } {
  const letter = readLetter(record);
  if (letter.stage === 'rekey') {
    return {
      not: 'is a source record: mend it upstream and publish the row again, for example by an incremental snapshot',
    };
  }
  if (letter.stage === 'join') {
    return { not: 'was never a delivery: when its cause is gone, the next change of the lead announces it' };
  }
  if (letter.endpoint === null) return { not: 'is no delivery: somebody else wrote this record' };
  if (now - letter.writtenAt > REDRIVABLE_MS) {
    return { not: 'is older than 30 days: what the endpoint has had since is not known any more' };
  }
  if (record.value === null) {
    const { topic, partition, offset } = letter.origin;
    return { not: `was too large to be kept; its original lies at ${topic}/${partition}/${offset}` };
  }
  const read = readOutbound({ ...record, offset: letter.origin.offset });
  return 'wrong' in read ? { not: `cannot be read: ${read.wrong}` } : read;
}

function numberOf(text: string | null): number | null {
  const number = text === null || text === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(number) ? number : null;
}
