/**
 * Grouping the messages of a send by partition. The client copies the list of a partition for every message that it adds,
 * so that the cost grows with the square of the batch: 5,000 records to one partition cost 12 million copies.
 */

type Partitioner<M> = (choice: { topic: string; partitionMetadata: unknown; message: M }) => number;

/** Replacement of `producer/groupMessagesPerPartition`; no metadata gives an empty object, as with the client. */
export function groupPerPartition<M>(call: {
  readonly topic: string;
  readonly partitionMetadata: readonly unknown[];
  readonly messages: readonly M[];
  readonly partitioner: Partitioner<M>;
}): Record<number, M[]> {
  const { topic, partitionMetadata, messages, partitioner } = call;
  const groups: Record<number, M[]> = {};
  if (partitionMetadata.length === 0) return groups;
  for (const message of messages) {
    const partition = partitioner({ topic, partitionMetadata, message });
    const group = groups[partition];
    if (group === undefined) groups[partition] = [message];
    else group.push(message);
  }
  return groups;
}
