/** What happens to an installation in a chaos run, in an order that a seed chooses. */
import type { Random } from '../../src/lib/random.ts';

export const DISTURBANCES = [
  /** kill -9 of a process of the program, which is started again at once. */
  'kill',
  /** SIGSTOP until its session and its transactions are over, then SIGCONT. */
  'freeze',
  /** SIGTERM, and started again when it is gone. */
  'restart',
  /** Processes join, leave and are killed at the same time. */
  'churn',
  /** kill -9 of a broker, which is started again on its log. */
  'broker',
  /** Every partition gets its copies in another order, so that other brokers lead. */
  'leaders',
  /** The rows of cluster-changes may be compacted for a while, those of the last seconds excepted. */
  'compact',
] as const;
export type Disturbance = (typeof DISTURBANCES)[number];

export type Counts = Readonly<Record<Disturbance, number>>;

/** So many of each as usual go with so many kills. `nodes`: of our own Kafka; 0 = somebody else's, which is left alone. */
export function usualCounts(kills: number, nodes: number): Counts {
  const one = (in_: number): number => Math.max(1, Math.round(kills / in_));
  return {
    kill: kills,
    freeze: one(10),
    restart: one(10),
    churn: one(10),
    broker: nodes > 0 ? one(10) : 0,
    leaders: nodes > 1 ? one(10) : 0,
    compact: nodes > 0 ? one(10) : 0,
  };
}

/** All of them in random order. */
export function scheduleOf(counts: Counts, random: Random): Disturbance[] {
  const schedule = DISTURBANCES.flatMap((kind) => Array.from({ length: counts[kind] }, () => kind));
  for (let at = schedule.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [schedule[at], schedule[other]] = [schedule[other] ?? 'kill', schedule[at] ?? 'kill'];
  }
  return schedule;
}
