/**
 * Looks now and then whether the source topics still have the partitions that they had at the start. Rows would lie in others from then
 * on, where no task reads and nothing is known of them, and nobody would notice: the consumer group does not. So the process ends,
 * and its next start says what to do. A broker that does not answer is no change; it is asked again the next time.
 */
import { type Clock, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { classify, KafkaFailure } from './errors.ts';

const LOOK_EVERY_MS = 60_000;

export interface PartitionWatchDeps {
  /** The numbers as they are; null = the topic does not exist. */
  readonly countsOf: (topics: readonly string[]) => Promise<ReadonlyMap<string, number | null>>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Watches until `signal` aborts.
 * @param counts partitions of each topic at the start
 * @throws KafkaFailure `input-changed` when one has another number
 */
export async function watchPartitions(
  { countsOf, clock, log }: PartitionWatchDeps,
  counts: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await pause(clock, LOOK_EVERY_MS, signal);
    if (signal.aborted) return;
    const now = await countsOf([...counts.keys()]).catch((error: unknown) => {
      log.debug(
        { event: 'partitions_unknown', code: classify(error).code },
        'the numbers of partitions cannot be asked',
      );
      return new Map<string, number | null>();
    });
    for (const [topic, count] of counts) {
      const is = now.get(topic) ?? count;
      if (is === count) continue;
      const what = `source ${topic} had ${count} partitions at the start and has ${is}`;
      throw new KafkaFailure('input-changed', `${what}: see docs/procedures/partition-growth.md`);
    }
  }
}
