/**
 * The deliver stage, put together: lanes and the HTTP edge, which all of its tasks share, the lease that every attempt needs,
 * and the topic by which processes tell each other of endpoints. Composition only.
 */
import { randomUUID } from 'node:crypto';
import { DELIVERER_DEFAULTS, Deliverer } from '../delivery/deliverer.ts';
import { EndpointMeter } from '../delivery/endpoint-meter.ts';
import { HttpEdge } from '../delivery/http-edge.ts';
import { Lanes } from '../delivery/lanes.ts';
import { TaskPast } from '../delivery/task-past.ts';
import { tracedPost } from '../delivery/traced-post.ts';
import { packing } from '../kafka/body-compression.ts';
import { type DeliverLoopOptions, deliverLoop } from '../kafka/deliver-loop.ts';
import { EndpointHealthTopic } from '../kafka/endpoint-health.ts';
import { Lease, leaseLastsMs } from '../kafka/lease.ts';
import { PlainProducer } from '../kafka/plain-producer.ts';
import type { GroupObserver } from '../kafka/stage.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { silentTracer } from '../lib/tracer.ts';
import type { CheckResult } from '../ops/health.ts';
import type { EndpointSource } from './endpoint-feed.ts';
import { type ComposedStage, compose, count, type Runtime, type StageConnections, topicOf } from './runtime.ts';

const COMMIT_INTERVAL_MS = 200;

/** Deliver: one partition of the outbound topic by index. */
export function deliverStage(runtime: Runtime, endpoints: Pick<EndpointSource, 'current' | 'onChange'>): ComposedStage {
  const { config, log, version, tracer = silentTracer } = runtime;
  const { windowRecords, windowBytes, inFlightMax, endpointLabelsMax } = config.deliver;
  const { outbound, deliveryState, deadLetters } = config.topics;
  const meter = new EndpointMeter(runtime.meter, endpointLabelsMax);
  const http = new HttpEdge({ clock, log }, { productVersion: version });
  const post = tracedPost(tracer, http.post);
  const lease = new Lease(clock, {
    sessionTimeoutMs: config.tasks.sessionTimeoutMs,
    onRenewed: () => lanes.wake(),
  });
  const leased = (timeoutMs: number): boolean => lease.allows(timeoutMs);
  const onLeft = (endpointId: string): void => meter.forgetAll('endpoint', endpointId);
  const lanes = new Lanes(endpoints.current, { log, meter, clock, leased, onLeft }, { inFlightMax });
  endpoints.onChange = () => {
    lanes.replace(endpoints.current);
    http.keepOnly(endpoints.current);
  };
  const observer = observerOf(lease, lanes, count(runtime, outbound));
  const random = Math.random;
  const pastOf = pastsOf(randomUUID(), leaseLastsMs(config.tasks.sessionTimeoutMs));
  let health: EndpointHealthTopic | null = null;
  const topics = { inputs: [outbound], changelog: deliveryState, outputs: [deadLetters] };
  const composed = compose(runtime, { name: 'deliver', topics, observer }, async (life, partition, connections) => {
    health ??= healthOf(runtime, lanes, connections);
    await health.load();
    const { fetcher, side } = connections;
    const deliverer: Parameters<typeof deliverLoop>[1]['deliverer'] = (start, onNews) =>
      new Deliverer(
        { lanes, post, past: pastOf(partition), packing, clock, random, log, meter, onNews },
        { ...DELIVERER_DEFAULTS, windowRecords, windowBytes, ...pendingLimits(runtime) },
        start,
      );
    await deliverLoop(
      life,
      { log: fetcher, fetcher, deliverer, lease, clock, logger: log, meter },
      { ...loopOptions(runtime, partition), onCommitted: (next) => side.onCommitted(next) },
    );
  });
  return {
    stage: composed.stage,
    // A stage without tasks has not begun to follow it, and needs not.
    checks: [['endpoint-health', () => followed(health?.away ?? null)]],
    async close() {
      endpoints.onChange = () => undefined;
      await health?.stop();
      await composed.close();
      http.close();
    },
  };
}

/** A task's part of the limits: whoever takes over all partitions must have room for all that is pending. */
function pendingLimits(runtime: Runtime): { pendingBytesMax: number; pendingBytesPerEndpointMax: number } {
  const { pendingBytesMax, pendingBytesPerEndpointMax } = runtime.config.deliver;
  const partitions = count(runtime, runtime.config.topics.outbound);
  return {
    pendingBytesMax: Math.floor(pendingBytesMax / partitions),
    pendingBytesPerEndpointMax: Math.floor(pendingBytesPerEndpointMax / partitions),
  };
}

function followed(away: string | null): CheckResult {
  return away === null
    ? { ok: true, reason: 'holds of other processes are heard' }
    : { ok: false, reason: `not followed: ${away}` };
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

/** What this process knows of each task's past; `owner` names this life of the process. */
function pastsOf(owner: string, leaseMs: number): (partition: number) => TaskPast {
  const pasts = new Map<number, TaskPast>();
  return (partition) => {
    const past = pasts.get(partition) ?? new TaskPast(clock, { owner, leaseMs });
    pasts.set(partition, past);
    return past;
  };
}

function healthOf(runtime: Runtime, lanes: Lanes, { fetcher, kafka }: StageConnections): EndpointHealthTopic {
  const health = new EndpointHealthTopic(
    {
      log: fetcher,
      fetcher,
      producer: () => new PlainProducer(kafka),
      clock,
      logger: runtime.log,
      meter: runtime.meter,
      onWord: (endpointId, word) => lanes.learn(endpointId, word),
    },
    runtime.config.topics.endpointHealth,
  );
  lanes.onHealth = (endpointId, word) => health.publish(endpointId, word);
  return health;
}

function loopOptions(runtime: Runtime, partition: number): Omit<DeliverLoopOptions, 'onCommitted'> {
  const { topics, tasks, app } = runtime.config;
  return {
    partition,
    outboundTopic: topics.outbound,
    stateTopic: topics.deliveryState,
    redrivesTopic: topics.redrives,
    deadLetters: topicOf(runtime, topics.deadLetters),
    commitIntervalMs: Math.max(tasks.commitIntervalMs, COMMIT_INTERVAL_MS),
    stallMs: tasks.stallTimeoutMs,
    drainMs: app.shutdownTimeoutMs / 2,
  };
}
