/**
 * The conditions of one seed of the deliver world, on top of those of the world of rekey and join: receivers and their moods,
 * endpoints, windows and limits, the writer of the outbound topic, the operator. Kinds of trouble are left out in a part of the
 * seeds here too; `gentle` seeds know only
 * clean stops.
 */
import type { DelivererOptions } from '../../src/delivery/deliverer.ts';
import type { Endpoint } from '../../src/delivery/endpoint.ts';
import { longestAttemptMs } from '../../src/kafka/lease.ts';
import { Chance } from './chance.ts';
import type { Trouble } from './fleet.ts';
import type { WriterSettings } from './outbound-writer.ts';
import { MOODS, type ReceiverSettings } from './receivers.ts';
import { POINTS, type Point } from './sim-process.ts';
import { type Conditions, conditionsOf } from './swarm.ts';

export interface DeliverConditions {
  /** Those of brokers, network, fate, and of rekey and join if they are there. */
  readonly base: Conditions;
  /** The stages of each process. */
  readonly places: readonly (readonly string[])[];
  /** Null: the real join of this world fills the outbound topic. */
  readonly writer: WriterSettings | null;
  readonly receivers: ReceiverSettings;
  readonly endpoints: readonly Endpoint[];
  readonly deliverer: Partial<DelivererOptions>;
  readonly limits: { readonly inFlightMax: number };
  readonly commitIntervalMs: number;
  readonly drainMs: number;
  /** Mean milliseconds between two redrives by an operator; infinite = none. */
  readonly redriveMs: number;
  /** What comes from outside; all when absent. */
  readonly troubles?: readonly Trouble[];
  /**
   * Nothing is killed, cut off or lost, and receivers are well: processes are stopped and started, which must cost neither a repetition
   * nor a wait.
   */
  readonly gentle: boolean;
}

const PLACES: readonly (readonly string[])[][] = [
  [['deliver']],
  [['deliver'], ['deliver']],
  [['deliver'], ['deliver']],
  [['deliver'], ['deliver'], ['deliver']],
];
/** The pipe as a whole is slow to simulate, so it comes now and then. */
const WHOLE_PIPE = 0.1;
/** Longer than any load, standing still included. */
const TOMBSTONES_MS = 45_000;

/** The conditions of a seed. `start`: virtual time at which it starts, ms. */
export function deliverConditionsOf(seed: number, start: number): DeliverConditions {
  const chance = new Chance(seed, 4);
  const isWhole = chance.happens(WHOLE_PIPE);
  const isPeaceful = chance.happens(0.1);
  const places = chance.pick(PLACES);
  const base = baseOf(conditionsOf(seed, start), chance);
  const windowRecords = chance.pick([1, 3, 10, 50, 2_000]);
  const timeoutMs = Math.round(longestAttemptMs(base.group.sessionMs) * chance.pick([0.4, 0.8, 1]));
  const conditions: DeliverConditions = {
    base,
    places: isWhole ? [['rekey', 'join'], ...places] : places,
    writer: isWhole ? null : writerOf(chance, base.outboundPartitions),
    receivers: receiversOf(chance, { timeoutMs, isNarrow: windowRecords < 10 }),
    endpoints: endpointsOf(chance, timeoutMs),
    deliverer: {
      windowRecords,
      pendingAfterMs: chance.pick([50, 300, 1_000]),
    },
    limits: { inFlightMax: chance.pick([1, 3, 100]) },
    commitIntervalMs: chance.pick([0, 50, 200]),
    drainMs: timeoutMs * chance.pick([1.1, 0.3]),
    redriveMs: chance.happens(0.4) ? chance.between(500, 4_000) : Number.POSITIVE_INFINITY,
    gentle: false,
  };
  return isPeaceful ? peaceful(conditions) : conditions;
}

