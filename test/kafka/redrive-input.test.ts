import { expect, test } from 'vitest';
import { redrivesStart } from '../../src/kafka/redrive-input.ts';
import { MemoryKafka } from '../support/memory-kafka.ts';

test.each([
  [null, 0],
  [2, 2],
  [3, 3],
  [4, 0],
])('a task whose position is %s reads its three redrives on at %s', async (position, expected) => {
  const kafka = new MemoryKafka();
  for (let i = 0; i < 3; i++) kafka.append({ topic: 'redrives', partition: 0, key: null, value: null });
  expect(await redrivesStart(kafka, { topic: 'redrives', partition: 0 }, position)).toBe(expected);
});
