import { expect, test } from 'vitest';
import { lastValue } from '../../src/kafka/last-record.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';

const AT = { topic: 't', partition: 0, signal: new AbortController().signal };

function logOf(keys: readonly string[]): MemoryKafka {
  const kafka = new MemoryKafka();
  for (const [index, key] of keys.entries()) kafka.append({ topic: 't', partition: 0, key, value: String(index) });
  return kafka;
}

test('the last record of the key is found near the end and far from it', async () => {
  const near = logOf(['position', 'a', 'position', 'b']);
  expect((await lastValue(near, AT, 'position'))?.toString()).toBe('2');
  const far = logOf(['position', ...Array.from({ length: 4_000 }, () => 'a')]);
  expect((await lastValue(far, AT, 'position'))?.toString()).toBe('0');
});

test('only as much of the log is read as it takes', async () => {
  const kafka = logOf([...Array.from({ length: 4_000 }, () => 'a'), 'position']);
  const reads: number[] = [];
  const log = {
    ends: (topic: string, partition: number) => kafka.ends(topic, partition),
    read: (at: Parameters<MemoryKafka['read']>[0], onRecords: Parameters<MemoryKafka['read']>[1]) => {
      reads.push(at.to - at.from);
      return kafka.read(at, onRecords);
    },
  };
  await lastValue(log, AT, 'position');
  expect(reads).toEqual([500]);
});

test('a key that is not there, a null value and an empty log give null', async () => {
  expect(await lastValue(logOf(['a', 'b']), AT, 'position')).toBeNull();
  expect(await lastValue(new MemoryKafka(), AT, 'position')).toBeNull();
  const deleted = logOf(['position']);
  deleted.append({ topic: 't', partition: 0, key: 'position', value: null });
  expect(await lastValue(deleted, AT, 'position')).toBeNull();
});
