/**
 * One Fetch: partitions of one broker in, PartitionAnswers out. Also what an error code of a partition means to a reader.
 * Never asks a follower, and never by a fetch session: each request says all it wants, so nothing is to be kept in step.
 */
import type { Call } from './broker-connections.ts';
import { type FetchTopic, fetchRequest } from './client-internals.ts';
import { PARTITION_ERROR } from './error-codes.ts';
import { KafkaFailure, mayNot } from './errors.ts';
import { decodeFetchAnswer, type FetchAnswer } from './fetch-response.ts';

export interface Wanted {
  readonly topic: string;
  readonly partition: number;
  /** First offset that is wanted. */
  readonly offset: number;
}

export interface FetchLimits {
  /** Milliseconds that the broker waits for a first byte. */
  readonly maxWaitMs: number;
  /** Bytes per partition; a larger first batch comes whole all the same, if its partition is the first with any. */
  readonly bytesPerPartition: number;
  readonly bytesPerRequest: number;
  readonly committed: boolean;
}

/** The request; partitions keep their order within a topic, topics that of their first partition. */
export function fetchCall(wanted: readonly Wanted[], limits: FetchLimits): Call<FetchAnswer> {
  const topics = new Map<string, { partition: number; fetchOffset: number; maxBytes: number }[]>();
  for (const { topic, partition, offset } of wanted) {
    const partitions = topics.get(topic) ?? [];
    if (partitions.length === 0) topics.set(topic, partitions);
    partitions.push({ partition, fetchOffset: offset, maxBytes: limits.bytesPerPartition });
  }
  const request = fetchRequest({
    replicaId: -1,
    maxWaitTime: limits.maxWaitMs,
    minBytes: 1,
    maxBytes: limits.bytesPerRequest,
    isolationLevel: limits.committed ? 1 : 0,
    topics: [...topics].map(([topic, partitions]): FetchTopic => ({ topic, partitions })),
  });
  return { request, decode: async (payload) => decodeFetchAnswer(payload), waitMs: limits.maxWaitMs };
}

/** What a partition's error means: null = its leader moved or is not ready, so learn the leader again and ask again. */
export function partitionFailure(wanted: Wanted, errorCode: number): KafkaFailure | null {
  const { topic, partition, offset } = wanted;
  if (errorCode === PARTITION_ERROR.offsetOutOfRange) {
    return new KafkaFailure(
      'offset-out-of-range',
      `partition ${partition} of ${topic} does not hold offset ${offset}: records were deleted before they were read, or the topic was made anew`,
    );
  }
  if (errorCode === PARTITION_ERROR.topicAuthorization) {
    return new KafkaFailure('authorization', mayNot(`READ topic ${topic}`));
  }
  return null;
}

/** Milliseconds to wait after the n-th failure in a row (n from 1): 50, 100, … up to 2 s. */
export function retryDelayMs(failures: number): number {
  return Math.min(2_000, 50 * 2 ** Math.min(failures - 1, 10));
}
