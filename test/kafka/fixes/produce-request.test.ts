import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import '../../../src/kafka/fixes.ts';
import { internal } from '../../../src/kafka/fixes/internals.ts';
import {
  type Codec,
  frameRequest,
  type Payload,
  type ProduceParameters,
  produceRequest,
} from '../../../src/kafka/fixes/produce-request.ts';
import { unfixed } from '../../support/unfixed-client.ts';

type Encode = (parameters: ProduceParameters) => { expectResponse(): boolean; encode(): Promise<Payload> };
type Frame = typeof frameRequest;

const NOW = 1_764_000_000_000;
const { lookupCodec } = internal('protocol/message/compression') as { lookupCodec(type: number): Codec };
const ours: Encode = produceRequest(lookupCodec, () => NOW);
const original = unfixed<Encode>('protocol/requests/produce/v3/request');

/** Both encoders' bytes for the same request at the same time. */
async function bothEncode(parameters: ProduceParameters): Promise<[Buffer, Buffer]> {
  const clock = vi.spyOn(Date, 'now').mockReturnValue(NOW);
  try {
    return [(await ours(parameters).encode()).buffer, (await original(parameters).encode()).buffer];
  } finally {
    clock.mockRestore();
  }
}

const content = fc.oneof(
  fc.constant(null),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const someContent = content.filter((value) => value !== null);
const message = fc.record(
  {
    key: content,
    value: content,
    headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), fc.oneof(someContent, fc.array(someContent))),
    timestamp: fc.integer({ min: NOW, max: NOW + 9_999_999_999 }).map(String),
  },
  { requiredKeys: ['key', 'value'] },
);
const partition = fc.record({
  partition: fc.nat(500),
  firstSequence: fc.nat(),
  messages: fc.array(message, { minLength: 1, maxLength: 80 }),
});
const request = fc.record({
  acks: fc.constantFrom(-1, 1),
  timeout: fc.nat(),
  transactionalId: fc.constantFrom(null, 'lead-webhooks.join.3', 'ä'),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 62n }).map(String),
  producerEpoch: fc.nat(32_000),
  topicData: fc.array(
    fc.record({ topic: fc.constantFrom('outbound', 'ü'), partitions: fc.array(partition, { maxLength: 3 }) }),
    { maxLength: 3 },
  ),
});

describe('the produce request', () => {
  it('has the same bytes as the client’s, for any topics, keys, values and headers', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (parameters) => {
        const own = hasMixedTimestamps(parameters) ? withoutTimestamps(parameters) : parameters;
        const [mine, theirs] = await bothEncode(own);
        expect(mine.equals(theirs)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('holds the records compressed by the codec that was asked for', async () => {
    const messages = Array.from({ length: 50 }, (_, n) => ({
      key: String(n),
      value: 'the same text again '.repeat(20),
    }));
    const topicData = [{ topic: 't', partitions: [{ partition: 0, firstSequence: 0, messages }] }];
    const [mine, theirs] = await bothEncode({ acks: -1, timeout: 1, compression: 1, topicData });
    expect(mine.equals(theirs)).toBe(true);
    expect(mine.length).toBeLessThan(2_000);
  });

  it('is what the client’s produce requests of every later version use', async () => {
    const load = internal('protocol/requests/produce') as {
      protocol(o: object): (p: object) => { request: Payload & { encode(): Promise<Payload> } };
    };
    const topicData = [{ topic: 't', partitions: [{ partition: 0, messages: [{ value: 'v' }] }] }];
    for (const version of [3, 5, 7]) {
      const { request: made } = load.protocol({ version })({ acks: -1, timeout: 1, topicData });
      const payload = await made.encode();
      expect(payload.constructor).toBe(Object); // the client's own is an Encoder
      expect(payload.buffer.subarray(-3).toString('latin1')).toContain('v');
    }
  });

  it('expects an answer unless no acknowledgement was asked for', () => {
    expect(ours({ acks: 0, timeout: 1, topicData: [] }).expectResponse()).toBe(false);
    expect(ours({ acks: -1, timeout: 1, topicData: [] }).expectResponse()).toBe(true);
  });
});

describe('the frame around a request', () => {
  it('has the same bytes as the client’s', async () => {
    const Encoder = unfixed<new () => { writeString(text: string): Payload & { buf: Buffer } }>('protocol/encoder');
    const theirFrame = unfixed<Frame>('protocol/request');
    const body = { apiKey: 18, apiVersion: 2, encode: async () => new Encoder().writeString('body') };
    const call = { correlationId: 77, clientId: 'lead-webhooks ü', request: body };
    expect((await frameRequest(call)).buffer.equals((await theirFrame(call)).buffer)).toBe(true);
  });
});

/** With some timestamps given and some not, the client takes the smallest given one for the first: a difference in form. */
function hasMixedTimestamps({ topicData }: ProduceParameters): boolean {
  return topicData.some(({ partitions }) =>
    partitions.some(({ messages }) => {
      const given = messages.map(({ timestamp }) => timestamp ?? null);
      return new Set(given).size > 1;
    }),
  );
}

function withoutTimestamps(parameters: ProduceParameters): ProduceParameters {
  return {
    ...parameters,
    topicData: parameters.topicData.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((one) => ({
        ...one,
        messages: one.messages.map(({ timestamp: _, ...rest }) => rest),
      })),
    })),
  };
}
