/**
 * The rights in Kafka that each user of the application needs, and no more: the one list that the start checks, that the chart's
 * KafkaUsers are held against, and that docs/operating.md shows. A user is a stage, or `setup` (`topics apply`), or `operator` (the
 * commands that look, redrive, pause and resume). READ and WRITE include DESCRIBE, ALTER_CONFIGS includes DESCRIBE_CONFIGS, as in
 * Kafka's own authorizer. Pure: what is allowed is found out by topics.ts.
 */
import type { TopicOperation } from './authorized-operations.ts';
import type { Stage, TopicsConfig } from './own-topics.ts';

export type KafkaUser = Stage | 'setup' | 'operator';

export const KAFKA_USERS: readonly KafkaUser[] = ['rekey', 'join', 'deliver', 'setup', 'operator'];

export interface Right {
  readonly resource: 'topic' | 'group' | 'transactional id';
  readonly name: string;
  /** The right is about every name that begins so. */
  readonly prefix: boolean;
  /** Never empty; in the order of a list that a person reads. */
  readonly operations: readonly TopicOperation[];
}

/** The part of the configuration that names things. */
export interface RightsConfig extends Pick<TopicsConfig, 'topics'> {
  readonly app: { readonly id: string };
  readonly sources: { readonly leads: string; readonly appointments: string; readonly testDrives: string };
  readonly deliver: { readonly endpointsTopic: string | null };
}

type Own = keyof TopicsConfig['topics'];

/** r = read, w = write, s = see settings, d = describe, c = create and set settings. */
const OPERATIONS: Readonly<Record<string, readonly TopicOperation[]>> = {
  r: ['READ'],
  w: ['WRITE'],
  s: ['DESCRIBE_CONFIGS'],
  d: ['DESCRIBE'],
  c: ['CREATE', 'ALTER_CONFIGS'],
};

/** Settings are looked at before a start. What is written is also read where it is state, or where rows are read back (cluster-changes). */
const OWN: Readonly<Record<KafkaUser, Readonly<Partial<Record<Own, string>>>>> = {
  rekey: { meta: 'rws', rekeyState: 'rws', clusterChanges: 'rws', deadLetters: 'ws' },
  join: { clusterChanges: 'rs', joinState: 'rws', outbound: 'ws', deadLetters: 'ws' },
  deliver: { outbound: 'rs', deliveryState: 'rws', endpointHealth: 'rws', redrives: 'rs', deadLetters: 'ws' },
  setup: {
    ...{ meta: 'dc', rekeyState: 'dc', clusterChanges: 'dc', joinState: 'dc', outbound: 'dc' },
    ...{ deliveryState: 'dc', endpointHealth: 'dc', redrives: 'dc', deadLetters: 'dc' },
  },
  // For `lag` the positions and the inputs; for the rest what the commands show or write.
  operator: {
    ...{ rekeyState: 'r', clusterChanges: 'r', joinState: 'r', outbound: 'r', deliveryState: 'r' },
    ...{ endpointHealth: 'rw', redrives: 'rw', deadLetters: 'r' },
  },
};

const SOURCES: Readonly<Partial<Record<KafkaUser, string>>> = { rekey: 'rs', setup: 'ds', operator: 'r' };

/** Everything that a user needs: topics first, then its group and its transactional ids. */
export function neededRights(user: KafkaUser, config: RightsConfig): Right[] {
  const { app, topics, sources, deliver } = config;
  const right = (resource: Right['resource'], name: string, letters: string, prefix = false): Right => ({
    ...{ resource, name, prefix },
    operations: letters.split('').flatMap((letter) => OPERATIONS[letter] ?? []),
  });
  const { leads, appointments, testDrives } = sources;
  const forSources = SOURCES[user];
  const found: Right[] = [];
  if (forSources !== undefined) {
    for (const topic of [leads, appointments, testDrives]) found.push(right('topic', topic, forSources));
  }
  for (const [own, letters] of Object.entries(OWN[user])) found.push(right('topic', topics[own as Own], letters));
  if (user === 'setup' || user === 'operator') return found;
  if (user === 'deliver' && deliver.endpointsTopic !== null) found.push(right('topic', deliver.endpointsTopic, 'rs'));
  found.push(right('group', `${app.id}.${user}`, 'r'), right('transactional id', `${app.id}.${user}.`, 'w', true));
  if (user === 'rekey') found.push(right('transactional id', `${app.id}.meta`, 'w'));
  return found;
}

/**
 * What of the needed rights on topics is not allowed: `READ, WRITE topic a`, one text for each topic, in order.
 * @param allowed by topic: null = the broker did not tell, or there is no such topic; absent = it was not asked about
 */
export function lackingRights(
  needed: readonly Right[],
  allowed: ReadonlyMap<string, ReadonlySet<TopicOperation> | null>,
): string[] {
  const wanted = new Map<string, Set<TopicOperation>>();
  for (const { resource, name, operations } of needed) {
    if (resource !== 'topic') continue;
    wanted.set(name, new Set([...(wanted.get(name) ?? []), ...operations]));
  }
  return Array.from(wanted, ([name, operations]) => {
    const has = allowed.get(name) ?? null;
    const lacking = has === null ? [] : [...operations].filter((operation) => !has.has(operation));
    return lacking.length === 0 ? '' : `${lacking.join(', ')} topic ${name}`;
  }).filter((text) => text !== '');
}
