/** Loads from end to end, and the positions that may not be trusted. */
import { expect, test } from 'vitest';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import { type PartitionLog, readAll, startOf } from '../../src/kafka/partition-log.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';

const AT = { topic: 't', partition: 0 };
const signal = new AbortController().signal;

/** A log of which only the ends are asked. */
function endsOnly(earliest: number, lastStable: number): PartitionLog {
  return {
    ends: async () => ({ earliest, lastStable }),
    read: async () => {
      throw new Error('must not be read');
    },
  };
}

async function read(log: PartitionLog): Promise<{ end: number; values: string[]; left: number[] }> {
  const values: string[] = [];
  const left: number[] = [];
  const at = { ...AT, signal };
  const end = await readAll(
    log,
    at,
    ({ value }) => values.push(String(value)),
    (records) => left.push(records),
  );
  return { end, values, left };
}

test('a load reads what is committed and ends where the first open transaction begins', async () => {
  const kafka = new MemoryKafka();
  const [first, second] = [kafka.producer('first'), kafka.producer('second')];
  await first.fence(signal);
  await second.fence(signal);
  kafka.append({ ...AT, key: null, value: 'plain' });
  await first.send([{ ...AT, key: null, value: 'aborted' }]);
  await first.abort();
  await first.send([{ ...AT, key: null, value: 'committed' }]);
  await first.commit();
  await second.send([{ ...AT, key: null, value: 'open' }]);
  kafka.append({ ...AT, key: null, value: 'behind it' });
  expect(await read(kafka)).toEqual({ end: 5, values: ['plain', 'committed'], left: [1, 0] });
});

test('an empty log is not read at all, wherever it begins', async () => {
  expect(await read(endsOnly(12, 12))).toEqual({ end: 12, values: [], left: [0] });
});

test('a task without a position starts at the start of the log', async () => {
  expect(await startOf(endsOnly(12, 40), { ...AT, signal }, null)).toBe(12);
});

test.each([12, 30, 40])('the position %i within a log from 12 to 40 is kept', async (position) => {
  expect(await startOf(endsOnly(12, 40), { ...AT, signal }, { next: position, lastTimestamp: 0 })).toBe(position);
});

test.each([11, 41])('the position %i outside of a log from 12 to 40 needs the operator', async (position) => {
  const failure = await startOf(endsOnly(12, 40), { ...AT, signal }, { next: position, lastTimestamp: 0 }).catch(
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(KafkaFailure);
  expect(failure).toMatchObject({ code: 'offset-out-of-range', retriable: false });
  expect(String(failure)).toContain(`t/0: the position ${position} lies outside of the log (12 to 40)`);
});

test('a topic that was made anew and has grown past the position is found by records newer than any that was read', async () => {
  const kafka = new MemoryKafka();
  for (let i = 0; i < 5; i++) kafka.append({ ...AT, key: null, value: `${i}` });
  const read = { next: 4, lastTimestamp: kafka.now };
  expect(await startOf(kafka, { ...AT, signal }, read)).toBe(4);
  const anew = new MemoryKafka();
  anew.now += 1;
  for (let i = 0; i < 5; i++) anew.append({ ...AT, key: null, value: `${i}` });
  const failure = await startOf(anew, { ...AT, signal }, read).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'offset-out-of-range', message: expect.stringContaining('made anew') });
});
