/**
 * The deliver stage in a simulated process: the real stage, tasks, loop, lease, lanes and deliverer, put together as
 * `src/bin/deliver-stage.ts` does it, over the fake brokers and receivers. A DeliverVariant may wrap a part, to show what a missing
 * guard would do.
 */
import type { Commit, DeliverStart } from '../../src/core/delivery.ts';
import { DELIVERER_DEFAULTS, Deliverer } from '../../src/delivery/deliverer.ts';
import type { Endpoint } from '../../src/delivery/endpoint.ts';
import { Lanes } from '../../src/delivery/lanes.ts';
import { TaskPast } from '../../src/delivery/task-past.ts';
import { packing } from '../../src/kafka/body-compression.ts';
import { type DeliverLoopDeps, deliverLoop, type TaskDeliverer } from '../../src/kafka/deliver-loop.ts';
import { EndpointHealthTopic } from '../../src/kafka/endpoint-health.ts';
import { Lease, leaseLastsMs } from '../../src/kafka/lease.ts';
import { PlainProducer } from '../../src/kafka/plain-producer.ts';
import { type GroupObserver, Stage, type StageMembership } from '../../src/kafka/stage.ts';
import { Task } from '../../src/kafka/task.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import type { DeliverConditions } from './deliver-swarm.ts';
import { clientOf, loggerOf, TOPICS, type World } from './deployment.ts';
import { FakeReader } from './fake-reader.ts';
import { type PatientGroup, PatientMembership } from './patient-group.ts';
import type { Receivers } from './receivers.ts';
import type { SimProcess } from './sim-process.ts';

/** Wraps parts of the deliver stage; the true product leaves all out. */
export interface DeliverVariant {
  /** Attempts need no lease. */
  readonly unleased?: boolean;
  /** What others tell of endpoints is not heard. */
  readonly deaf?: boolean;
  /** How long it believes that a predecessor may go on by its lease, ms. */
  readonly leaseMs?: number;
  /** A life does not know what an earlier one of its own process has on the way. */
  readonly forgetful?: boolean;
  readonly membership?: (membership: StageMembership) => StageMembership;
  /** What the task believes it has read back. */
  readonly start?: (start: DeliverStart) => DeliverStart;
  /** What the task writes of what it has planned. */
  readonly written?: (commit: Commit) => Commit;
  /** Conditions that make the fault likely. */
  readonly conditions?: (conditions: DeliverConditions) => DeliverConditions;
}

/** Told by tasks: the lives there were, and each commit that succeeded. */
export interface DeliverHistory {
  /** In the order of their beginning, so that a life's number is its place; `released`: by the predecessor, if there was one. */
  readonly lives: {
    readonly process: string;
    readonly partition: number;
    readonly released: boolean;
    /** Its position when it began. */
    readonly nextOffset: number;
  }[];
  readonly commits: {
    readonly life: number;
    readonly plannedAt: number;
    readonly committedAt: number;
    readonly nextOffset: number;
    readonly sentBound: number;
  }[];
}

export interface DeliverWorld extends World {
  readonly deliver: DeliverConditions;
  readonly deliverVariant: DeliverVariant;
  readonly deliverGroup: PatientGroup;
  readonly receivers: Receivers;
  readonly endpoints: readonly Endpoint[];
  readonly history: DeliverHistory;
}

export const DELIVER_TOPICS = {
  state: 'delivery-state',
  health: 'endpoint-health',
  redrives: 'redrives',
} as const;

