/** Requests and what their errors mean. */
import { describe, expect, test } from 'vitest';
import { fetchCall, partitionFailure, retryDelayMs } from '../../src/kafka/fetch-call.ts';

const limits = { maxWaitMs: 250, bytesPerPartition: 100, bytesPerRequest: 1_000, committed: true };

async function encoded(wanted: Parameters<typeof fetchCall>[0], committed = true): Promise<Buffer> {
  const { request } = fetchCall(wanted, { ...limits, committed });
  const { buffer } = await (request as unknown as { encode(): Promise<{ buffer: Buffer }> }).encode();
  return buffer;
}

describe('a request', () => {
  test('names each topic once, in the order of the partitions that are wanted', async () => {
    const at = (topic: string, partition: number) => ({ topic, partition, offset: 7 });
    const bytes = await encoded([at('b', 1), at('a', 0), at('b', 0)]);
    expect(bytes.readInt32BE(25)).toBe(2);
    expect(bytes.toString('latin1').match(/[ab]/g)).toEqual(['b', 'a']);
  });

  test('asks the leader, waits for one byte, and says which isolation it wants', async () => {
    const at = { topic: 't', partition: 3, offset: 2 ** 40 };
    const bytes = await encoded([at]);
    const head = [0, 4, 8, 12].map((offset) => bytes.readInt32BE(offset));
    expect([...head, bytes.readInt8(16)]).toEqual([-1, 250, 1, 1_000, 1]);
    expect((await encoded([at], false)).readInt8(16)).toBe(0);
    expect(bytes.includes(Buffer.from('0000010000000000', 'hex'))).toBe(true);
  });
});

describe('errors', () => {
  const at = { topic: 't', partition: 3, offset: 41 };

  test('an offset that is not held and a refusal are told, with where and what', () => {
    expect(partitionFailure(at, 1)).toMatchObject({ code: 'offset-out-of-range', retriable: false });
    expect(partitionFailure(at, 1)?.message).toContain('partition 3 of t does not hold offset 41');
    expect(partitionFailure(at, 29)).toMatchObject({ code: 'authorization', retriable: false });
  });

  test.each([3, 5, 6, 9, 56, 74, 75, 78, 100])('error %i means that the leader has to be learnt again', (code) => {
    expect(partitionFailure(at, code)).toBeNull();
  });

  test('waits grow from 50 ms to 2 s and no further', () => {
    expect([1, 2, 3, 6, 7, 1_000].map(retryDelayMs)).toEqual([50, 100, 200, 1_600, 2_000, 2_000]);
  });
});
