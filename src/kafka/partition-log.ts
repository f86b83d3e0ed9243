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

/** How far a task has read an input, as its changelog says. */
export interface ReadPosition {
  /** Offset to read next. */
  readonly next: number;
  /** Newest record time read, ms; 0 = none was. */
  readonly lastTimestamp: number;
}

/** So many offsets before the position are looked at: compaction may have left holes there. */
const LOOK_BACK = 100;

/**
 * Where a task reads an input on: its position, or the log's start when it has none.
 *
 * @throws KafkaFailure `offset-out-of-range` when the position does not lie within the log, or lies behind records that are newer
 *   than any that was read: records were deleted before they were read, or the topic was made anew. Going on by itself would lose
 *   changes without a word.
 */
export async function startOf(
  log: PartitionLog,
  at: { topic: string; partition: number; signal: AbortSignal },
  position: ReadPosition | null,
): Promise<number> {
  const { earliest, lastStable } = await log.ends(at.topic, at.partition);
  if (position === null) return earliest;
  const { next, lastTimestamp } = position;
  const name = `${at.topic}/${at.partition}`;
  if (next < earliest || next > lastStable) {
    throw new KafkaFailure(
      'offset-out-of-range',
      `${name}: the position ${next} lies outside of the log (${earliest} to ${lastStable}). ` +
        'Records were deleted before they were read, or the topic was made anew. See docs/operating.md, "position outside of the log".',
    );
  }
  if (lastTimestamp > 0 && (await newestBefore(log, at, { earliest, next })) > lastTimestamp) {
    throw new KafkaFailure(
      'offset-out-of-range',
      `${name}: the records before the position ${next} are newer than any that was read: the topic was made anew. ` +
        'See docs/operating.md, "position outside of the log".',
    );
  }
  return next;
}

/** Newest record time within some offsets before `next`; 0 if there is no record. */
async function newestBefore(
  log: PartitionLog,
  at: { topic: string; partition: number; signal: AbortSignal },
  { earliest, next }: { earliest: number; next: number },
): Promise<number> {
  const from = Math.max(earliest, next - LOOK_BACK);
  let newest = 0;
  if (from >= next) return newest;
  await log.read({ ...at, from, to: next, committed: true }, (records) => {
    for (const { timestamp } of records) newest = Math.max(newest, timestamp);
  });
  return newest;
}
