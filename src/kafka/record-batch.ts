/**
 * Record batches (message format v2) as Fetch returns them → KafkaRecords. It replaces kafkajs's decoder for reading:
 * that one crawls over compaction holes, leaks aborted records when transactions overlap, overflows the stack on batches
 * of more than 125,000 records and builds every offset as text. Here one pass decides per batch, as Kafka's own client
 * does. Keys, values and headers are views into the answer's memory: who keeps one for long copies it, or it holds the
 * whole answer alive. Checksums are not verified (TCP and TLS do): in JavaScript that would cost more than the decoding.
 */
import { codecOf } from './client-internals.ts';
import { KafkaFailure } from './errors.ts';
import type { KafkaRecord } from './record.ts';

/** A transaction that was aborted, as the broker lists it: everything of `producerId` from `firstOffset` to its next marker. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface BatchSource {
  readonly topic: string;
  readonly partition: number;
  /** What the partition's answer holds: whole batches, the last one possibly cut off. */
  readonly bytes: Buffer;
  /** The offset asked for: the first batch may begin before it. */
  readonly from: number;
  /** Empty when uncommitted records are wanted too. */
  readonly aborted: readonly AbortedTransaction[];
}

export interface Decoded {
  readonly records: KafkaRecord[];
  /** The offset to read next: after every whole batch, its markers, aborted records and holes. At least `from`. */
  readonly next: number;
}

const HEADER_BYTES = 61;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const COMPRESSION = 0x07;
const NO_HEADERS: Readonly<Record<string, Buffer>> = Object.freeze(Object.create(null) as Record<string, Buffer>);

/**
 * Decodes the batches of one partition.
 * @returns the records to deliver, in order, and the next offset to ask for
 * @throws KafkaFailure 'unsupported' for a batch before message format v2, an unknown codec or broken content
 */
export async function decodeBatches(source: BatchSource): Promise<Decoded> {
  const { bytes, from } = source;
  const pending = source.aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<number>();
  const records: KafkaRecord[] = [];
  let next = from;
  let started = 0;
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break; // cut off by the size limit of the request
    if (bytes[at + 16] !== 2) throw unreadable(`message format v${bytes[at + 16]} is not supported`);
    const attributes = bytes.readInt16BE(at + 21);
    const lastOffset = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23);
    const producerId = Number(bytes.readBigInt64BE(at + 43));
    while (started < pending.length && (pending[started]?.firstOffset ?? 0) <= lastOffset) {
      aborting.add(pending[started]?.producerId ?? -1);
      started++;
    }
    if ((attributes & CONTROL) !== 0)
      aborting.delete(producerId); // commit or abort: either ends what the producer had open
    else if (lastOffset >= from && !((attributes & TRANSACTIONAL) !== 0 && aborting.has(producerId))) {
      await decodeRecords(source, bytes.subarray(at, end), records);
    }
    if (lastOffset >= next) next = lastOffset + 1;
    at = end;
  }
  return { records, next };
}

/** Appends the records of one whole batch whose offset is not below `source.from`. */
async function decodeRecords(source: BatchSource, batch: Buffer, into: KafkaRecord[]): Promise<void> {
  const count = batch.readInt32BE(57);
  if (count <= 0) return; // emptied by compaction
  const attributes = batch.readInt16BE(21);
  let content = batch.subarray(HEADER_BYTES);
  if ((attributes & COMPRESSION) !== 0) content = await decompress(attributes, content);
  const reader = new Reader(content);
  const baseOffset = Number(batch.readBigInt64BE(0));
  const baseTimestamp = Number(batch.readBigInt64BE(27));
  const appendTime = (attributes & LOG_APPEND_TIME) === 0 ? null : Number(batch.readBigInt64BE(35));
  for (let i = 0; i < count; i++) {
    const end = reader.varint() + reader.at;
    reader.at++; // attributes of a record are unused
    const timestamp = baseTimestamp + reader.varint();
    const offset = baseOffset + reader.varint();
    if (offset >= source.from) {
      into.push({
        topic: source.topic,
        partition: source.partition,
        offset,
        timestamp: appendTime ?? timestamp,
        key: reader.bytes(),
        value: reader.bytes(),
        headers: reader.headers(),
      });
    }
    reader.at = end;
    if (end > content.length) throw unreadable('a record ends outside its batch');
  }
}

async function decompress(attributes: number, content: Buffer): Promise<Buffer> {
  try {
    const codec = codecOf(attributes);
    if (codec !== null) return await codec.decompress(content);
  } catch {
    throw unreadable(`compression type ${attributes & COMPRESSION} could not be read`);
  }
  throw unreadable(`compression type ${attributes & COMPRESSION} is unknown`);
}

const unreadable = (why: string): KafkaFailure =>
  new KafkaFailure('unsupported', `a record batch is unreadable: ${why}`);

/** Reads Kafka's variable-length integers and what is built of them. */
class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A zigzag varint or varlong; exact up to 2^53. */
  varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.at++] ?? 0;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let factor = 128;
    do {
      if (this.at >= bytes.length) throw unreadable('a number ends outside its batch');
      byte = bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * factor;
      factor *= 128;
    } while (byte >= 0x80);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const from = this.at;
    this.at += length;
    if (this.at > this.#bytes.length) throw unreadable('a field ends outside its batch');
    return this.#bytes.subarray(from, this.at);
  }

  /** A header without a value reads as an empty one. */
  headers(): Readonly<Record<string, Buffer>> {
    const count = this.varint();
    if (count <= 0) return NO_HEADERS;
    const headers = Object.create(null) as Record<string, Buffer>;
    for (let i = 0; i < count; i++) {
      const name = this.bytes();
      headers[name === null ? '' : name.toString('utf8')] = this.bytes() ?? Buffer.alloc(0);
    }
    return headers;
  }
}
