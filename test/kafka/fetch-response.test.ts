/** The answer to a Fetch, byte by byte as the protocol describes version 11. */
import { expect, test } from 'vitest';
import { decodeFetchAnswer } from '../../src/kafka/fetch-response.ts';

const int16 = (value: number): Buffer => Buffer.from(new Int16Array([value]).buffer).swap16();
const int32 = (value: number): Buffer => Buffer.from(new Int32Array([value]).buffer).swap32();
const int64 = (value: number): Buffer => Buffer.from(new BigInt64Array([BigInt(value)]).buffer).swap64();

const payload = Buffer.concat([
  ...[int32(12), int16(0), int32(0), int32(2)], // throttle, error, session, topics
  ...[int16(2), Buffer.from('t1'), int32(2)],
  ...[int32(4), int16(6), int64(-1), int64(-1), int64(-1), int32(-1), int32(-1), int32(-1)],
  ...[int32(5), int16(0), int64(2 ** 40), int64(9), int64(1)],
  ...[int32(2), int64(70), int64(3), int64(71), int64(4), int32(-1), int32(3), Buffer.from('abc')],
  ...[int16(1), Buffer.from('u'), int32(1)],
  ...[int32(0), int16(0), int64(0), int64(0), int64(0), int32(0), int32(-1), int32(0)],
]);

test('every partition has its own error, ends, aborted transactions and bytes', () => {
  const { partitions, ...rest } = decodeFetchAnswer(payload);
  expect(rest).toEqual({ clientSideThrottleTime: 12, errorCode: 0 });
  expect(partitions.map(({ topic, partition, errorCode }) => [topic, partition, errorCode])).toEqual([
    ['t1', 4, 6],
    ['t1', 5, 0],
    ['u', 0, 0],
  ]);
  expect(partitions[1]).toMatchObject({
    highWatermark: 2 ** 40,
    lastStableOffset: 9,
    aborted: [
      { producerId: 70, firstOffset: 3 },
      { producerId: 71, firstOffset: 4 },
    ],
  });
  expect(partitions.map(({ bytes }) => String(bytes))).toEqual(['', 'abc', '']);
});

test('a payload that is shorter than it says is refused', () => {
  for (const length of [3, 20, 50, 90, payload.length - 1]) {
    expect(() => decodeFetchAnswer(payload.subarray(0, length))).toThrow(RangeError);
  }
});
