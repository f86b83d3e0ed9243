/**
 * Where the partitions of a topic begin and end: one question per leader and kind of end. Used to know how far a load goes
 * and to measure lag; the ends may have moved on when the answer is read.
 */
import { pause } from '../lib/clock.ts';
import type { BrokerAddress } from './broker-connections.ts';
import { decodeListOffsets, listOffsetsRequest } from './client-internals.ts';
import { classify, type KafkaFailure } from './errors.ts';
import { partitionFailure, retryDelayMs } from './fetch-call.ts';
import { type ReaderDeps, worthRetrying } from './range-reader.ts';

export interface PartitionOffsets {
  readonly partition: number;
  /** First offset that is still held. */
  readonly earliest: number;
  /** The end of what a committed reader may see: before the oldest transaction that is open. */
  readonly lastStable: number;
  /** The offset after the last record. */
  readonly highWatermark: number;
}

interface Question {
  readonly timestamp: -1 | -2;
  readonly isolationLevel: 0 | 1;
}

const EARLIEST: Question = { timestamp: -2, isolationLevel: 0 };
const LAST_STABLE: Question = { timestamp: -1, isolationLevel: 1 };
const HIGH_WATERMARK: Question = { timestamp: -1, isolationLevel: 0 };

/**
 * @param asked the topic; its partitions, or null for all of them
 * @throws KafkaFailure 'topic-missing' or 'authorization'; the signal's reason; brokers that are away are waited for
 */
export async function readPartitionOffsets(
  deps: ReaderDeps,
  asked: { topic: string; partitions: readonly number[] | null; signal: AbortSignal },
): Promise<PartitionOffsets[]> {
  let missingSince: number | null = null;
  for (let failures = 1; ; failures++) {
    asked.signal.throwIfAborted();
    try {
      return await ask(deps, asked.topic, asked.partitions);
    } catch (error) {
      asked.signal.throwIfAborted();
      const failure: KafkaFailure = classify(error);
      missingSince = failure.code === 'topic-missing' ? (missingSince ?? deps.clock.now()) : null;
      if (!worthRetrying(failure, missingSince, deps)) throw failure;
      deps.leaders.forget(asked.topic);
      await pause(deps.clock, retryDelayMs(failures), asked.signal);
    }
  }
}

async function ask(deps: ReaderDeps, topic: string, partitions: readonly number[] | null): Promise<PartitionOffsets[]> {
  const wanted = partitions ?? (await deps.leaders.partitions(topic));
  const byLeader = new Map<string, { leader: BrokerAddress; partitions: number[] }>();
  for (const partition of wanted) {
    const leader = await deps.leaders.leader(topic, partition);
    const key = `${leader.host}:${leader.port}`;
    const group = byLeader.get(key) ?? { leader, partitions: [] };
    if (group.partitions.push(partition) === 1) byLeader.set(key, group);
  }
  const answers = await Promise.all([...byLeader.values()].map((group) => askLeader(deps, topic, group)));
  return answers.flat().sort((a, b) => a.partition - b.partition);
}

async function askLeader(
  deps: ReaderDeps,
  topic: string,
  group: { leader: BrokerAddress; partitions: readonly number[] },
): Promise<PartitionOffsets[]> {
  const [earliest, lastStable, highWatermark] = await Promise.all(
    [EARLIEST, LAST_STABLE, HIGH_WATERMARK].map((question) => askEnd(deps, topic, group, question)),
  );
  return group.partitions.map((partition) => ({
    partition,
    earliest: earliest?.get(partition) ?? 0,
    lastStable: lastStable?.get(partition) ?? 0,
    highWatermark: highWatermark?.get(partition) ?? 0,
  }));
}

async function askEnd(
  deps: ReaderDeps,
  topic: string,
  group: { leader: BrokerAddress; partitions: readonly number[] },
  question: Question,
): Promise<Map<number, number>> {
  const partitions = group.partitions.map((partition) => ({ partition, timestamp: question.timestamp }));
  const answer = await deps.leaders.send(group.leader, 'meta', {
    request: listOffsetsRequest({
      replicaId: -1,
      isolationLevel: question.isolationLevel,
      topics: [{ topic, partitions }],
    }),
    decode: decodeListOffsets,
    waitMs: 0,
  });
  const ends = new Map<number, number>();
  for (const { partition, errorCode, offset } of answer.responses[0]?.partitions ?? []) {
    const failure = partitionFailure({ topic, partition, offset: 0 }, errorCode);
    if (errorCode !== 0) throw failure ?? deps.leaders.moved(topic, partition);
    ends.set(partition, Number(offset));
  }
  for (const partition of group.partitions) if (!ends.has(partition)) throw deps.leaders.moved(topic, partition);
  return ends;
}
