/**
 * Membership of this process in the consumer group of one stage: which partition indexes are ours, and since when the
 * group last knew that we live. Around kafkajs's consumer, which here only joins and beats: all its partitions are paused
 * from the moment it gets them, so that it never fetches (fetcher.ts does). Index i stands for partition i of every topic
 * of the stage. Fencing by transactional id, not membership, keeps two owners apart; this only says who should try.
 */
import type { Cluster, Consumer, ConsumerCrashEvent, ConsumerGroupJoinEvent, Kafka } from 'kafkajs';
import { type Clock, type Moment, momentOf, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { stickyAssigner } from './assigner.ts';
import { classify, type KafkaFailure } from './errors.ts';
import { type GroupCluster, hookGroup } from './group-hooks.ts';

export interface MembershipOptions {
  readonly groupId: string;
  /** The stage's input topics. */
  readonly topics: readonly string[];
  /** LEAD_WEBHOOKS_INSTANCE_ID; empty = none. */
  readonly instanceId: string;
  /**
   * The client id of the given client if it names this instance alone (`<app>/<stage>/<instance>`): members that are left
   * of a former run under the same client id are then put out of the group at once, instead of after their session. Null
   * = no eviction.
   */
  readonly evictClientId: string | null;
  /** Milliseconds without a heartbeat after which the group gives our indexes to others (30,000). */
  readonly sessionTimeoutMs?: number;
  /** Milliseconds between heartbeats (a tenth of the session, at most 1,000): only by a heartbeat is a member told to join again. */
  readonly heartbeatIntervalMs?: number;
  /** Milliseconds that the group waits for its members to rejoin (60,000). */
  readonly rebalanceTimeoutMs?: number;
  /** Milliseconds that `beforeRejoin` may take (a third of the session). */
  readonly beforeRejoinMs?: number;
}

export interface MembershipListener {
  /** After every join, also when nothing changed; synchronous. Replaces what was assigned before. */
  onAssigned(indexes: readonly number[], generation: number): void;
  /**
   * Awaited (bounded) before we join again, when what we hold may be given to others: end what fencing does not stop.
   * Tasks may go on otherwise: `onAssigned` says what is left of them.
   */
  beforeRejoin?(): void | Promise<void>;
  /** The group has confirmed our membership by a request sent at `sentAt`. */
  onHeartbeat?(sentAt: Moment): void;
  /** We are out of the group and will not come back by ourselves. */
  onFailed(failure: KafkaFailure): void;
}

/** kafkajs sleeps this long between looks at a heartbeat's time while everything is paused; also bounds a stop. */
const IDLE_MS = 100;
const RESTART_MS = 1_000;
const HEARTBEAT_MS_MAX = 1_000;

export class Membership {
  readonly #deps: { kafka: Kafka; log: Log; clock: Clock };
  readonly #options: Required<MembershipOptions>;
  readonly #consumer: Consumer;
  readonly #stopping = new AbortController();
  #cluster: GroupCluster | null = null;
  #listener: MembershipListener | null = null;
  #held: readonly number[] = [];
  #generation = -1;
  #joins = 0;

  constructor(deps: { kafka: Kafka; log: Log; clock: Clock }, options: MembershipOptions) {
    this.#deps = deps;
    const sessionTimeoutMs = options.sessionTimeoutMs ?? 30_000;
    this.#options = {
      sessionTimeoutMs,
      heartbeatIntervalMs: Math.min(HEARTBEAT_MS_MAX, Math.round(sessionTimeoutMs / 10)),
      rebalanceTimeoutMs: 60_000,
      beforeRejoinMs: Math.round(sessionTimeoutMs / 3),
      ...options,
    };
    this.#consumer = deps.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: this.#options.heartbeatIntervalMs,
      rebalanceTimeout: this.#options.rebalanceTimeoutMs,
      maxWaitTimeInMs: IDLE_MS,
      allowAutoTopicCreation: false,
      partitionAssigners: [
        stickyAssigner(
          () => ({ instance: options.instanceId, held: this.#held, generation: this.#generation }),
          (cluster) => this.#hook(cluster),
        ),
      ],
    });
  }

  /** The indexes of the last assignment. */
  get held(): readonly number[] {
    return this.#held;
  }

  /**
   * Joins the group; resolves when the first assignment has been told, or sooner when the group has no coordinator yet. Losses of the group are mended by joining
   * again where time heals them; else `onFailed`.
   * @throws KafkaFailure when the first connection or the subscription fails
   */
  async run(listener: MembershipListener): Promise<void> {
    this.#listener = listener;
    const { GROUP_JOIN, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, (event) => this.#joined(event));
    this.#consumer.on(CRASH, (event) => this.#crashed(event));
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
      await this.#evictPredecessor();
      await this.#start();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Leaves the group, so that others take over at once. Never rejects; gives up after `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    const { clock, log } = this.#deps;
    const over = new AbortController();
    const left = this.#consumer.disconnect().then(
      () => true,
      () => false,
    );
    const inTime = await Promise.race([left, pause(clock, deadlineMs, over.signal).then(() => false)]);
    over.abort();
    if (!inTime) {
      const fields = { event: 'group_leave_failed', group: this.#options.groupId };
      log.warn(fields, 'could not leave the group in time; it waits for our session to end');
    }
  }

  /**
   * Writes offsets to the group for lag tools; nothing of ours ever reads them. Best effort: a failure is logged only.
   */
  async commitOffsets(positions: readonly { topic: string; partition: number; offset: number }[]): Promise<void> {
    try {
      await this.#consumer.commitOffsets(positions.map((at) => ({ ...at, offset: String(at.offset) })));
    } catch (error) {
      const { code, type } = classify(error);
      const fields = { event: 'group_commit_failed', group: this.#options.groupId, code, type };
      this.#deps.log.debug(fields, 'offsets for lag tools were not written');
    }
  }

  #start(): Promise<void> {
    // Never called: nothing is fetched. The client wants a handler all the same.
    return this.#consumer.run({ autoCommit: false, eachBatch: async () => undefined });
  }

  #hook(cluster: Cluster): void {
    this.#cluster = cluster as unknown as GroupCluster;
    const hooks = {
      beforeJoin: () => this.#beforeJoin(),
      onJoined: (generation: number) => {
        this.#generation = generation;
      },
      onContact: (sentAt: Moment) => this.#listener?.onHeartbeat?.(sentAt),
    };
    hookGroup(this.#cluster, hooks, () => momentOf(this.#deps.clock));
  }

  async #beforeJoin(): Promise<void> {
    if (this.#joins === 0) return;
    const over = new AbortController();
    const ready = (async () => this.#listener?.beforeRejoin?.())().then(
      () => true,
      () => true,
    );
    const inTime = await Promise.race([
      ready,
      pause(this.#deps.clock, this.#options.beforeRejoinMs, over.signal).then(() => false),
    ]);
    over.abort();
    if (!inTime) {
      const fields = { event: 'group_rejoin_late', group: this.#options.groupId };
      this.#deps.log.warn(fields, 'joining the group again before everything under way has ended');
    }
  }

  #joined(event: ConsumerGroupJoinEvent): void {
    const assignment = Object.entries(event.payload.memberAssignment);
    // Before the client's first fetch: it asks for what is not paused as soon as this handler has returned.
    this.#consumer.pause(assignment.map(([topic, partitions]) => ({ topic, partitions })));
    this.#joins++;
    this.#held = [...new Set(assignment.flatMap(([, partitions]) => partitions))].sort((a, b) => a - b);
    const fields = {
      event: 'group_joined',
      group: this.#options.groupId,
      generation: this.#generation,
      indexes: this.#held,
    };
    this.#deps.log.info(fields, 'joined the group');
    if (!this.#stopping.signal.aborted) this.#listener?.onAssigned(this.#held, this.#generation);
  }

  #failure(error: unknown): KafkaFailure {
    const { groupId: group, topics } = this.#options;
    return classify(error, { operation: 'READ', topics, group });
  }

  #crashed(event: ConsumerCrashEvent): void {
    if (this.#stopping.signal.aborted) return;
    const failure = this.#failure(event.payload.error);
    const { groupId } = this.#options;
    const fields = { event: 'group_lost', group: groupId, code: failure.code, type: failure.type };
    if (event.payload.restart && failure.code !== 'authorization') {
      this.#deps.log.warn(fields, 'lost the group; joining again');
    } else if (failure.retriable) {
      // The client gives up for good when all brokers were away for some seconds.
      this.#deps.log.warn(fields, 'lost the group; joining again in a moment');
      void this.#restart();
    } else {
      this.#deps.log.error(fields, 'lost the group for good');
      this.#listener?.onFailed(failure);
    }
  }

  async #restart(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await pause(this.#deps.clock, RESTART_MS, signal);
      if (signal.aborted) return;
      try {
        await this.#consumer.connect();
        return await this.#start(); // a failure from here on comes as another crash
      } catch (error) {
        const failure = this.#failure(error);
        if (failure.retriable) continue;
        this.#listener?.onFailed(failure);
        return;
      }
    }
  }

  /** Puts members out that a former run of this instance left behind. A failure costs only the wait for their session. */
  async #evictPredecessor(): Promise<void> {
    const { groupId, evictClientId } = this.#options;
    if (evictClientId === null || this.#cluster === null) return;
    try {
      const coordinator = await this.#cluster.findGroupCoordinator({ groupId });
      const { groups } = await coordinator.describeGroups({ groupIds: [groupId] });
      for (const { memberId, clientId } of groups.flatMap((group) => group.members)) {
        if (clientId !== evictClientId) continue;
        await coordinator.leaveGroup({ groupId, memberId });
        const fields = { event: 'predecessor_evicted', group: groupId };
        this.#deps.log.info(fields, 'a member that a former run of this instance left behind was put out of the group');
      }
    } catch (error) {
      const { code, type } = classify(error);
      const fields = { event: 'eviction_failed', group: groupId, code, type };
      this.#deps.log.warn(fields, 'could not look for a predecessor; its session has to end by itself');
    }
  }
}
