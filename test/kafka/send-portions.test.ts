import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { PORTION_BYTES, PORTION_RECORDS, type Portion, portions, SentOffsets } from '../../src/kafka/send-portions.ts';

/** Values are views of this: the tests compare them by identity, and only their lengths matter. */
const MEMORY = Buffer.alloc(1_200_000);

function record(topic: string, partition: number, bytes: number): OutgoingRecord {
  return { topic, partition, key: null, value: MEMORY.subarray(0, bytes) };
}

interface Answer {
  topicName: string;
  partition: number;
  errorCode: number;
  baseOffset?: string;
}

/** A broker that appends each portion and answers as Kafka does. */
function appendAll(list: readonly Portion[], logs: Map<string, unknown[]>, sent: SentOffsets): void {
  for (const portion of list) {
    const answers = new Map<string, Answer>();
    for (const { topic, messages } of portion.topicMessages()) {
      for (const message of messages) {
        const key = `${topic} ${message.partition}`;
        const log = logs.get(key) ?? [];
        logs.set(key, log);
        const answer = {
          topicName: topic,
          partition: message.partition as number,
          errorCode: 0,
          baseOffset: `${log.length}`,
        };
        if (!answers.has(key)) answers.set(key, answer);
        log.push(message.value);
      }
    }
    portion.confirm([...answers.values()].reverse(), sent);
  }
}

describe('portions of a send', () => {
  it('lose no record, keep the order of each partition, stay within the limits, and give each record its offset', () => {
    const size = fc.oneof(fc.nat(100), fc.nat(400_000), fc.constant(1_200_000));
    const one = fc.tuple(fc.constantFrom('a', 'b'), fc.nat(2), size);
    fc.assert(
      fc.property(fc.array(one, { maxLength: 30 }), (list) => {
        const records = list.map(([topic, partition, bytes]) => record(topic, partition, bytes));
        const made = portions(records);
        for (const portion of made) {
          for (const { messages } of portion.topicMessages()) {
            for (const batch of Map.groupBy(messages, ({ partition }) => partition).values()) {
              const bytes = batch.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
              expect(bytes <= PORTION_BYTES || batch.length === 1).toBe(true);
            }
          }
        }
        const sent = new SentOffsets(records.length);
        const logs = new Map<string, unknown[]>();
        appendAll(made, logs, sent);
        for (const [index, { topic, partition, value }] of records.entries()) {
          expect(logs.get(`${topic} ${partition}`)?.[sent.offset(index)] === value).toBe(true);
        }
        for (const [key, log] of logs) {
          const wanted = records.filter(({ topic, partition }) => `${topic} ${partition}` === key);
          expect(log.length).toBe(wanted.length);
          expect(log.every((value, place) => value === wanted[place]?.value)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('hold at most 5,000 records of a partition', () => {
    const made = portions(Array.from({ length: 2 * PORTION_RECORDS + 1 }, () => record('t', 0, 1)));
    expect(made.map((portion) => portion.topicMessages()[0]?.messages.length)).toEqual([5_000, 5_000, 1]);
  });

  it('count headers and keys', () => {
    const heavy = { ...record('t', 0, 1), key: 'k'.repeat(300_000), headers: { h: Buffer.alloc(300_000) } };
    expect(portions([heavy, heavy])).toHaveLength(2);
  });
});

describe('the answer to a portion', () => {
  const records = [record('t', 0, 1), record('t', 1, 1)];
  const answer = (partition: number, baseOffset?: string): Answer => ({
    topicName: 't',
    partition,
    errorCode: 0,
    ...(baseOffset === undefined ? {} : { baseOffset }),
  });

  it.each<[string, Answer[]]>([
    ['a partition is missing', [answer(0, '5')]],
    ['a partition is there twice', [answer(0, '5'), answer(0, '6')]],
    ['another partition stands in its place', [answer(0, '5'), answer(2, '6')]],
    ['there is one more', [answer(0, '5'), answer(1, '6'), answer(1, '7')]],
    ['an offset is missing', [answer(0, '5'), answer(1)]],
    ['an offset is not known', [answer(0, '5'), answer(1, '-1')]],
  ])('is refused as incomplete when %s', (_, answers) => {
    const [portion] = portions(records);
    expect(() => portion?.confirm(answers, new SentOffsets(2))).toThrow(
      expect.objectContaining({ code: 'incomplete-send' }),
    );
  });

  it('gives no offset for a record that was not confirmed', () => {
    const sent = new SentOffsets(2);
    expect(() => sent.offset(0)).toThrow(RangeError);
    expect(() => sent.offset(2)).toThrow(RangeError);
  });
});
