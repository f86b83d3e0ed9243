/**
 * Ends what a broker has left open of a task's former transactions. Fencing ends a predecessor's transaction, but a coordinator of
 * Kafka 4.0 or newer (KAFKA-20734) takes a partition that has no leader at that moment for deleted, and never ends the transaction there:
 * for example when the only broker is killed and comes back. Its records then count for the next transaction of the same
 * producer, whose commit would make visible what had been aborted: revisions that come twice.
 *
 * Seen by this: after fencing nobody but us may write to our changelog, and we have not begun; so its last stable offset is its
 * end. If not, a transaction of our own that is aborted ends the old one too, in every partition that it may have written to.
 */
import type { Log } from '../lib/log.ts';
import { KafkaFailure } from './errors.ts';
import type { OutgoingRecord } from './record.ts';
import type { TaskProducer } from './task.ts';

export interface Written {
  /** The task's own partition. */
  readonly changelog: { readonly topic: string; readonly partition: number };
  /** Every other topic that the task writes to. */
  readonly outputs: readonly { readonly topic: string; readonly partitions: number }[];
}

export interface LogEnds {
  ends(topic: string, partition: number): Promise<{ readonly lastStable: number; readonly highWatermark: number }>;
}

const KEY = 'left-open';

/**
 * Looks at the changelog of a task that was just fenced; returns when nothing is open there.
 * @throws KafkaFailure `left-open`, retriable, after something was ended: the next life of the task begins on clean ground
 */
export async function endLeftOpen(
  producer: Pick<TaskProducer, 'send' | 'abort'>,
  deps: { readonly ends: LogEnds; readonly log: Log },
  { changelog, outputs }: Written,
): Promise<void> {
  const { topic, partition } = changelog;
  const { lastStable, highWatermark } = await deps.ends.ends(topic, partition);
  if (lastStable >= highWatermark) return;
  const from = lastStable;
  deps.log.warn(
    { event: 'left_open', topic, partition, from, end: highWatermark },
    'a broker has left a former transaction of this task open; it is ended by one that is aborted',
  );
  const nothing = (at: { topic: string; partition: number }): OutgoingRecord => ({ ...at, key: KEY, value: null });
  const others = outputs.flatMap((output) =>
    Array.from({ length: output.partitions }, (_, index) => nothing({ topic: output.topic, partition: index })),
  );
  try {
    await producer.send([nothing(changelog), ...others]);
  } finally {
    await producer.abort();
  }
  throw new KafkaFailure('left-open', `${topic}/${partition}: a transaction that was left open has been ended`);
}
