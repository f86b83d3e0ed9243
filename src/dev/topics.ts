/**
 * Makes topics for a demo, a bench or a test, as upstream would have made the sources, and removes in the end everything that
 * carries an application id of its own. `topics apply` makes the own topics; nothing of the product deletes.
 */
import type { createKafka } from '../kafka/client.ts';
import { Topics } from '../kafka/topics.ts';
import type { Clock } from '../lib/clock.ts';

type KafkaClient = ReturnType<typeof createKafka>;

/** What a connector's topic of a table has. */
export const SOURCE_SETTINGS = { 'cleanup.policy': 'compact' } as const;

/**
 * Creates topics, with one copy unless another number is given; returns when the broker shows them. Those that are there stay as they are. (The client's own
 * call fails now and then: it asks for a topic of which the broker has not heard yet.)
 */
export async function createTopics(
  deps: { readonly kafka: KafkaClient; readonly clock: Clock },
  names: readonly string[],
  options: {
    readonly partitions: number;
    readonly replicationFactor?: number;
    readonly settings: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { partitions, replicationFactor = 1, settings } = options;
  const topics = new Topics(deps);
  const fix = { kind: 'create', partitions, replicationFactor, settings } as const;
  const missing = { kind: 'missing', severity: 'error', message: 'is made here', fix } as const;
  try {
    await topics.apply(names.map((topic) => ({ topic, ...missing })));
  } finally {
    await topics.close();
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
