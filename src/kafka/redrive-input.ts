/**
 * A deliver task's second input: the requests to deliver dead letters again, in its partition of the topic of redrives. They are read
 * one part at a time: the next one after the commit that has taken the last. A request that was lost with the topic's retention, or
 * cannot be read, is told in the log and passed: the dead letter is still there and can be asked for again.
 */
import type { Redrives } from '../core/delivery.ts';
import type { Log } from '../lib/log.ts';
import type { InputFetcher } from './batch-loop.ts';
import type { KafkaFailure } from './errors.ts';
import { decodeRedrive } from './internal-codec.ts';
import type { PartitionLog } from './partition-log.ts';
import type { KafkaRecord } from './record.ts';
import { UnknownFormat } from './versioned-record.ts';

export interface RedriveInputDeps {
  readonly fetcher: InputFetcher;
  readonly logger: Log;
  readonly taken: (redrives: Redrives) => void;
  readonly failed: (failure: KafkaFailure) => void;
}

export interface RedriveInput {
  /** What was taken is committed: the next part may come. */
  resume(): void;
  close(): void;
}

/**
 * Where a task reads its redrives on: its position; or the start of the log when there is none, or when it lies outside of the log,
 * because requests were deleted or the topic was made anew. Nothing is lost by that, so it is no reason to stop.
 */
export async function redrivesStart(
  log: PartitionLog,
  at: { topic: string; partition: number },
  position: number | null,
): Promise<number> {
  const { earliest, lastStable } = await log.ends(at.topic, at.partition);
  return position === null || position < earliest || position > lastStable ? earliest : position;
}

/** Subscribes from `offset` on. */
export function subscribeRedrives(
  deps: RedriveInputDeps,
  at: { topic: string; partition: number; offset: number },
): RedriveInput {
  const subscription = deps.fetcher.subscribe(at, {
    deliver: ({ records, next }) => {
      if (records.length > 0) subscription.pause();
      deps.taken({ requests: records.flatMap((record) => readRequest(record, deps.logger)), next });
    },
    fail: deps.failed,
  });
  return subscription;
}

function readRequest(record: KafkaRecord, logger: Log) {
  const { topic, partition, offset, value } = record;
  try {
    if (value !== null) return [decodeRedrive(value)];
  } catch (error) {
    if (!(error instanceof UnknownFormat)) throw error;
  }
  logger.warn(
    { event: 'bad_redrive', topic, partition, offset },
    'a redrive request cannot be read and is passed over',
  );
  return [];
}
