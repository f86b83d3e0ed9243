/** The outbound topic as a deliver task's input reads it, for tests that play the fetcher. */
import type { KafkaRecord } from '../../src/kafka/record.ts';

/** Those that a record of the outbound topic must have. */
export const HEADERS = { version: 'v3', revision: '4', cause: 'changed', 'dealership-id': '3' };

/** A record of the outbound topic's partition 0, for lead 5. */
export function record(offset: number, headers: Readonly<Record<string, string>> = HEADERS): KafkaRecord {
  return {
    topic: 'outbound',
    partition: 0,
    offset,
    timestamp: 0,
    key: Buffer.from('5'),
    value: Buffer.from('{}'),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)])),
  };
}

/** What a fetch of it gave, up to the end of the log. */
export const chunk = (records: readonly KafkaRecord[], next: number) => {
  return { records, next, lastStableOffset: next, highWatermark: next };
};