/** Makes the deliver stage of a process. */
export function deliverStageOf(world: DeliverWorld, process: SimProcess): Stage {
  const { conditions, deliver, deliverVariant: variant, network, trace, chance, endpoints, history } = world;
  const { clock } = process;
  const log = loggerOf(process, trace);
  const deps = { clock, log, meter: silentMeter };
  const kafka = clientOf(world, process, conditions.client);
  const reader = new FakeReader({ ...world, process }, conditions.reader);
  const lease = new Lease(clock, {
    sessionTimeoutMs: conditions.group.sessionMs,
    onRenewed: () => lanes.wake(),
  });
  const leased = (timeoutMs: number): boolean => variant.unleased === true || lease.allows(timeoutMs);
  const { inFlightMax } = deliver.limits;
  const lanes = new Lanes(endpoints, { log, meter: silentMeter, clock, leased }, { inFlightMax });
  const health = new EndpointHealthTopic(
    {
      ...{ log: reader, fetcher: reader, clock, logger: log, meter: silentMeter },
      producer: () => new PlainProducer(kafka),
      onWord: (id, word) => variant.deaf === true || lanes.learn(id, word),
    },
    DELIVER_TOPICS.health,
  );
  lanes.onHealth = (id, word) => health.publish(id, word);
  const membership = new PatientMembership({ group: world.deliverGroup, process, network, trace }, process.name);
  const leaseMs = variant.leaseMs ?? leaseLastsMs(conditions.group.sessionMs);
  const pasts = new Map<number, TaskPast>();
  return new Stage('deliver', {
    ...deps,
    membership: variant.membership?.(membership) ?? membership,
    observer: observerOf(lease, lanes, conditions.outboundPartitions),
    task: (partition, side) => {
      const newPast = (): TaskPast => new TaskPast(clock, { owner: process.id, leaseMs });
      const past = pasts.get(partition) ?? newPast();
      pasts.set(partition, past);
      const producer = (): TransactionalProducer =>
        new TransactionalProducer(
          { kafka, log, clock },
          { transactionalId: `app.deliver.${partition}`, transactionTimeoutMs: conditions.transactionTimeoutMs },
        );
      const confirmed = (signal: AbortSignal): Promise<void> => side.confirmed(signal);
      const taskDeps = { ...deps, producer, confirmed, random: chance.random };
      return new Task(taskDeps, { stage: 'deliver', partition }, async (life) => {
        await health.load();
        const deliverer: DeliverLoopDeps['deliverer'] = (start, onNews) => {
          const { released, nextOffset } = start.position;
          const life = history.lives.push({ process: process.name, partition, released, nextOffset }) - 1;
          const post = world.receivers.post(process, life);
          const made = new Deliverer(
            {
              lanes,
              post,
              past: variant.forgetful ? newPast() : past,
              packing,
              random: chance.random,
              onNews,
              ...deps,
            },
            { ...DELIVERER_DEFAULTS, ...deliver.deliverer },
            variant.start?.(start) ?? start,
          );
          return watched(made, world, { life, now: () => clock.now() });
        };
        await deliverLoop(
          life,
          { ...{ log: reader, fetcher: reader, deliverer, lease, clock }, logger: log, meter: silentMeter },
          {
            partition,
            outboundTopic: TOPICS.outbound,
            stateTopic: DELIVER_TOPICS.state,
            redrivesTopic: DELIVER_TOPICS.redrives,
            deadLetters: { topic: TOPICS.deadLetters, partitions: 1 },
            commitIntervalMs: deliver.commitIntervalMs,
            drainMs: deliver.drainMs,
            onCommitted: (next) => side.onCommitted(next),
          },
        );
      });
    },
  });
}

function observerOf(lease: Lease, lanes: Lanes, partitions: number): GroupObserver {
  return {
    heard: (sentAt) => lease.heard(sentAt),
    suspend: () => lease.suspend(),
    assigned(indexes) {
      lanes.shares(indexes.length, partitions);
      lease.resume();
    },
  };
}

/** The deliverer, with its commits written down, and what it writes changed by a variant. */
function watched(
  real: Deliverer,
  { history, deliverVariant: variant }: DeliverWorld,
  { life, now }: { life: number; now: () => number },
): TaskDeliverer {
  let planned: { real: Commit; at: number } | null = null;
  return {
    wants: () => real.wants(),
    take: (...args) => real.take(...args),
    redrive: (redrives) => real.redrive(redrives),
    get wantsRedrives() {
      return real.wantsRedrives;
    },
    plan() {
      const commit = real.plan();
      planned = commit && { real: commit, at: now() };
      return commit && (variant.written?.(commit) ?? commit);
    },
    committed() {
      if (planned === null) return;
      const { nextOffset, sentBound } = planned.real.position;
      history.commits.push({ life, plannedAt: planned.at, committedAt: now(), nextOffset, sentBound });
      real.committed(planned.real);
    },
    drain: (deadline) => real.drain(deadline),
    suspend: (deadline) => real.suspend(deadline),
    resume: () => real.resume(),
    get waitsOnPurpose() {
      return real.waitsOnPurpose;
    },
    abandon: () => real.abandon(),
  };
}
