/**
 * The conditions of one seed: sizes, speeds, and how often each fault comes. Each kind of fault is left out in a part of the
 * seeds, so that rare meetings of few faults get their chance beside the great storms (swarm testing).
 */
import { Chance } from './chance.ts';
import type { ClientSettings } from './fake-client.ts';
import type { GroupSettings } from './fake-group.ts';
import type { ReaderSettings } from './fake-reader.ts';
import type { NetworkSettings } from './network.ts';
import { POINTS, type Point } from './sim-process.ts';
import type { SourceSettings } from './source-world.ts';

export interface Conditions {
  readonly processes: readonly ('rekey' | 'join' | 'both')[];
  readonly partitions: number;
  readonly outboundPartitions: number;
  readonly source: SourceSettings;
  readonly network: NetworkSettings;
  readonly client: ClientSettings;
  readonly reader: ReaderSettings;
  readonly group: GroupSettings;
  /** Milliseconds until a marker is written. */
  readonly markerMs: number;
  readonly transactionTimeoutMs: number;
  readonly cleaner: {
    readonly everyMs: number;
    readonly minCompactionLagMs: number;
    readonly deleteRetentionMs: number;
  };
  readonly task: {
    readonly commitIntervalMs: number;
    readonly batchRecordsMax: number;
    readonly queueBytesMax: number;
    readonly rowCacheBytes: number;
    readonly announceClustersMax: number;
  };
  /** Probability of a crash at each named point, of standing still there, and for how long at most, ms. */
  readonly crash: Readonly<Record<Point, number>>;
  readonly freeze: Readonly<Record<Point, number>>;
  readonly freezeMs: number;
  /** Mean milliseconds between two troubles of any process that come from outside; infinite = none. */
  readonly troubleMs: number;
  readonly restartMs: number;
  /** A process that starts puts out the member that its predecessor left behind. */
  readonly evictsPredecessor: boolean;
}

/** The conditions of a seed. `start`: virtual time at which it starts, ms. */
export function conditionsOf(seed: number, start: number): Conditions {
  const chance = new Chance(seed, 0);
  const partitions = 1 + chance.below(3);
  const sometimes = (share: number, most: number): number => (chance.happens(share) ? chance.between(0, most) : 0);
  const perPoint = (share: number, most: number): Record<Point, number> => {
    const points = POINTS.map((point) => [point, sometimes(share, point === 'during load' ? most / 4 : most)]);
    return Object.fromEntries(points) as Record<Point, number>;
  };
  const isCalm = chance.happens(0.1);
  const faults = isCalm ? 0 : 1;
  const wayMs = chance.pick([1, 5, 30]);
  // Less than a task needs for its batches would mean to load for ever.
  const minCompactionLagMs = chance.pick(wayMs === 30 ? [20_000] : [2_000, 5_000, 20_000]);
  const heartbeatMs = chance.pick([300, 1_000]);
  return {
    processes: chance.pick([
      ['both'],
      ['both', 'both'],
      ['both', 'both', 'both'],
      ['rekey', 'join'],
      ['rekey', 'rekey', 'join', 'join'],
      ['both', 'rekey', 'join'],
    ] as const),
    partitions,
    outboundPartitions: 1 + chance.below(2),
    source: sourceOf(chance, { start, partitions }),
    network: {
      wayMs,
      lostRequest: faults * sometimes(0.4, 0.03),
      lostAnswer: faults * sometimes(0.4, 0.03),
      lateRequest: faults * sometimes(0.3, 0.03),
    },
    client: { incompleteSend: faults * sometimes(0.4, 0.05), partialSend: faults * sometimes(0.3, 0.05) },
    reader: {
      recordsMax: chance.pick([2, 10, 100]),
      slowRead: sometimes(0.4, 0.4),
      slowMs: chance.pick([100, 1_000, 4_000]),
    },
    group: { heartbeatMs, sessionMs: heartbeatMs * chance.pick([4, 10]) },
    markerMs: chance.pick(wayMs === 30 ? [20, 400] : [2, 20, 100]),
    transactionTimeoutMs: chance.pick([2_000, 5_000]),
    cleaner: {
      everyMs: chance.pick([300, 1_000, 5_000]),
      minCompactionLagMs,
      deleteRetentionMs: minCompactionLagMs * chance.pick([1, 5]),
    },
    task: {
      commitIntervalMs: chance.pick([0, 25, 200]),
      batchRecordsMax: chance.pick([1, 5, 50, 1_000]),
      queueBytesMax: chance.pick([1_000, 1_000_000]),
      rowCacheBytes: chance.pick([0, 0, 2_000, 1_000_000]),
      announceClustersMax: 1 + chance.below(3),
    },
    crash: perPoint(faults * 0.4, 0.02),
    freeze: perPoint(faults * 0.25, 0.02),
    freezeMs: chance.pick([500, 5_000, 15_000]),
    troubleMs: isCalm || chance.happens(0.4) ? Number.POSITIVE_INFINITY : chance.between(1_000, 8_000),
    restartMs: chance.pick([100, 1_000, 4_000]),
    evictsPredecessor: chance.happens(0.5),
  };
}

function sourceOf(chance: Chance, of: { start: number; partitions: number }): SourceSettings {
  const count = (): number => 1 + chance.below(of.partitions);
  const weight = (usual: number): number => (chance.happens(0.3) ? 0 : usual * chance.between(0.3, 2));
  return {
    rows: { lead: 1 + chance.below(4), appointment: 1 + chance.below(3), test_drive: 1 + chance.below(2) },
    clusters: 1 + chance.below(3),
    transactions: 15 + chance.below(50),
    everyMs: chance.pick([20, 150, 400]),
    weights: {
      put: 4,
      move: weight(2),
      touch: weight(1),
      toast: weight(2),
      remove: weight(1),
      hide: weight(0.5),
      merge: weight(0.5),
      snapshot: weight(0.5),
    },
    replay: chance.happens(0.5) ? chance.between(0, 0.08) : 0,
    announceSince: of.start + chance.pick([0, 0, 500]),
    partitions: { lead: of.partitions, appointment: count(), test_drive: count() },
  };
}
