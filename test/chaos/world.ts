/**
 * What a chaos run does to Kafka itself: brokers that die, leaders that move, compaction that makes holes. Own topics get
 * segments of seconds by a setting that the program does not insist on. Reading of cluster-changes relies on rows not being compacted for an
 * hour, checked at the start of a process: so that setting is lowered for moments in which no process starts, and never below
 * what a load may take here.
 */
import type { LocalCluster } from '../../src/dev/local-cluster.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { Topics } from '../../src/kafka/topics.ts';
import { type Clock, pause } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Random } from '../../src/lib/random.ts';
import type { Installation } from '../support/installation.ts';

const HOUR_MS = 3_600_000;
/** Longer than any load of a chaos run. */
const LAG_MS = 15_000;
/** The cleaner looks twice a second. */
const CLEANING_MS = 4_000;
const NEVER = '9223372036854775807';
const COMPACTED = ['rekey-state', 'cluster-changes', 'join-state'] as const;

export interface WorldDeps {
  readonly installation: Installation;
  readonly cluster: LocalCluster;
  readonly clock: Clock;
  readonly random: Random;
}

export class World {
  readonly #deps: WorldDeps;
  readonly #kafka: ReturnType<typeof createKafka>;

  constructor(deps: WorldDeps) {
    this.#deps = deps;
    this.#kafka = createKafka({ brokers: deps.cluster.brokers, clientId: 'chaos' }, silentLog);
  }

  /** Segments that are closed after seconds, as only those are cleaned. */
  async prepare(): Promise<void> {
    for (const name of ['rekey-state', 'join-state']) await this.#set(name, { 'max.compaction.lag.ms': '3000' });
  }

  /** Kills one broker and starts it again after a moment. */
  async breakBroker(): Promise<void> {
    const { cluster, clock, random } = this.#deps;
    const index = Math.floor(random() * cluster.nodes);
    await cluster.kill(index);
    await pause(clock, random() * 2_000);
    await cluster.start(index);
  }

  /** Turns the order of every partition's copies by one: the broker named first becomes its leader within seconds. */
  async moveLeaders(): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      const names = (await admin.listTopics()).filter((name) => name.startsWith(`${this.#deps.installation.appId}.`));
      const { topics } = await admin.fetchTopicMetadata({ topics: names });
      await admin.alterPartitionReassignments({
        topics: topics.map(({ name, partitions }) => ({
          topic: name,
          partitionAssignment: partitions.map(({ partitionId, replicas: [first = 0, ...others] }) => ({
            partition: partitionId,
            replicas: [...others, first],
          })),
        })),
      });
    } finally {
      await admin.disconnect();
    }
  }

  /** Lets the cleaner at cluster-changes for a moment. No process may start meanwhile. */
  async compact(): Promise<void> {
    const lag = (least: number, most: string) => ({
      'min.compaction.lag.ms': String(least),
      'max.compaction.lag.ms': most,
    });
    await this.#set('cluster-changes', lag(LAG_MS, String(LAG_MS)));
    await pause(this.#deps.clock, CLEANING_MS);
    await this.#set('cluster-changes', lag(HOUR_MS, NEVER));
  }

  /** Offsets of a compacted topic that hold nothing any more; each marker of a transaction counts as one that does. */
  async holes(name: (typeof COMPACTED)[number]): Promise<number> {
    let holes = 0;
    const last = new Map<number, number>();
    const count = ({ partition, offset }: { partition: number; offset: number }): void => {
      holes += Math.max(0, offset - (last.get(partition) ?? -1) - 2);
      last.set(partition, offset);
    };
    const { installation } = this.#deps;
    await installation.read(installation.topic(name), count, { committed: false });
    return holes;
  }

  async #set(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const topics = new Topics({ kafka: this.#kafka, clock: this.#deps.clock });
    const topic = this.#deps.installation.topic(name);
    try {
      await topics.apply([
        { topic, kind: 'setting', severity: 'warning', message: 'for chaos', fix: { kind: 'set', settings } },
      ]);
    } finally {
      await topics.close();
    }
  }
}
