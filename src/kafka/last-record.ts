/**
 * Finds the last record of a key in a partition without reading all of it: backwards, in stretches that double. A position is written
 * with every transaction of its task, so it lies near the end.
 */
import type { PartitionLog } from './partition-log.ts';

const FIRST_STRETCH = 500;

/**
 * The value of the last committed record with this key; null when there is none or its value is null.
 * @throws what the log throws
 */
export async function lastValue(
  log: PartitionLog,
  at: { topic: string; partition: number; signal: AbortSignal },
  key: string,
): Promise<Buffer | null> {
  const { earliest, lastStable } = await log.ends(at.topic, at.partition);
  for (
    let to = lastStable, stretch = FIRST_STRETCH;
    to > earliest;
    to = Math.max(earliest, to - stretch), stretch *= 2
  ) {
    const from = Math.max(earliest, to - stretch);
    let found: { value: Buffer | null } | null = null as { value: Buffer | null } | null;
    await log.read({ ...at, from, to, committed: true }, (records) => {
      for (const record of records) {
        if (record.key?.toString() === key) found = { value: record.value === null ? null : Buffer.from(record.value) };
      }
    });
    if (found !== null) return found.value;
  }
  return null;
}
