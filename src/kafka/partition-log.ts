/**
 * Reading a partition from one end to the other: what a load does. Declared by those who load; the fetcher and the admin
 * client implement it, and so does the simulation's broker.
 */
import { KafkaFailure } from './errors.ts';
import type { KafkaRecord } from './record.ts';

export interface PartitionEnds {
  readonly earliest: number;
  /** End of what is committed; offsets at and after it belong to open transactions. */
  readonly lastStable: number;
}

export interface PartitionLog {
  ends(topic: string, partition: number): Promise<PartitionEnds>;
  /** Reads [from, to) in order. */
  read(
    at: { topic: string; partition: number; from: number; to: number; committed: boolean; signal: AbortSignal },
    onRecords: (records: readonly KafkaRecord[]) => void,
  ): Promise<void>;
}

/**
 * Reads a whole partition, from its start to its last stable offset; returns that offset. `onLeft` hears, part by part, how
 * many offsets are left.
 */
export async function readAll(
  log: PartitionLog,
  at: { topic: string; partition: number; signal: AbortSignal },
  onRecord: (record: KafkaRecord) => void,
  onLeft: (left: number) => void = () => undefined,
): Promise<number> {
  const { earliest, lastStable } = await log.ends(at.topic, at.partition);
  if (earliest < lastStable) {
    await log.read({ ...at, from: earliest, to: lastStable, committed: true }, (records) => {
      for (const record of records) onRecord(record);
      const last = records.at(-1);
      if (last !== undefined) onLeft(lastStable - last.offset - 1);
    });
  }
  onLeft(0);
  return lastStable;
}

/**
 * Where a task reads an input on: its position, or the log's start when it has none.
 *
 * @throws KafkaFailure `offset-out-of-range` when the position does not lie within the log: records were deleted before they
 *   were read, or the topic was made anew. Going on by itself would lose changes without a word.
 */
export async function startOf(
  log: PartitionLog,
  at: { topic: string; partition: number },
  position: number | undefined,
): Promise<number> {
  const { earliest, lastStable } = await log.ends(at.topic, at.partition);
  if (position === undefined) return earliest;
  if (position < earliest || position > lastStable) {
    throw new KafkaFailure(
      'offset-out-of-range',
      `${at.topic}/${at.partition}: the position ${position} lies outside of the log (${earliest} to ${lastStable}). ` +
        'Records were deleted before they were read, or the topic was made anew. See docs/operating.md, "position outside of the log".',
    );
  }
  return position;
}
