/**
 * The compression codecs of Kafka that the client does not bring along: snappy, lz4 and zstd (gzip it has). Upstream chooses
 * the compression of the sources, so all of them must be readable; an unknown codec stops a consumer for good. Work is done
 * off the event loop. Sizes are not limited here: the brokers' `message.max.bytes` is the limit.
 */
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { compressFrame, decompressFrame } from 'lz4-napi';
import { compress as snappyCompress, uncompress as snappyUncompress } from 'snappy';
import { kafkajs } from './fixes.ts';

export interface Codec {
  /** Compresses the bytes that the client's encoder holds. */
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  /** Rejects when the bytes are not of this format. */
  decompress(bytes: Buffer): Promise<Buffer>;
}

/**
 * Snappy as the Java client frames it (xerial): magic, version and lowest compatible version, then blocks, each behind its
 * length. Other clients write one raw block without a frame; both are read.
 */
export const snappy: Codec = {
  async compress({ buffer }) {
    const block = await snappyCompress(buffer);
    const head = Buffer.alloc(XERIAL_HEADER + 4);
    XERIAL_MAGIC.copy(head);
    head.writeInt32BE(XERIAL_VERSION, 8);
    head.writeInt32BE(XERIAL_VERSION, 12);
    head.writeInt32BE(block.length, XERIAL_HEADER);
    return Buffer.concat([head, block]);
  },
  async decompress(bytes) {
    if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return unsnap(bytes);
    const blocks: Promise<Buffer>[] = [];
    for (let at = XERIAL_HEADER; at < bytes.length; ) {
      const length = bytes.readInt32BE(at);
      const end = at + 4 + length;
      if (length < 0 || end > bytes.length) throw new RangeError('a snappy block is longer than its batch');
      blocks.push(unsnap(bytes.subarray(at + 4, end)));
      at = end;
    }
    return Buffer.concat(await Promise.all(blocks));
  },
};

/** LZ4 frames, with independent blocks, which is all that brokers accept. */
export const lz4: Codec = {
  compress: ({ buffer }) => compressFrame(buffer),
  decompress: (bytes) => decompressFrame(bytes),
};

export const zstd: Codec = {
  compress: ({ buffer }) => promisify<Buffer, Buffer>(zstdCompress)(buffer),
  decompress: (bytes) => promisify<Buffer, Buffer>(zstdDecompress)(bytes),
};

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER = 16;
const XERIAL_VERSION = 1;

/** Makes the codecs known to the client. Doing it again changes nothing. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = () => snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
}

async function unsnap(block: Buffer): Promise<Buffer> {
  const bytes = await snappyUncompress(block, { asBuffer: true });
  return typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
}
