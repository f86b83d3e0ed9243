/**
 * Record batches (message format v2) as a broker would store them, written from the protocol's description and not with any
 * client's encoder: holes, emptied batches and markers are what a client never writes and a compacted log is full of.
 */

export interface BatchRecord {
  /** Offset minus the batch's base offset. */
  readonly delta: number;
  readonly timestampDelta?: number;
  readonly key?: string | null;
  readonly value?: string | null;
  readonly headers?: readonly (readonly [string, string | null])[];
}

export interface BatchShape {
  readonly baseOffset: number;
  readonly lastOffsetDelta: number;
  readonly records?: readonly BatchRecord[];
  readonly producerId?: number;
  readonly transactional?: boolean;
  /** A marker; its record is made here. */
  readonly marker?: 'commit' | 'abort';
  readonly timestamp?: number;
  /** The broker's time instead of the producer's. */
  readonly appendTime?: number;
  readonly magic?: number;
  /** Compresses the records; `type` goes into the attributes. */
  readonly compression?: { readonly type: number; compress(bytes: Buffer): Buffer };
}

/** The bytes of one batch. */
export function recordBatch(shape: BatchShape): Buffer {
  const records = shape.marker === undefined ? (shape.records ?? []) : [markerRecord(shape.marker)];
  const plain = Buffer.concat(records.map(encodeRecord));
  const content = shape.compression?.compress(plain) ?? plain;
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(BigInt(shape.baseOffset), 0);
  head.writeInt32BE(49 + content.length, 8);
  head.writeInt8(shape.magic ?? 2, 16);
  head.writeInt16BE(attributes(shape), 21);
  head.writeInt32BE(shape.lastOffsetDelta, 23);
  head.writeBigInt64BE(BigInt(shape.timestamp ?? 1_000), 27);
  head.writeBigInt64BE(BigInt(shape.appendTime ?? shape.timestamp ?? 1_000), 35);
  head.writeBigInt64BE(BigInt(shape.producerId ?? -1), 43);
  head.writeInt32BE(records.length, 57);
  return Buffer.concat([head, content]);
}

function attributes(shape: BatchShape): number {
  const transactional = shape.transactional === true || shape.marker !== undefined;
  return (
    (shape.compression?.type ?? 0) |
    (shape.appendTime === undefined ? 0 : 0x08) |
    (transactional ? 0x10 : 0) |
    (shape.marker === undefined ? 0 : 0x20)
  );
}

/** Key of a marker: version 0, then 0 = abort, 1 = commit. */
function markerRecord(marker: 'commit' | 'abort'): BatchRecord {
  return { delta: 0, key: `\0\0\0${marker === 'commit' ? '\u0001' : '\0'}`, value: '\0\0\0\0\0\0' };
}

function encodeRecord(record: BatchRecord): Buffer {
  const headers = record.headers ?? [];
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(BigInt(record.timestampDelta ?? 0)),
    varint(BigInt(record.delta)),
    text(record.key ?? null),
    text(record.value ?? null),
    varint(BigInt(headers.length)),
    ...headers.flatMap(([name, value]) => [text(name), text(value)]),
  ]);
  return Buffer.concat([varint(BigInt(body.length)), body]);
}

function text(value: string | null): Buffer {
  if (value === null) return varint(-1n);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(BigInt(bytes.length)), bytes]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}
