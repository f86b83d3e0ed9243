/**
 * Encodes Kafka record batches (format 2) in one pass into one buffer. The client makes a growing buffer for each
 * record, each header and each level of nesting, and copies the bytes six times; this took two thirds of its time.
 * The bytes are the same as the client's. It does not decide what goes into a batch, and does not check sizes.
 */
import { crc32c } from './crc32c.ts';
import { varintSize, writeVarint } from './varint.ts';

export type Content = Buffer | string | null | undefined;

/** A message as the client's producer hands it down. */
export interface Message {
  readonly key?: Content;
  readonly value: Content;
  readonly headers?: Readonly<Record<string, Content | readonly Content[]>>;
  /** Milliseconds since the epoch, as text; the time of encoding when absent. */
  readonly timestamp?: string | number;
}

export interface BatchProducer {
  readonly id: bigint;
  readonly epoch: number;
  readonly firstSequence: number;
  readonly transactional: boolean;
}

/** Bytes of a batch in front of its records. */
export const BATCH_HEADER = 61;
const CRC_AT = 17;
const CRC_START = 21;
const MAGIC = 2;
const TRANSACTIONAL = 16;

/** What has been measured of one partition's messages, so that the buffer can be allocated before writing. */
export interface Measured {
  readonly messages: readonly Message[];
  readonly bodySizes: readonly number[];
  readonly firstTimestamp: number;
  readonly maxTimestamp: number;
  /** Bytes of all records together, without the batch header. */
  readonly size: number;
  /** For messages without a timestamp of their own, ms since the epoch. */
  readonly now: number;
}

/** Measures the records of one batch. `now` is the time of encoding, ms since the epoch. */
export function measureRecords(messages: readonly Message[], now: number): Measured {
  const firstTimestamp = messages[0] === undefined ? now : timestampOf(messages[0], now);
  const bodySizes: number[] = [];
  let size = 0;
  let maxTimestamp = firstTimestamp;
  for (const [index, message] of messages.entries()) {
    const timestamp = timestampOf(message, now);
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    const body =
      1 +
      varintSize(timestamp - firstTimestamp) +
      varintSize(index) +
      contentSize(message.key) +
      contentSize(message.value) +
      headersSize(message.headers);
    bodySizes.push(body);
    size += varintSize(body) + body;
  }
  return { messages, bodySizes, firstTimestamp, maxTimestamp, size, now };
}

/** Writes the measured records at `at` and returns the place behind them. */
export function writeRecords(bytes: Buffer, at: number, measured: Measured): number {
  const { messages, bodySizes, firstTimestamp, now } = measured;
  let next = at;
  for (const [index, message] of messages.entries()) {
    next = writeVarint(bytes, next, bodySizes[index] as number);
    bytes[next++] = 0;
    next = writeVarint(bytes, next, timestampOf(message, now) - firstTimestamp);
    next = writeVarint(bytes, next, index);
    next = writeContent(bytes, next, message.key);
    next = writeContent(bytes, next, message.value);
    next = writeHeaders(bytes, next, message.headers);
  }
  return next;
}

/**
 * Fills in the batch header at `at`, once the records (compressed by `codec` when it is not 0) lie behind it and end at
 * `end`; the sum is computed last, over everything that it covers.
 */
export function writeBatchHeader(
  bytes: Buffer,
  place: { readonly at: number; readonly end: number },
  measured: Measured,
  batch: BatchProducer & { readonly codec: number },
): void {
  const { at, end } = place;
  bytes.writeBigInt64BE(0n, at);
  bytes.writeInt32BE(end - at - 12, at + 8);
  bytes.writeInt32BE(0, at + 12);
  bytes.writeInt8(MAGIC, at + 16);
  bytes.writeInt16BE(batch.codec | (batch.transactional ? TRANSACTIONAL : 0), at + 21);
  bytes.writeInt32BE(measured.messages.length - 1, at + 23);
  bytes.writeBigInt64BE(BigInt(measured.firstTimestamp), at + 27);
  bytes.writeBigInt64BE(BigInt(measured.maxTimestamp), at + 35);
  bytes.writeBigInt64BE(batch.id, at + 43);
  bytes.writeInt16BE(batch.epoch, at + 51);
  bytes.writeInt32BE(batch.firstSequence, at + 53);
  bytes.writeInt32BE(measured.messages.length, at + 57);
  bytes.writeUInt32BE(crc32c(bytes, at + CRC_START, end), at + CRC_AT);
}

function timestampOf(message: Message, now: number): number {
  return message.timestamp === undefined || message.timestamp === null ? now : Number(message.timestamp);
}

function byteLength(content: Buffer | string): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length;
}

function contentSize(content: Content): number {
  if (content === null || content === undefined) return 1;
  const length = byteLength(content);
  return varintSize(length) + length;
}

function writeContent(bytes: Buffer, at: number, content: Content): number {
  if (content === null || content === undefined) return writeVarint(bytes, at, -1);
  if (typeof content === 'string') {
    const length = Buffer.byteLength(content);
    const next = writeVarint(bytes, at, length);
    bytes.write(content, next, length, 'utf8');
    return next + length;
  }
  const next = writeVarint(bytes, at, content.length);
  bytes.set(content, next);
  return next + content.length;
}

/** A header with several values is several headers of one name. */
function headerList(headers: Message['headers']): [string, Content][] {
  if (headers === undefined) return [];
  const list: [string, Content][] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (isList(value)) for (const one of value) list.push([name, one]);
    else list.push([name, value]);
  }
  return list;
}

function isList(value: Content | readonly Content[]): value is readonly Content[] {
  return Array.isArray(value);
}

function headersSize(headers: Message['headers']): number {
  const list = headerList(headers);
  let size = varintSize(list.length);
  for (const [name, value] of list) size += contentSize(name) + contentSize(value);
  return size;
}

function writeHeaders(bytes: Buffer, at: number, headers: Message['headers']): number {
  const list = headerList(headers);
  let next = writeVarint(bytes, at, list.length);
  for (const [name, value] of list) next = writeContent(bytes, writeContent(bytes, next, name), value);
  return next;
}
