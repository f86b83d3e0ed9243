/** The judge itself: that each kind of wrong is seen. A judge that cannot find anything wrong proves nothing. */
import { expect, test } from 'vitest';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { Ledger } from './ledger.ts';

const MOVE = 2 ** 32;

function record(lead: string, revision: number, body: string): KafkaRecord {
  const headers = { version: Buffer.from('v3'), revision: Buffer.from(String(revision)) };
  return {
    topic: 'outbound',
    partition: 0,
    offset: 1,
    timestamp: 0,
    key: Buffer.from(lead),
    value: Buffer.from(body),
    headers,
  };
}

function judge(records: readonly KafkaRecord[], bodies: Readonly<Record<string, string>>) {
  const ledger = new Ledger(0);
  for (const one of records) ledger.take(one);
  ledger.compare('v3', new Map(Object.entries(bodies)));
  const { records: _records, examples: _examples, ...counts } = ledger.verdict();
  return counts;
}

const CLEAN = { missing: 0, wrong: 0, duplicates: 0, backwards: 0, repeated: 0 };

test('a history as promised is clean, updated_at aside', () => {
  const records = [
    record('1', 1, '{"a":1,"updated_at":"x"}'),
    record('1', 2, '{"a":2,"updated_at":"y"}'),
    record('1', MOVE + 1, '{"a":2,"updated_at":"y"}'),
    record('1', 3, '{"a":4,"updated_at":null}'),
  ];
  expect(judge(records, { 1: '{"a":2,"updated_at":"z"}' })).toEqual(CLEAN);
});

test.each([
  ['missing', [], { 1: '{}' }],
  ['wrong', [record('1', 1, '{"a":1}')], { 1: '{"a":2}' }],
  ['duplicates', [record('1', 1, '{"a":1}'), record('1', 1, '{"a":2}')], { 1: '{"a":1}' }],
  ['backwards', [record('1', 2, '{"a":2}'), record('1', 1, '{"a":1}')], { 1: '{"a":2}' }],
  ['repeated', [record('1', 1, '{"a":1}'), record('1', 2, '{"a":1}')], { 1: '{"a":1}' }],
])('%s is counted', (what, records, bodies) => {
  expect(judge(records, bodies)).toEqual({ ...CLEAN, [what]: 1 });
});