/** Nothing but clean stops and starts, and receivers that are well. */
export function peaceful(conditions: DeliverConditions): DeliverConditions {
  const { base, endpoints } = conditions;
  const never = Object.fromEntries(POINTS.map((point) => [point, 0])) as Record<Point, number>;
  const timeouts = endpoints.map(({ limits }) => limits.timeoutMs);
  return {
    ...conditions,
    base: {
      ...base,
      network: { ...base.network, lostRequest: 0, lostAnswer: 0, lateRequest: 0 },
      client: { incompleteSend: 0, partialSend: 0 },
      reader: { ...base.reader, slowRead: 0 },
      markerMs: 2,
      crash: never,
      freeze: never,
      troubleMs: 3_000,
    },
    receivers: { latencyMs: 10, moodMs: Number.POSITIVE_INFINITY, moods: [], wayMs: 1, connectMs: 1 },
    drainMs: 2 * Math.max(...timeouts),
    troubles: ['stop'],
    gentle: true,
  };
}

function baseOf(base: Conditions, chance: Chance): Conditions {
  const heartbeatMs = chance.pick([200, 400, 800]);
  const wayMs = chance.pick([1, 5, 10]);
  return {
    ...base,
    outboundPartitions: 1 + chance.below(4),
    network: { ...base.network, wayMs },
    reader: {
      recordsMax: chance.pick([10, 100]),
      slowRead: base.reader.slowRead,
      slowMs: chance.pick([100, 1_000]),
    },
    // A load must see the tombstones of what it has read: it is shorter than they are kept, by far in a real topic (24 h).
    cleaner: { ...base.cleaner, deleteRetentionMs: TOMBSTONES_MS },
    // As the product has it: ten heartbeats in a session.
    group: { heartbeatMs, sessionMs: heartbeatMs * 10 },
    freezeMs: heartbeatMs * chance.pick([5, 15, 25]),
    troubleMs: chance.happens(0.3) ? Number.POSITIVE_INFINITY : chance.between(1_000, 6_000),
    evictsPredecessor: chance.happens(0.5),
  };
}

function writerOf(chance: Chance, partitions: number): WriterSettings {
  const recordsMax = chance.pick([1, 3, 10]);
  return {
    leads: 1 + chance.below(6),
    partitions,
    transactions: recordsMax === 10 ? 10 + chance.below(20) : 20 + chance.below(60),
    everyMs: chance.pick([20, 150, 400]),
    recordsMax,
    aborted: chance.pick([0, 0.1]),
    move: chance.pick([0, 0.1, 0.3]),
    late: chance.pick([0, 0.3]),
    created: chance.pick([0, 0.1]),
  };
}

/** `isNarrow`: the window is so small that slow receivers would take the whole day. */
function receiversOf(chance: Chance, of: { timeoutMs: number; isNarrow: boolean }): ReceiverSettings {
  return {
    latencyMs: chance.pick(of.isNarrow ? [1, 20] : [1, 50, of.timeoutMs / 5]),
    moodMs: chance.happens(0.2) ? Number.POSITIVE_INFINITY : chance.between(1_000, 5_000),
    moods: MOODS.filter((mood) => chance.happens(mood === 'gone' ? 0.05 : 0.4)),
    wayMs: chance.pick([1, 10]),
    connectMs: chance.pick([1, 50]),
  };
}

function endpointsOf(chance: Chance, timeoutMs: number): Endpoint[] {
  const one = (id: string, more: Partial<Endpoint>): Endpoint => endpoint(id, { chance, timeoutMs }, more);
  return [
    one('newest', {}),
    one('each', { supersede: false }),
    one('once', { on: 'create' }),
    one('other', { supersede: chance.happens(0.7), on: chance.pick(['change', 'change', 'create']) }),
  ];
}

function endpoint(
  id: string,
  { chance, timeoutMs }: { chance: Chance; timeoutMs: number },
  more: Partial<Endpoint>,
): Endpoint {
  return {
    id,
    dealership: '3',
    url: new URL(`https://${id}.example.com/hooks`),
    version: 'v3',
    on: 'change',
    filters: { websites: new Set(), locations: new Set(), categories: new Set() },
    auth: { type: 'none' },
    signing: [],
    supersede: true,
    limits: { concurrency: chance.pick([1, 3, 10]), ratePerSecond: null, timeoutMs },
    retry: { baseMs: chance.pick([100, 1_000]), capMs: 3_000, giveUpAfterMs: chance.pick([5_000, 3_600_000]) },
    outcomes: new Map(),
    breaker: { failures: chance.pick([3, 10]), baseMs: 500, capMs: 4_000 },
    tls: { ca: null, cert: null, key: null },
    allow: { addresses: [] },
    enabled: true,
    ...more,
  };
}
