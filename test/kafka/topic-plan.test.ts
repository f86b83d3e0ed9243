/** Topics as they are against topics as they should be. */
import { describe, expect, test } from 'vitest';
import { ownTopics, type TopicsConfig } from '../../src/kafka/own-topics.ts';
import { type ExistingTopic, planTopics, type TopicsWanted } from '../../src/kafka/topic-plan.ts';

const config: TopicsConfig = {
  topics: {
    rekeyState: 'rekey-state',
    clusterChanges: 'cluster-changes',
    joinState: 'join-state',
    outbound: 'outbound',
    deliveryState: 'delivery-state',
    endpointHealth: 'endpoint-health',
    redrives: 'redrives',
    meta: 'meta',
    deadLetters: 'dead-letters',
  },
  layout: { partitions: 12, outboundPartitions: 6, replicationFactor: 3 },
};

const wanted: TopicsWanted = { own: ownTopics(config), sources: ['leads', 'appointments'] };

const source = (partitions: number, configs: Record<string, string> = {}): ExistingTopic => ({
  partitions,
  replicationFactor: 3,
  configs: { 'cleanup.policy': 'compact', 'retention.ms': '604800000', ...configs },
});

/** Everything as `topics apply` would have made it. */
function good(): Map<string, ExistingTopic | null> {
  const topics = new Map<string, ExistingTopic | null>([
    ['leads', source(8)],
    ['appointments', source(3)],
  ]);
  for (const { topic, fix } of planTopics(topics, wanted)) {
    if (fix?.kind !== 'create') throw new Error(`${topic} cannot be created`);
    const { partitions, replicationFactor, settings } = fix;
    topics.set(topic, { partitions, replicationFactor, configs: settings });
  }
  return topics;
}

function changed(topic: string, change: Partial<ExistingTopic>) {
  const topics = good();
  const existing = topics.get(topic);
  if (existing === undefined || existing === null) throw new Error(`no topic ${topic}`);
  topics.set(topic, { ...existing, ...change, configs: { ...existing.configs, ...change.configs } });
  return planTopics(topics, wanted).map(({ topic: name, kind, severity, fix }) => [name, kind, severity, fix]);
}

describe('what is missing', () => {
  test('every own topic is created with its partitions, copies and settings; then nothing is found', () => {
    const topics = good();
    const cut = wanted.own.map(({ name }) => [name, topics.get(name)?.partitions]);
    expect(Object.fromEntries(cut)).toEqual({
      meta: 1,
      'rekey-state': 8,
      'cluster-changes': 12,
      'join-state': 12,
      outbound: 6,
      'delivery-state': 6,
      'endpoint-health': 1,
      redrives: 6,
      'dead-letters': 6,
    });
    expect(topics.get('cluster-changes')?.configs).toEqual({
      'cleanup.policy': 'compact',
      'segment.bytes': '67108864',
      'segment.ms': '21600000',
      'min.cleanable.dirty.ratio': '0.2',
      'min.compaction.lag.ms': '3600000',
      'delete.retention.ms': '86400000',
      'min.insync.replicas': '2',
    });
    expect(topics.get('outbound')?.configs).toEqual({
      'cleanup.policy': 'delete',
      'retention.ms': '604800000',
      'min.insync.replicas': '2',
    });
    expect(planTopics(topics, wanted)).toEqual([]);
  });

  test('a missing source is an error without a fix, and keeps the topic that is cut like the sources from being made', () => {
    const findings = planTopics(new Map([['leads', source(8)]]), wanted);
    expect(findings.filter(({ fix }) => fix === null).map(({ topic, kind }) => [topic, kind])).toEqual([
      ['appointments', 'source-missing'],
      ['rekey-state', 'sources-unknown'],
    ]);
    expect(findings.filter(({ fix }) => fix?.kind === 'create')).toHaveLength(8);
  });

  test('with one copy one replica is enough to write', () => {
    const single = { ...config, layout: { ...config.layout, replicationFactor: 1 } };
    const [finding] = planTopics(new Map(), { own: ownTopics(single), sources: [] });
    expect(finding?.fix).toMatchObject({ replicationFactor: 1, settings: { 'min.insync.replicas': '1' } });
  });
});

describe('what is wrong', () => {
  test('a partition count is an error that nothing here mends', () => {
    expect(changed('join-state', { partitions: 4 })).toEqual([['join-state', 'partitions', 'error', null]]);
    expect(changed('leads', { partitions: 9 })).toEqual([['rekey-state', 'partitions', 'error', null]]);
  });

  test('a wrong setting of an own topic is an error that apply mends', () => {
    expect(changed('join-state', { configs: { 'cleanup.policy': 'delete' } })).toEqual([
      ['join-state', 'setting', 'error', { kind: 'set', settings: { 'cleanup.policy': 'compact' } }],
    ]);
  });

  test('a shorter retention is wrong, a longer or endless one is the operator’s choice', () => {
    expect(changed('outbound', { configs: { 'retention.ms': '1000' } })).toMatchObject([
      ['outbound', 'setting', 'error', {}],
    ]);
    expect(changed('outbound', { configs: { 'retention.ms': '9999999999' } })).toEqual([]);
    expect(changed('outbound', { configs: { 'retention.ms': '-1' } })).toEqual([]);
  });

  test('fewer copies are a warning, and the replicas needed for a write follow the copies that exist', () => {
    expect(changed('outbound', { replicationFactor: 1, configs: { 'min.insync.replicas': '1' } })).toEqual([
      ['outbound', 'replication', 'warning', null],
    ]);
    expect(changed('outbound', { replicationFactor: 1 })).toEqual([
      ['outbound', 'replication', 'warning', null],
      ['outbound', 'setting', 'error', { kind: 'set', settings: { 'min.insync.replicas': '1' } }],
    ]);
  });

  test.each([
    [{ 'cleanup.policy': 'delete', 'retention.ms': '604800000' }, 1],
    [{ 'cleanup.policy': 'compact,delete', 'retention.ms': '604800000' }, 1],
    [{ 'cleanup.policy': 'delete', 'retention.ms': '1209600000' }, 0],
    [{ 'cleanup.policy': 'delete', 'retention.ms': '-1' }, 0],
    [{ 'cleanup.policy': 'compact', 'retention.ms': '1000' }, 0],
  ])('a source with %j gives %i warnings and never an error', (configs, count) => {
    const findings = changed('leads', { configs });
    expect(findings).toEqual(Array.from({ length: count }, () => ['leads', 'source-setting', 'warning', null]));
  });

  test('every finding says what to do', () => {
    const topics = good();
    topics.set('leads', null);
    topics.set('outbound', null);
    topics.set('meta', { partitions: 2, replicationFactor: 1, configs: {} });
    const verbs = /create it|topics apply|cannot be created yet|set the number back|reassign|set cleanup/;
    for (const { message } of planTopics(topics, wanted)) expect(message).toMatch(verbs);
  });
});
