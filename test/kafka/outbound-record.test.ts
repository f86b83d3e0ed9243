/** The outbound topic as deliver reads it, and its records as dead letters carry them. */
import { describe, expect, test } from 'vitest';
import type { DeadLetter, OutboundRecord } from '../../src/core/delivery.ts';
import { partitionOf } from '../../src/core/partition.ts';
import { deliveryDeadLetter, readOutbound } from '../../src/kafka/outbound-record.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';

const HEADERS = {
  version: 'v3',
  revision: '4294967298',
  cause: 'created',
  'dealership-id': '3',
  'changed-at': '1758000000000',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};
const FRAMED = Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), Buffer.from('{"id":1}')]);

function record(headers: Readonly<Record<string, string>> = HEADERS, more: Partial<KafkaRecord> = {}): KafkaRecord {
  return {
    topic: 'outbound',
    partition: 2,
    offset: 9,
    timestamp: 0,
    key: Buffer.from('138559'),
    value: Buffer.from('{"id":1}'),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)])),
    ...more,
  };
}

function read(from: KafkaRecord): OutboundRecord {
  const found = readOutbound(from);
  if ('wrong' in found) throw new Error(found.wrong);
  return found;
}

describe('reading', () => {
  test('key and headers become fields, and the value stays byte for byte', () => {
    expect(read(record())).toEqual({
      offset: 9,
      leadId: '138559',
      version: 'v3',
      revision: 2 ** 32 + 2,
      cause: 'created',
      dealershipId: '3',
      changedAt: 1_758_000_000_000,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      value: Buffer.from('{"id":1}'),
      bodyStart: 0,
    });
  });

  test('the body begins after the framing of a schema registry', () => {
    const { value, bodyStart } = read(record(HEADERS, { value: FRAMED }));
    expect(value.subarray(bodyStart).toString()).toBe('{"id":1}');
    expect(value).toEqual(FRAMED);
  });

  test('the value is a copy, so that a fetched answer is not held by one delivery', () => {
    const value = Buffer.from('{"id":1}');
    const found = read(record(HEADERS, { value }));
    value.fill(0);
    expect(found.value.toString()).toBe('{"id":1}');
  });

  test('what is only good to know may be missing', () => {
    const { version, revision, cause, 'dealership-id': dealership } = HEADERS;
    const found = read(record({ version, revision, cause, 'dealership-id': dealership }));
    expect([found.changedAt, found.traceparent]).toEqual([null, null]);
    expect(read(record({ ...HEADERS, 'changed-at': '0' })).changedAt).toBeNull();
  });

  test.each<[string, KafkaRecord]>([
    ['no key', record(HEADERS, { key: null })],
    ['no value', record(HEADERS, { value: null })],
    ['no headers', record({})],
    ['a key that is no id', record(HEADERS, { key: Buffer.from('lead:138559') })],
    ['an empty revision', record({ ...HEADERS, revision: '' })],
    ['a revision in another spelling', record({ ...HEADERS, revision: '0x10' })],
    ['no revision', record({ ...HEADERS, revision: 'x' })],
    ['a negative revision', record({ ...HEADERS, revision: '-1' })],
    ['a revision that would be rounded', record({ ...HEADERS, revision: '9007199254740993' })],
    ['another cause', record({ ...HEADERS, cause: 'deleted' })],
  ])('a record with %s is refused with a sentence that holds none of its values', (_what, from) => {
    const found = readOutbound(from);
    expect('wrong' in found && found.wrong).toMatch(/^(a record|the header)/);
    expect(JSON.stringify(found)).not.toMatch(/deleted|9007199254740993|138559/);
  });
});

describe('a dead letter', () => {
  const letter: DeadLetter = {
    record: read(record(HEADERS, { value: FRAMED })),
    endpointId: 'crm',
    code: 'gave-up',
    message: 'too old',
    attempts: 12,
    firstFailureAt: 1_758_000_000_000,
    lastFailureAt: 1_758_000_060_000,
    status: 503,
  };
  const written = (one: DeadLetter) =>
    deliveryDeadLetter(one, { topic: 'outbound', partition: 2 }, { topic: 'dead-letters', partitions: 12 });

  test('carries the record so that reading it gives the same again', () => {
    const { key, value, headers, partition } = written(letter);
    expect(partition).toBe(partitionOf('138559', 12));
    const bytes = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)] as const);
    const again = read(
      record(Object.fromEntries(bytes), { key: Buffer.from(key ?? ''), value: Buffer.from(value ?? '') }),
    );
    expect(again).toEqual(letter.record);
  });

  test('says whom it did not reach, how often and when it was tried', () => {
    expect(written(letter).headers).toMatchObject({
      'lead-webhooks.errors.stage': 'deliver',
      'lead-webhooks.errors.topic': 'outbound',
      'lead-webhooks.errors.partition': '2',
      'lead-webhooks.errors.offset': '9',
      'lead-webhooks.errors.code': 'gave-up',
      'lead-webhooks.errors.endpoint': 'crm',
      'lead-webhooks.errors.attempts': '12',
      'lead-webhooks.errors.first-failure': '2025-09-16T05:20:00.000Z',
      'lead-webhooks.errors.last-failure': '2025-09-16T05:21:00.000Z',
      'lead-webhooks.errors.status': '503',
    });
  });

  test('of a delivery that was never tried names no failure', () => {
    const names = Object.keys(
      written({ ...letter, attempts: 0, firstFailureAt: null, lastFailureAt: null, status: null }).headers ?? {},
    );
    expect(names.filter((name) => /failure|status/.test(name))).toEqual([]);
  });
});
