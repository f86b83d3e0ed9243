/**
 * What is wrong with the topics, and what mends it: a pure comparison of what exists with what is wanted. Each finding is a
 * sentence for an operator and, where this program may mend it, the change. It may create own topics and set settings of
 * own topics; partition counts and copies of existing topics, and everything upstream's, are for people.
 */
import { minInsyncReplicas, type OwnTopic, type TopicSetting } from './own-topics.ts';

/** A topic as it exists. */
export interface ExistingTopic {
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Every setting that is in force, defaults included. */
  readonly configs: Readonly<Record<string, string>>;
}

export interface Finding {
  readonly topic: string;
  readonly kind:
    | 'missing'
    | 'source-missing'
    | 'sources-unknown'
    | 'partitions'
    | 'replication'
    | 'setting'
    | 'source-setting';
  /** An error keeps `run` from starting; a warning does not. */
  readonly severity: 'error' | 'warning';
  /** What is wrong, and what to do about it. */
  readonly message: string;
  /** What `topics apply` does about it; null = nothing. */
  readonly fix: TopicFix | null;
}

export type TopicFix =
  | {
      readonly kind: 'create';
      readonly partitions: number;
      readonly replicationFactor: number;
      readonly settings: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'set'; readonly settings: Readonly<Record<string, string>> };

export interface TopicsWanted {
  readonly own: readonly OwnTopic[];
  /** The source topics that the stages need; empty if they need none. */
  readonly sources: readonly string[];
}

const DAY_MS = 86_400_000;
const SOURCE_RETENTION_DAYS = 14;

/**
 * Compares; findings come in the order of `wanted`, sources first.
 * @param actual every topic of `wanted` by name; null or absent = it does not exist
 */
export function planTopics(actual: ReadonlyMap<string, ExistingTopic | null>, wanted: TopicsWanted): Finding[] {
  const sources = wanted.sources.map((name) => ({ name, existing: actual.get(name) ?? null }));
  const counts = sources.map(({ existing }) => existing?.partitions ?? null);
  const most = counts.every((count) => count !== null) ? Math.max(0, ...counts) : null;
  return [
    ...sources.flatMap(({ name, existing }) => planSource(name, existing)),
    ...wanted.own.flatMap((own) => planOwn(own, actual.get(own.name) ?? null, most)),
  ];
}

function planSource(topic: string, existing: ExistingTopic | null): Finding[] {
  if (existing === null) {
    const message = `source topic ${topic} does not exist: create it or start its connector, or set the name of the topic that holds the table`;
    return [{ topic, kind: 'source-missing', severity: 'error', message, fix: null }];
  }
  const policy = (existing.configs['cleanup.policy'] ?? 'delete').split(',').map((word) => word.trim());
  const retentionMs = Number(existing.configs['retention.ms'] ?? -1);
  if (!policy.includes('delete') || retentionMs < 0 || retentionMs >= SOURCE_RETENTION_DAYS * DAY_MS) return [];
  const message =
    `source topic ${topic} deletes records after ${days(retentionMs)}: after a longer outage changes are lost for ever; ` +
    `set cleanup.policy=compact, or retention.ms to ${SOURCE_RETENTION_DAYS} days (${SOURCE_RETENTION_DAYS * DAY_MS}) or more`;
  return [{ topic, kind: 'source-setting', severity: 'warning', message, fix: null }];
}

/** @param most partitions of the largest source; null = unknown as a source is missing */
function planOwn(own: OwnTopic, existing: ExistingTopic | null, most: number | null): Finding[] {
  const partitions = own.partitions === 'sources' ? most : own.partitions;
  if (existing === null) return [missing(own, partitions)];
  return [...partitionCount(own, existing, partitions), ...replication(own, existing), ...settings(own, existing)];
}

function missing(own: OwnTopic, partitions: number | null): Finding {
  const topic = own.name;
  if (partitions === null) {
    const message = `topic ${topic} does not exist and cannot be created yet: it gets as many partitions as the largest source topic, and a source topic is missing`;
    return { topic, kind: 'sources-unknown', severity: 'error', message, fix: null };
  }
  const { replicationFactor } = own;
  const fix: TopicFix = {
    kind: 'create',
    partitions,
    replicationFactor,
    settings: values(withReplicas(own.settings, replicationFactor)),
  };
  const message = `topic ${topic} does not exist: \`lead-webhooks topics apply\` creates it with ${partitions} partitions and ${replicationFactor} copies`;
  return { topic, kind: 'missing', severity: 'error', message, fix };
}

function partitionCount(own: OwnTopic, existing: ExistingTopic, partitions: number | null): Finding[] {
  if (partitions === null || existing.partitions === partitions) return [];
  const message =
    own.partitions === 'sources'
      ? `topic ${own.name} has ${existing.partitions} partitions, the largest source topic has ${partitions}: a source was made with another number of partitions after the first start, so rows lie in other partitions than their state; see docs/operating.md`
      : `topic ${own.name} has ${existing.partitions} partitions, the configuration says ${partitions}: set the number back to ${existing.partitions}; it cannot be changed once there is state`;
  return [{ topic: own.name, kind: 'partitions', severity: 'error', message, fix: null }];
}

function replication(own: OwnTopic, existing: ExistingTopic): Finding[] {
  if (existing.replicationFactor >= own.replicationFactor) return [];
  const message = `topic ${own.name} has ${existing.replicationFactor} copies, the configuration says ${own.replicationFactor}: reassign its partitions with Kafka's own tools`;
  return [{ topic: own.name, kind: 'replication', severity: 'warning', message, fix: null }];
}

/** min.insync.replicas follows the copies that exist: more than that, and nothing could be written any more. */
function settings(own: OwnTopic, existing: ExistingTopic): Finding[] {
  const wrong = Object.entries(withReplicas(own.settings, existing.replicationFactor)).filter(
    ([name, setting]) => !fits(existing.configs[name], setting),
  );
  return wrong.map(([name, { value, rule }]) => ({
    topic: own.name,
    kind: 'setting',
    severity: 'error',
    message: `topic ${own.name} has ${name}=${existing.configs[name] ?? 'unknown'}, it needs ${rule === 'exactly' ? '' : 'at least '}${value}: \`lead-webhooks topics apply\` sets it`,
    fix: { kind: 'set', settings: { [name]: value } },
  }));
}

function withReplicas(
  settings: Readonly<Record<string, TopicSetting>>,
  replicationFactor: number,
): Record<string, TopicSetting> {
  const least = { value: String(minInsyncReplicas(replicationFactor)), rule: 'exactly' } as const;
  return { ...settings, 'min.insync.replicas': least };
}

function fits(actual: string | undefined, { value, rule }: TopicSetting): boolean {
  if (actual === undefined) return false;
  if (rule === 'exactly') return actual === value;
  return Number(actual) < 0 || Number(actual) >= Number(value);
}

const values = (settings: Readonly<Record<string, TopicSetting>>): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).map(([name, { value }]) => [name, value]));

const days = (ms: number): string =>
  ms < DAY_MS ? `${Math.round(ms / 3_600_000)} hours` : `${Math.round(ms / DAY_MS)} days`;
