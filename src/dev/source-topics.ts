/**
 * Makes and removes the topics of a demo, a bench or a test: the source topics as upstream would have made them, and in the
 * end everything that carries an application id of its own. `topics apply` makes the own topics; nothing of the product deletes.
 */
import type { createKafka } from '../kafka/client.ts';

type KafkaClient = ReturnType<typeof createKafka>;

/** Creates compacted topics of `partitions` partitions with one copy; those that are there stay as they are. */
export async function createSourceTopics(
  kafka: KafkaClient,
  names: readonly string[],
  partitions: number,
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const configEntries = [{ name: 'cleanup.policy', value: 'compact' }];
    const topics = names.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: 1, configEntries }));
    await admin.createTopics({ topics, waitForLeaders: true });
  } finally {
    await admin.disconnect();
  }
}

/** Deletes the topics and consumer groups whose names begin with `<appId>.`. Rejects when the broker refuses. */
export async function deleteApplication(kafka: KafkaClient, appId: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((name) => name.startsWith(`${appId}.`));
    if (topics.length > 0) await admin.deleteTopics({ topics });
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    const own = groups.filter((id) => id.startsWith(`${appId}.`));
    if (own.length > 0) await admin.deleteGroups(own);
  } finally {
    await admin.disconnect();
  }
}
