/**
 * Deliberately wrong variants of the deliver stage, one for each of its guards, put in at its seams: what it reads back, what it
 * writes, what it hears of its group and of endpoints. The guards test runs seeds with one of them until a judge complains.
 */
import type { Commit, DeliverStart, MarkKind } from '../../src/core/delivery.ts';
import type { StageMembership } from '../../src/kafka/stage.ts';
import type { DeliverVariant } from './deliver-deployment.ts';
import { type DeliverConditions, peaceful } from './deliver-swarm.ts';
import type { Trouble } from './fleet.ts';
import type { Mood } from './receivers.ts';
import { POINTS, type Point } from './sim-process.ts';

/** Attempts start without a fresh heartbeat. */
export const NO_LEASE: DeliverVariant = {
  unleased: true,
  conditions(conditions) {
    const { base, ...more } = slow(conditions, ['freeze']);
    return { ...more, base: { ...base, freezeMs: 4 * base.group.sessionMs } };
  },
};

/** Joins its group again with everything going on. */
export const NO_SUSPENSION: DeliverVariant = {
  membership: (membership) => ({
    run: (listener: Parameters<StageMembership['run']>[0]) =>
      membership.run({
        onAssigned: (indexes) => listener.onAssigned(indexes),
        onHeartbeat: (sentAt) => listener.onHeartbeat(sentAt),
        onFailed: (error) => listener.onFailed(error),
      }),
    stop: (deadlineMs) => membership.stop(deadlineMs),
    commitOffsets: (positions) => membership.commitOffsets(positions),
  }),
  // Nothing goes wrong by that, for the next owner waits for what was not released: handing over in peace costs a wait then.
  conditions: (conditions) => handedOver(conditions),
};

/** No fault at all; for a patched method that makes a handover in peace cost something. */
export const HANDED_OVER: DeliverVariant = { conditions: (conditions) => handedOver(conditions) };

/** Begins as if its predecessor had released the task. */
export const PREDECESSOR_NOT_AWAITED: DeliverVariant = {
  start: released,
  conditions: (conditions) => slow(conditions),
};

/** Waits for a predecessor only as long as an attempt may last, though it may live and begin another one. */
export const LEASE_OF_PREDECESSOR_NOT_AWAITED: DeliverVariant = {
  leaseMs: 0,
  conditions(conditions) {
    const { base, ...more } = slow(conditions, ['evict']);
    return { ...more, base: { ...base, network: { ...base.network, lostAnswer: 0.1 } } };
  },
};

/** Begins a task again without waiting for what its own last life has on the way. */
export const OWN_LIVES_FORGOTTEN: DeliverVariant = {
  forgetful: true,
  conditions(conditions) {
    const { base, ...more } = slow(conditions, ['freeze']);
    return { ...more, base: { ...base, network: { ...base.network, lostAnswer: 0.1 } } };
  },
};

/** Sends before it has read again what its predecessor may have sent. */
export const WINDOW_NOT_READ: DeliverVariant = {
  start: (start) => ({ ...start, position: { ...start.position, sentBound: start.position.nextOffset } }),
  conditions: failing,
};

/** Sends ahead of the position further than what it has written allows. */
export const BOUND_NOT_WRITTEN: DeliverVariant = {
  written: (commit) => ({ ...commit, position: { ...commit.position, sentBound: commit.position.nextOffset } }),
  conditions: failing,
};

/** Lets the position pass what failed without writing it down. */
export const PENDING_NOT_WRITTEN: DeliverVariant = {
  written: (commit) => ({ ...commit, pending: commit.pending.filter(({ delivery }) => delivery === null) }),
};

/** Writes no `seen` marks of leads that moved. */
export const SEEN_NOT_WRITTEN: DeliverVariant = {
  written: (commit) => without(commit, 'seen'),
  conditions: (conditions) => ({
    ...conditions,
    writer: conditions.writer && { ...conditions.writer, move: 0.3, late: 0.4 },
    deliverer: { ...conditions.deliverer, windowRecords: 3 },
  }),
};

/** Writes no `done` marks of leads that `on: create` endpoints have had. */
export const DONE_NOT_WRITTEN: DeliverVariant = {
  written: (commit) => without(commit, 'done'),
  conditions: (conditions) => ({
    ...conditions,
    writer: conditions.writer && { ...conditions.writer, created: 0.4 },
    deliverer: { ...conditions.deliverer, windowRecords: 3 },
  }),
};

/** Writes no `dead` marks, which say what was delivered since a dead letter. */
export const DEAD_NOT_GROWN: DeliverVariant = {
  start: (start) => ({
    ...start,
    marks: start.marks.map(({ key, mark }) => ({ key, mark: mark.kind === 'dead' ? { ...mark, revision: -1 } : mark })),
  }),
  conditions: (conditions) => ({ ...withMoods(conditions, ['refusing']), redriveMs: 300 }),
};

/** Hears nothing of what others tell of endpoints. */
export const DEAF: DeliverVariant = { deaf: true, conditions: (conditions) => withMoods(conditions, ['limiting']) };

function released(start: DeliverStart): DeliverStart {
  return { ...start, position: { ...start.position, released: true } };
}

function without(commit: Commit, kind: MarkKind): Commit {
  return { ...commit, marks: commit.marks.filter(({ mark }) => mark?.kind !== kind) };
}

/** Receivers that take long, so that requests of two owners would meet, and little other trouble. */
function slow(conditions: DeliverConditions, troubles?: readonly Trouble[]): DeliverConditions {
  const { writer, ...more } = withMoods(conditions, ['slow']);
  const never = Object.fromEntries(POINTS.map((point) => [point, 0])) as Record<Point, number>;
  return {
    ...more,
    base: { ...more.base, crash: never, freeze: never, troubleMs: 3_000 },
    writer: writer && { ...writer, leads: 3, transactions: 150, everyMs: 100, recordsMax: 1 },
    endpoints: more.endpoints.map((endpoint) => ({
      ...endpoint,
      limits: { ...endpoint.limits, concurrency: 10 },
    })),
    limits: { inFlightMax: 100 },
    deliverer: { ...more.deliverer, windowRecords: 50 },
    ...(troubles && { troubles }),
  };
}

/** Two processes are stopped and started in turn, in peace, while receivers take few requests at a time. */
function handedOver(conditions: DeliverConditions): DeliverConditions {
  const { base, writer, endpoints, ...more } = peaceful(conditions);
  return {
    ...more,
    base: { ...base, troubleMs: 1_500 },
    places: [['deliver'], ['deliver']],
    writer: writer && { ...writer, transactions: 150, everyMs: 100, recordsMax: 3 },
    endpoints: endpoints.map((endpoint) => ({ ...endpoint, limits: { ...endpoint.limits, concurrency: 1 } })),
  };
}

function failing(conditions: DeliverConditions): DeliverConditions {
  const { deliverer, writer } = conditions;
  return {
    ...withMoods(conditions, ['failing', 'resetting']),
    writer: writer && { ...writer, leads: 2, everyMs: 20 },
    deliverer: { ...deliverer, windowRecords: 50 },
  };
}

function withMoods(conditions: DeliverConditions, moods: readonly Mood[]): DeliverConditions {
  const { base, receivers, places } = conditions;
  return {
    ...conditions,
    base: { ...base, troubleMs: 1_500 },
    places: places.length === 1 ? [['deliver'], ['deliver']] : places,
    receivers: { ...receivers, moodMs: 1_000, moods },
    gentle: false,
  };
}
