/** Dead letters read back: what a command shows, and which of them can be delivered again. */
import { expect, test } from 'vitest';
import type { DeadLetter } from '../../src/core/delivery.ts';
import { deadLetter } from '../../src/kafka/dead-letter.ts';
import { readLetter, redrivable } from '../../src/kafka/letter.ts';
import { deliveryDeadLetter } from '../../src/kafka/outbound-record.ts';
import type { KafkaRecord, OutgoingRecord } from '../../src/kafka/record.ts';
import { outbound } from '../support/deliver-world.ts';

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const TARGET = { topic: 'dead-letters', partitions: 1 };

function stored(record: OutgoingRecord, writtenAt = NOW - DAY_MS): KafkaRecord {
  const bytes = (content: Buffer | string | null): Buffer | null => (content === null ? null : Buffer.from(content));
  const headers = Object.fromEntries(
    Object.entries(record.headers ?? {}).map(([name, value]) => [name, Buffer.from(value)]),
  );
  return { ...record, offset: 42, timestamp: writtenAt, key: bytes(record.key), value: bytes(record.value), headers };
}

const LETTER: DeadLetter = {
  record: outbound({
    offset: 7,
    leadId: '138559',
    revision: 2 ** 32 + 1,
    changedAt: 5,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  }),
  endpointId: 'crm',
  code: 'refused',
  message: 'endpoint answered http-422',
  attempts: 3,
  firstFailureAt: NOW - 2 * DAY_MS,
  lastFailureAt: NOW - DAY_MS,
  status: 422,
};
const ofDelivery = (letter: Partial<DeadLetter> = {}): OutgoingRecord =>
  deliveryDeadLetter({ ...LETTER, ...letter }, { topic: 'outbound', partition: 0 }, TARGET);
const ofStage = (stage: string, endpoint: Record<string, string> = {}): OutgoingRecord => {
  const original = { topic: 't', partition: 2, offset: 9, key: Buffer.from('k'), value: Buffer.from('v'), headers: {} };
  const made = deadLetter(original, { stage, code: 'wrong-type', message: 'column id' }, TARGET);
  return { ...made, headers: { ...made.headers, ...endpoint } };
};

test('all that a dead letter of a delivery says is read back', () => {
  expect(readLetter(stored(ofDelivery()))).toEqual({
    partition: 0,
    offset: 42,
    writtenAt: NOW - DAY_MS,
    stage: 'deliver',
    code: 'refused',
    message: 'endpoint answered http-422',
    origin: { topic: 'outbound', partition: 0, offset: 7 },
    endpoint: 'crm',
    lead: '138559',
    version: 'v3',
    revision: 2 ** 32 + 1,
    attempts: 3,
    firstFailure: '2027-01-13T08:00:00.000Z',
    lastFailure: '2027-01-14T08:00:00.000Z',
    status: 422,
  });
});

test('the key of a source record is never taken for a lead, and a strange record reads as nothing', () => {
  expect(readLetter(stored(ofStage('rekey')))).toMatchObject({
    stage: 'rekey',
    endpoint: null,
    lead: null,
    revision: null,
  });
  const strange = { ...stored(ofStage('rekey')), headers: {} };
  expect(readLetter(strange)).toMatchObject({ stage: '', code: '', origin: { topic: '', partition: -1, offset: -1 } });
});

test('a delivery comes back as the outbound record that it was, byte for byte', () => {
  expect(redrivable(stored(ofDelivery()), NOW)).toEqual(LETTER.record);
});

test.each([
  ['rekey', stored(ofStage('rekey')), /^is a source record: mend it upstream/],
  ['join', stored(ofStage('join')), /^was never a delivery/],
  ['a bad outbound record', stored(ofStage('deliver')), /^is no delivery/],
  ['a record that is too old', stored(ofDelivery(), NOW - 31 * DAY_MS), /^is older than 30 days/],
  [
    'a record without its original',
    { ...stored(ofDelivery()), value: null },
    /too large to be kept; .* outbound\/0\/7$/,
  ],
  [
    'broken headers',
    stored({ ...ofDelivery(), headers: { ...ofDelivery().headers, revision: 'x' } }),
    /^cannot be read/,
  ],
])('a dead letter of %s cannot be redriven and says why', (_, record, why) => {
  expect(redrivable(record, NOW)).toEqual({ not: expect.stringMatching(why) });
});
