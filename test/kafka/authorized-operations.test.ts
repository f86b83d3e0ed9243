/** The question for rights on topics and its answer, byte by byte as the protocol describes version 8 of Metadata. */
import { expect, test } from 'vitest';
import { allowedCall, decodeAllowed, operationsOf } from '../../src/kafka/authorized-operations.ts';

const int16 = (value: number): Buffer => Buffer.from(new Int16Array([value]).buffer).swap16();
const int32 = (value: number): Buffer => Buffer.from(new Int32Array([value]).buffer).swap32();
const text = (value: string): Buffer => Buffer.concat([int16(value.length), Buffer.from(value)]);

const partition = [int16(0), int32(0), int32(1), int32(5), int32(2), int32(1), int32(2), int32(1), int32(1), int32(0)];
const payload = Buffer.concat([
  ...[
    int32(12),
    int32(2),
    int32(1),
    text('one'),
    int32(9092),
    int16(-1),
    int32(2),
    text('two'),
    int32(9092),
    text('r'),
  ],
  ...[text('cluster'), int32(1), int32(2)],
  ...[int16(0), text('t1'), Buffer.from([0]), int32(2), ...partition, ...partition, int32(0b1_0000_1000)],
  ...[int16(29), text('t2'), Buffer.from([0]), int32(0), int32(-(2 ** 31))],
  int32(-(2 ** 31)),
]);

test('an answer gives each topic its own error and bits', () => {
  expect(decodeAllowed(payload)).toEqual({
    clientSideThrottleTime: 12,
    topics: [
      { topic: 't1', errorCode: 0, bits: 0b1_0000_1000 },
      { topic: 't2', errorCode: 29, bits: -(2 ** 31) },
    ],
  });
});

test('an answer that is shorter than it says is refused', () => {
  for (const length of [3, 20, 40, payload.length - 6]) {
    expect(() => decodeAllowed(payload.subarray(0, length))).toThrow(RangeError);
  }
});

test('the question names the topics, makes none, and asks for their rights alone', async () => {
  const { request, waitMs } = allowedCall(['a', 'bc']);
  const { buffer } = await (request as unknown as { encode(): Promise<{ buffer: Buffer }> }).encode();
  expect(buffer).toEqual(Buffer.concat([int32(2), text('a'), text('bc'), Buffer.from([0, 0, 1])]));
  expect([request, waitMs]).toMatchObject([{ apiName: 'Metadata', apiKey: 3, apiVersion: 8 }, 0]);
});

test('bits are operations; a broker that does not tell is not taken for one that allows nothing', () => {
  expect([...(operationsOf(0b1101_0001_1000) ?? [])]).toEqual([
    'READ',
    'WRITE',
    'DESCRIBE',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
  ]);
  for (const bits of [-(2 ** 31), 0, 0b1000]) expect(operationsOf(bits)).toBeNull();
});
