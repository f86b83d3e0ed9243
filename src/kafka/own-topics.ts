/**
 * The table of the program's own topics: partitions, settings and which stages need them. A pure
 * function of the configuration. `topic-plan.ts` compares it with what exists; `topics.ts` makes it so.
 */

export type Stage = 'rekey' | 'join' | 'deliver';

/** The part of the configuration that says how topics are named and cut. */
export interface TopicsConfig {
  readonly topics: {
    readonly rekeyState: string;
    readonly clusterChanges: string;
    readonly joinState: string;
    readonly outbound: string;
    readonly deliveryState: string;
    readonly endpointHealth: string;
    readonly redrives: string;
    readonly meta: string;
    readonly deadLetters: string;
  };
  readonly layout: {
    readonly partitions: number;
    readonly outboundPartitions: number;
    readonly replicationFactor: number;
  };
}

export interface OwnTopic {
  readonly name: string;
  readonly stages: readonly Stage[];
  /** `sources` = as many as the source topic with the most has. */
  readonly partitions: number | 'sources';
  /** Used at creation only. */
  readonly replicationFactor: number;
  readonly settings: Readonly<Record<string, TopicSetting>>;
}

/** `at-least`: a larger value, or −1 for no limit, is the operator's choice and left alone. */
export interface TopicSetting {
  readonly value: string;
  readonly rule: 'exactly' | 'at-least';
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const exactly = (value: string | number): TopicSetting => ({ value: String(value), rule: 'exactly' });
const atLeast = (value: number): TopicSetting => ({ value: String(value), rule: 'at-least' });

/** Small segments, cleaned early: the active segment is never cleaned, and every load reads it. */
const COMPACT = {
  'cleanup.policy': exactly('compact'),
  'segment.bytes': exactly(64 * 1024 * 1024),
  'segment.ms': exactly(6 * HOUR_MS),
  'min.cleanable.dirty.ratio': exactly('0.2'),
};

/** The join relies on both: a load must be faster than the first, an outage shorter than the second. */
const CLUSTER_CHANGES = {
  ...COMPACT,
  'min.compaction.lag.ms': atLeast(HOUR_MS),
  'delete.retention.ms': atLeast(DAY_MS),
};

const keptFor = (days: number): Readonly<Record<string, TopicSetting>> => ({
  'cleanup.policy': exactly('delete'),
  'retention.ms': atLeast(days * DAY_MS),
});

/** All own topics, in the order in which data flows. */
export function ownTopics({ topics, layout }: TopicsConfig): OwnTopic[] {
  const own = (
    name: string,
    stages: readonly Stage[],
    partitions: number | 'sources',
    settings: Readonly<Record<string, TopicSetting>>,
  ): OwnTopic => ({ name, stages, partitions, replicationFactor: layout.replicationFactor, settings });
  const { partitions, outboundPartitions } = layout;
  return [
    own(topics.meta, ['rekey'], 1, COMPACT),
    own(topics.rekeyState, ['rekey'], 'sources', COMPACT),
    own(topics.clusterChanges, ['rekey', 'join'], partitions, CLUSTER_CHANGES),
    own(topics.joinState, ['join'], partitions, COMPACT),
    own(topics.outbound, ['join', 'deliver'], outboundPartitions, keptFor(7)),
    own(topics.deliveryState, ['deliver'], outboundPartitions, COMPACT),
    own(topics.endpointHealth, ['deliver'], 1, COMPACT),
    own(topics.redrives, ['deliver'], outboundPartitions, keptFor(7)),
    own(topics.deadLetters, ['rekey', 'join', 'deliver'], outboundPartitions, keptFor(30)),
  ];
}

/** Replicas that must have a record before it counts as written, for a topic with so many copies. */
export function minInsyncReplicas(replicationFactor: number): number {
  return Math.max(1, replicationFactor - 1);
}
