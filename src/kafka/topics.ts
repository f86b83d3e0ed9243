/**
 * Looks at topics and applies the fixes of topic-plan.ts. Creates topics and sets settings; never deletes a topic, never
 * changes a partition count. Settings that somebody else gave a topic are kept: the request that sets one setting replaces
 * all of the topic's, so the others are sent along.
 */
import type { Admin, Kafka } from 'kafkajs';
import { type Clock, pause } from '../lib/clock.ts';
import { allowedCall, operationsOf, type TopicOperation } from './authorized-operations.ts';
import { BrokerConnections, type Call } from './broker-connections.ts';
import { decodeMetadata, metadataRequest } from './client-internals.ts';
import { PARTITION_ERROR } from './error-codes.ts';
import { classify, KafkaFailure, mayNot } from './errors.ts';
import { kafkajs } from './fixes.ts';
import type { ExistingTopic, Finding } from './topic-plan.ts';

/** `ConfigSource` of a setting that was given to the topic itself (protocol: DescribeConfigs). */
const SET_ON_TOPIC = 1;
const LOOKS = 50;
const LOOK_MS = 100;

/** More than a list of bootstrap brokers usually has; a refused connection costs nothing. */
const BROKERS_ASKED = 5;

export class Topics {
  readonly #admin: Admin;
  readonly #connections: BrokerConnections;
  readonly #clock: Clock;

  /** Connects with the first call. `kafka` was made by `createKafka`. */
  constructor(deps: { kafka: Kafka; clock: Clock }) {
    this.#admin = deps.kafka.admin();
    this.#connections = new BrokerConnections(deps.kafka);
    this.#clock = deps.clock;
  }

  /**
   * The topics of these names as they are; null = does not exist.
   * @throws KafkaFailure: 'authorization' if one may not be seen, 'unavailable' if a broker cannot be reached
   */
  async describe(names: readonly string[]): Promise<Map<string, ExistingTopic | null>> {
    const found = await this.#metadata(names);
    const existing = names.filter((name) => (found.get(name) ?? null) !== null);
    const configs = await this.#configs(existing);
    return new Map(
      names.map((name) => {
        const topic = found.get(name);
        if (topic === undefined || topic === null) return [name, null];
        const entries = (configs.get(name) ?? []).map((entry) => [entry.configName, entry.configValue] as const);
        return [name, { ...topic, configs: Object.fromEntries(entries) }];
      }),
    );
  }

  /**
   * The numbers of partitions of the topics of these names; null = does not exist. Needs no right but to describe them.
   * @throws as `describe`
   */
  async partitionCounts(names: readonly string[]): Promise<Map<string, number | null>> {
    const found = await this.#metadata(names);
    return new Map(names.map((name) => [name, found.get(name)?.partitions ?? null]));
  }

  /**
   * What we may do with the topics of these names; null = the broker does not tell, or there is no such topic that we may see or make.
   * Needs no right: of a topic that may not even be described it says that nothing is allowed.
   * @throws KafkaFailure as `describe`, but for 'authorization'
   */
  async allowed(names: readonly string[]): Promise<Map<string, ReadonlySet<TopicOperation> | null>> {
    if (names.length === 0) return new Map();
    const { topics } = await this.#ask(allowedCall(names));
    return new Map(
      topics.map(({ topic, errorCode, bits }) => {
        if (errorCode === PARTITION_ERROR.topicAuthorization) return [topic, new Set()];
        return [topic, errorCode === 0 ? operationsOf(bits) : null];
      }),
    );
  }

  /**
   * Does what the findings' fixes say.
   * @returns the findings that were mended; the others have no fix
   * @throws KafkaFailure when Kafka refuses; what was mended before stays so, and applying again is safe
   */
  async apply(findings: readonly Finding[]): Promise<Finding[]> {
    try {
      await this.#admin.connect();
      await this.#create(findings);
    } catch (error) {
      throw classify(error, { operation: 'CREATE', topics: topicsOf(findings, 'create') });
    }
    try {
      await this.#set(findings);
    } catch (error) {
      throw await this.#refusal(error, 'ALTER_CONFIGS', topicsOf(findings, 'set'));
    }
    return findings.filter(({ fix }) => fix !== null);
  }

  /** Closes the connections; never rejects. */
  async close(): Promise<void> {
    this.#connections.close();
    await this.#admin.disconnect().catch(() => undefined);
  }

