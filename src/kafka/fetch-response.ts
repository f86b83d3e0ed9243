/**
 * The answer to a Fetch (version 11) → one PartitionAnswer per partition, each with its own error code. kafkajs would
 * throw the whole answer away when one partition has an error. Decoding the record batches is left to record-batch.ts,
 * so that an answer for a closed subscription costs nothing.
 */
import type { AbortedTransaction } from './record-batch.ts';

export interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's error code; 0 = none. */
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly bytes: Buffer;
}

export interface FetchAnswer {
  /** Milliseconds for which the broker wants to be left alone (KIP-219); kafkajs's connection obeys it. */
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly partitions: readonly PartitionAnswer[];
}

/**
 * Splits the payload of a Fetch answer into its partitions.
 * @throws RangeError if the payload is shorter than it says
 */
export function decodeFetchAnswer(payload: Buffer): FetchAnswer {
  const clientSideThrottleTime = payload.readInt32BE(0);
  const errorCode = payload.readInt16BE(4);
  const topics = payload.readInt32BE(10); // after the session id
  const partitions: PartitionAnswer[] = [];
  let at = 14;
  for (let t = 0; t < topics; t++) {
    const length = payload.readInt16BE(at);
    const topic = payload.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    const count = payload.readInt32BE(at);
    at += 4;
    for (let p = 0; p < count; p++) at = partition(payload, at, topic, partitions);
  }
  return { clientSideThrottleTime, errorCode, partitions };
}

function partition(payload: Buffer, start: number, topic: string, into: PartitionAnswer[]): number {
  const abortedCount = payload.readInt32BE(start + 30);
  const aborted: AbortedTransaction[] = [];
  let at = start + 34;
  for (let i = 0; i < abortedCount; i++, at += 16) {
    aborted.push({ producerId: int64(payload, at), firstOffset: int64(payload, at + 8) });
  }
  at += 4; // preferred read replica: none, as no rack is given
  const size = Math.max(0, payload.readInt32BE(at));
  at += 4;
  into.push({
    topic,
    partition: payload.readInt32BE(start),
    errorCode: payload.readInt16BE(start + 4),
    highWatermark: int64(payload, start + 6),
    lastStableOffset: int64(payload, start + 14),
    aborted,
    bytes: payload.subarray(at, at + size),
  });
  return at + size;
}

const int64 = (payload: Buffer, at: number): number => Number(payload.readBigInt64BE(at));
