/**
 * Which broker leads which partition, and requests to that broker. Metadata is read when a leader is unknown or was
 * forgotten after a failure, one request at a time for all topics that are asked for. An error of one topic concerns that
 * topic alone. It does not retry: it says what it knows, and the caller's loop decides.
 */
import type { BrokerAddress, BrokerConnections, Call, Lane } from './broker-connections.ts';
import { decodeMetadata, type MetadataAnswer, metadataRequest } from './client-internals.ts';
import { PARTITION_ERROR } from './error-codes.ts';
import { KafkaFailure, mayNot } from './errors.ts';

interface Topic {
  /** Partition → address of its leader; null while there is none. */
  readonly leaders: Map<number, BrokerAddress | null>;
}

export class PartitionLeaders {
  readonly #connections: BrokerConnections;
  readonly #topics = new Map<string, Topic>();
  #refreshing: { topics: ReadonlySet<string>; done: Promise<void> } | null = null;
  /** Where metadata is read: null = the bootstrap addresses, else a broker learnt from them. Moves on after a failure. */
  #sources: readonly (BrokerAddress | null)[] = [null];
  #source = 0;
  /** What the last metadata said about topics that could not be read. */
  readonly #failed = new Map<string, KafkaFailure>();

  constructor(connections: BrokerConnections) {
    this.#connections = connections;
  }

  /** The leader as far as known; undefined = ask `learn` first. */
  known(topic: string, partition: number): BrokerAddress | undefined {
    return this.#topics.get(topic)?.leaders.get(partition) ?? undefined;
  }

  /** Forgets a topic's leaders after a failure that speaks of stale metadata. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  /**
   * Reads the metadata of topics; concurrent calls share a request where it covers them.
   * @throws what the connection throws; a topic's own error is kept for `leader`
   */
  async learn(topics: readonly string[]): Promise<void> {
    const running = this.#refreshing;
    if (running !== null && topics.every((topic) => running.topics.has(topic))) return running.done;
    const wanted = new Set([...topics, ...this.#topics.keys()]);
    const refresh = { topics: wanted, done: this.#read([...wanted]) };
    this.#refreshing = refresh;
    try {
      await refresh.done;
    } finally {
      if (this.#refreshing === refresh) this.#refreshing = null;
    }
  }

  /**
   * The leader of a partition, reading the metadata if needed.
   * @throws KafkaFailure 'topic-missing' (also for a partition that does not exist; both may be transient just after a
   *   creation), 'authorization', or 'unavailable' while there is no leader
   */
  async leader(topic: string, partition: number): Promise<BrokerAddress> {
    if (this.known(topic, partition) === undefined) await this.learn([topic]);
    const leader = this.known(topic, partition);
    if (leader !== undefined) return leader;
    throw this.why(topic, partition);
  }

  /** Why `known` gives nothing after `learn`. */
  why(topic: string, partition: number): KafkaFailure {
    const failure = this.#failed.get(topic);
    if (failure !== undefined) return failure;
    const leaders = this.#topics.get(topic)?.leaders;
    if (leaders !== undefined && !leaders.has(partition)) {
      return new KafkaFailure('topic-missing', `topic ${topic} has no partition ${partition}`);
    }
    return new KafkaFailure('unavailable', `partition ${partition} of ${topic} has no leader`);
  }

  /** The failure of a request that a partition's leader refused: it leads no longer, or is not ready yet. */
  moved(topic: string, partition: number): KafkaFailure {
    return new KafkaFailure('unavailable', `partition ${partition} of ${topic}: its leader moved or is not ready`);
  }

  /** The partitions of a topic, in order. @throws as `leader` */
  async partitions(topic: string): Promise<number[]> {
    await this.learn([topic]);
    const found = this.#topics.get(topic);
    if (found === undefined) throw this.why(topic, 0);
    return [...found.leaders.keys()].sort((a, b) => a - b);
  }

  /** Sends a request to the leader that `leader` or `known` gave. */
  send<T>(leader: BrokerAddress, lane: Lane, call: Call<T>): Promise<T> {
    return this.#connections.send(leader, lane, call);
  }

  async #read(topics: readonly string[]): Promise<void> {
    const answer = await this.#ask(topics);
    this.#sources = [null, ...answer.brokers];
    const brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    for (const { topic, topicErrorCode, partitionMetadata } of answer.topicMetadata) {
      this.#failed.delete(topic);
      if (topicErrorCode !== 0) {
        this.#topics.delete(topic);
        this.#failed.set(topic, topicFailure(topic, topicErrorCode));
        continue;
      }
      const leaders = new Map(partitionMetadata.map((p) => [p.partitionId, brokers.get(p.leader) ?? null]));
      this.#topics.set(topic, { leaders });
    }
  }

  async #ask(topics: readonly string[]): Promise<MetadataAnswer> {
    const source = this.#sources[this.#source % this.#sources.length] ?? null;
    try {
      return await this.#connections.send(source, 'meta', {
        request: metadataRequest({ topics, allowAutoTopicCreation: false }),
        decode: decodeMetadata,
        waitMs: 0,
      });
    } catch (error) {
      this.#source++;
      throw error;
    }
  }
}

function topicFailure(topic: string, code: number): KafkaFailure {
  if (code === PARTITION_ERROR.unknownTopic) return new KafkaFailure('topic-missing', `topic ${topic} does not exist`);
  if (code === PARTITION_ERROR.topicAuthorization) {
    return new KafkaFailure('authorization', mayNot(`READ topic ${topic}`));
  }
  return new KafkaFailure('unavailable', `topic ${topic}: the broker answered with error ${code}`);
}