  async #metadata(names: readonly string[]): Promise<Map<string, Omit<ExistingTopic, 'configs'> | null>> {
    if (names.length === 0) return new Map(); // to Kafka, none would mean all
    const request = metadataRequest({ topics: names, allowAutoTopicCreation: false });
    const call = { request, decode: decodeMetadata, waitMs: 0 };
    const answer = await this.#ask(call);
    const refused = answer.topicMetadata.filter(
      ({ topicErrorCode }) => topicErrorCode === PARTITION_ERROR.topicAuthorization,
    );
    if (refused.length > 0) {
      throw new KafkaFailure('authorization', mayNot(...refused.map(({ topic }) => `DESCRIBE topic ${topic}`)));
    }
    return new Map(
      answer.topicMetadata.map(({ topic, topicErrorCode, partitionMetadata }) => {
        if (topicErrorCode === PARTITION_ERROR.unknownTopic) return [topic, null];
        if (topicErrorCode !== 0) {
          throw new KafkaFailure('unavailable', `topic ${topic}: the broker answered with error ${topicErrorCode}`);
        }
        const replicationFactor = partitionMetadata[0]?.replicas.length ?? 0;
        return [topic, { partitions: partitionMetadata.length, replicationFactor }];
      }),
    );
  }

  /** Asks the bootstrap brokers in turn: one that is down must not keep a start from its neighbours. */
  async #ask<T>(call: Call<T>): Promise<T> {
    for (let asked = 1; ; asked++) {
      try {
        return await this.#connections.send(null, 'meta', call);
      } catch (error) {
        const failure = classify(error);
        if (failure.code !== 'unavailable' || asked >= BROKERS_ASKED) throw failure;
      }
    }
  }

  async #configs(names: readonly string[]) {
    if (names.length === 0) return new Map<string, never>();
    try {
      await this.#admin.connect();
      const { resources } = await this.#admin.describeConfigs({
        includeSynonyms: false,
        resources: names.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
      });
      return new Map(resources.map((resource) => [resource.resourceName, resource.configEntries]));
    } catch (error) {
      throw await this.#refusal(error, 'DESCRIBE_CONFIGS', names);
    }
  }

  /** The failure of a request about several topics, of which Kafka's answer does not say which one is refused. */
  async #refusal(error: unknown, operation: TopicOperation, names: readonly string[]): Promise<KafkaFailure> {
    const failure = classify(error, { operation, topics: names });
    if (failure.code !== 'authorization') return failure;
    const allowed = await this.allowed(names).catch(() => new Map<string, null>());
    const lacking = names.filter((name) => allowed.get(name)?.has(operation) === false);
    if (lacking.length === 0) return failure;
    return new KafkaFailure('authorization', mayNot(...lacking.map((name) => `${operation} topic ${name}`)));
  }

  async #create(findings: readonly Finding[]): Promise<void> {
    const topics = findings.flatMap(({ topic, fix }) => {
      if (fix?.kind !== 'create') return [];
      const configEntries = Object.entries(fix.settings).map(([name, value]) => ({ name, value }));
      const { partitions: numPartitions, replicationFactor } = fix;
      return [{ topic, numPartitions, replicationFactor, configEntries }];
    });
    if (topics.length === 0) return;
    // The client's own waiting fails when the broker it asks has not heard of the topic yet.
    await this.#admin.createTopics({ topics, waitForLeaders: false });
    await this.#untilSeen(async () => {
      const found = await this.#metadata(topics.map(({ topic }) => topic));
      return topics.every(({ topic }) => (found.get(topic) ?? null) !== null);
    });
  }

  async #set(findings: readonly Finding[]): Promise<void> {
    const changes = new Map<string, Record<string, string>>();
    for (const { topic, fix } of findings) {
      if (fix?.kind === 'set') changes.set(topic, { ...changes.get(topic), ...fix.settings });
    }
    if (changes.size === 0) return;
    const configs = await this.#configs([...changes.keys()]);
    await this.#admin.alterConfigs({
      validateOnly: false,
      resources: [...changes].map(([name, settings]) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configEntries: Object.entries({ ...given(configs.get(name) ?? []), ...settings }).map(([key, value]) => ({
          name: key,
          value,
        })),
      })),
    });
    await this.#untilSeen(async () => {
      const seen = await this.#configs([...changes.keys()]);
      return [...changes].every(([name, settings]) => {
        const values = new Map((seen.get(name) ?? []).map((entry) => [entry.configName, entry.configValue]));
        return Object.entries(settings).every(([key, value]) => values.get(key) === value);
      });
    });
  }

  /** The controller's answer comes before every broker has heard of a change; what follows must not find the old state. */
  async #untilSeen(seen: () => Promise<boolean>): Promise<void> {
    for (let look = 0; look < LOOKS && !(await seen()); look++) await pause(this.#clock, LOOK_MS);
  }
}

function topicsOf(findings: readonly Finding[], kind: 'create' | 'set'): string[] {
  return findings.flatMap(({ topic, fix }) => (fix?.kind === kind ? [topic] : []));
}

/** The settings that were given to the topic itself, not inherited from the broker. */
function given(
  entries: readonly { configName: string; configValue: string; configSource: number }[],
): Record<string, string> {
  const own = entries.filter(({ configSource }) => configSource === SET_ON_TOPIC);
  return Object.fromEntries(own.map(({ configName, configValue }) => [configName, configValue]));
}
