/** Dead letters of the stages that read Kafka: the original as it was, and where it lies. */
import { expect, test } from 'vitest';
import { partitionOf } from '../../src/core/partition.ts';
import { deadLetter } from '../../src/kafka/dead-letter.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';

const REASON = { stage: 'rekey', code: 'undecodable', message: 'the value is truncated' };
const TARGET = { topic: 'dead-letters', partitions: 12 };

function record(more: Partial<KafkaRecord> = {}): KafkaRecord {
  return {
    topic: 'leads',
    partition: 3,
    offset: 77,
    timestamp: 0,
    key: Buffer.from('{"id":5}'),
    value: Buffer.from([0, 255, 1]),
    headers: { traceparent: Buffer.from('00-1-2-01') },
    ...more,
  };
}

test('a dead letter is the original with its headers, and says why and where from', () => {
  const { headers, ...rest } = deadLetter(record(), REASON, TARGET);
  expect(rest).toEqual({
    topic: 'dead-letters',
    partition: partitionOf('{"id":5}', 12),
    key: Buffer.from('{"id":5}'),
    value: Buffer.from([0, 255, 1]),
  });
  expect(Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]))).toEqual({
    traceparent: '00-1-2-01',
    'lead-webhooks.errors.stage': 'rekey',
    'lead-webhooks.errors.topic': 'leads',
    'lead-webhooks.errors.partition': '3',
    'lead-webhooks.errors.offset': '77',
    'lead-webhooks.errors.code': 'undecodable',
    'lead-webhooks.errors.message': 'the value is truncated',
  });
});

test('a record without a key goes by its own partition, within the partitions that there are', () => {
  expect(deadLetter(record({ key: null, partition: 14 }), REASON, TARGET).partition).toBe(2);
});

test('the reason wins over a header of the same name in the original', () => {
  const headers = { 'lead-webhooks.errors.code': Buffer.from('gone') };
  expect(deadLetter(record({ headers }), REASON, TARGET).headers?.['lead-webhooks.errors.code']).toBe('undecodable');
});

test.each<[string, Partial<KafkaRecord>]>([
  ['value', { value: Buffer.alloc(900_001) }],
  ['key', { key: Buffer.alloc(900_001) }],
  ['header', { headers: { big: Buffer.alloc(900_001) } }],
])('an original whose %s no topic of ours would take is told by its coordinates alone', (_part, more) => {
  const { key, value, headers } = deadLetter(record(more), REASON, TARGET);
  expect([key, value]).toEqual([null, null]);
  expect(Object.keys(headers ?? {}).every((name) => name.startsWith('lead-webhooks.errors.'))).toBe(true);
  expect(headers).toMatchObject({ 'lead-webhooks.errors.offset': '77' });
});
