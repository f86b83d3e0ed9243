import fc from 'fast-check';
import { compress as snappyBlock } from 'snappy';
import { describe, expect, it } from 'vitest';
import { type Codec, lz4, registerCodecs, snappy, zstd } from '../../src/kafka/compression.ts';
import { internal } from '../../src/kafka/fixes/internals.ts';
import { kafkajs } from '../../src/kafka/fixes.ts';
import { unfixed } from '../support/unfixed-client.ts';

const CODECS: [string, Codec, number][] = [
  ['snappy', snappy, 2],
  ['lz4', lz4, 3],
  ['zstd', zstd, 4],
];
type Lookup = { lookupCodec(type: number): Codec };
const MODULE = 'protocol/message/compression';

describe.each(CODECS)('%s', (_, codec, type) => {
  it('gives back what was compressed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (array) => {
        const bytes = Buffer.from(array);
        expect((await codec.decompress(await codec.compress({ buffer: bytes }))).equals(bytes)).toBe(true);
      }),
      { numRuns: 30 },
    );
    const large = Buffer.alloc(900_000, 'a customer asked about a car; ');
    const small = await codec.compress({ buffer: large });
    expect(small.length).toBeLessThan(100_000);
    expect((await codec.decompress(small)).equals(large)).toBe(true);
  });

  it('rejects bytes that are not of its format', async () => {
    await expect(codec.decompress(Buffer.from('this is no compressed text'))).rejects.toThrow();
    const cut = (await codec.compress({ buffer: Buffer.alloc(5_000, 'abcdefg') })).subarray(0, -10);
    await expect(codec.decompress(cut)).rejects.toThrow();
  });

  it('is known to the client after registration, and not before', () => {
    expect(() => unfixed<Lookup>(MODULE).lookupCodec(type)).toThrow(/not implemented/);
    registerCodecs();
    expect((internal(MODULE) as Lookup).lookupCodec(type)).toBe(codec);
    expect((kafkajs.CompressionCodecs as Record<number, () => Codec>)[type]?.()).toBe(codec);
  });
});

describe('snappy from other writers', () => {
  it('is read as one raw block without a frame', async () => {
    const text = Buffer.from('a raw block '.repeat(50));
    expect((await snappy.decompress(await snappyBlock(text))).equals(text)).toBe(true);
  });

  it('is read as a frame of several blocks', async () => {
    const parts = ['first block '.repeat(20), 'second block '.repeat(30)];
    const blocks = await Promise.all(parts.map((part) => snappyBlock(part)));
    const lengths = blocks.map((block) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(block.length);
      return length;
    });
    const head = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    const framed = Buffer.concat([head, ...blocks.flatMap((block, i) => [lengths[i] as Buffer, block])]);
    expect((await snappy.decompress(framed)).toString()).toBe(parts.join(''));
  });

  it('is refused when a block claims more bytes than there are', async () => {
    const framed = await snappy.compress({ buffer: Buffer.from('text') });
    framed.writeInt32BE(1_000_000, 16);
    await expect(snappy.decompress(framed)).rejects.toThrow(RangeError);
  });
});
