/**
 * What commands that look into Kafka share: connect, see that the topics are there, read, let go. They need no consumer group and write
 * nothing here. A broker that cannot be reached ends a command with one line; later failures of a broker are waited for by the fetcher.
 */
import type { TopicOperation } from '../kafka/authorized-operations.ts';
import { createKafka, type Kafka } from '../kafka/client.ts';
import { mayNot } from '../kafka/errors.ts';
import { Fetcher } from '../kafka/fetcher.ts';
import { lackingRights, type Right } from '../kafka/rights.ts';
import { Topics } from '../kafka/topics.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { StartRefused } from '../lib/start-refused.ts';
import type { Config } from '../ops/config.ts';
import { briefLog } from './command.ts';
import { kafkaOptions, withSettings } from './connections.ts';

export interface Reading {
  readonly kafka: Kafka;
  readonly fetcher: Fetcher;
  /** Partitions of the topics asked for. */
  readonly partitions: ReadonlyMap<string, number>;
  /** Never aborts by itself: a command is ended by its process. */
  readonly signal: AbortSignal;
}

/** Topics by what a command does with them. */
export interface Uses {
  readonly reads: readonly string[];
  readonly writes?: readonly string[];
}

/**
 * Runs `work` with a connection and closes it.
 * @param part what this connection is for, as it shows in the client id.
 * @param topics all must exist, and the rights on them must be there; a list = they are read.
 * @throws StartRefused when one does not, when rights are missing, or when no broker can be used; what `work` throws.
 */
export async function reading<T>(
  config: Config,
  part: string,
  topics: readonly string[] | Uses,
  work: (reading: Reading) => Promise<T>,
): Promise<T> {
  const log = briefLog(config);
  const kafka = createKafka(kafkaOptions(config, part), log);
  const partitions = await existing(kafka, 'reads' in topics ? topics : { reads: topics });
  const fetcher = new Fetcher({ kafka, log, clock });
  try {
    return await work({ kafka, fetcher, partitions, signal: new AbortController().signal });
  } catch (error) {
    throw withSettings(error);
  } finally {
    await fetcher.stop();
  }
}

async function existing(kafka: Kafka, { reads, writes = [] }: Uses): Promise<Map<string, number>> {
  const topics = new Topics({ kafka, clock });
  const asked = [...new Set([...reads, ...writes])];
  try {
    const needed = [...rights(reads, 'READ'), ...rights(writes, 'WRITE')];
    const lacking = lackingRights(needed, await topics.allowed(asked));
    if (lacking.length > 0) throw new StartRefused(mayNot(...lacking));
    const found = new Map<string, number>();
    const missing: string[] = [];
    for (const [name, count] of await topics.partitionCounts(asked)) {
      if (count === null) missing.push(name);
      else found.set(name, count);
    }
    if (missing.length > 0) throw new StartRefused(`missing: ${missing.join(', ')}. See: lead-webhooks topics plan`);
    return found;
  } catch (error) {
    throw withSettings(error);
  } finally {
    await topics.close();
  }
}

const rights = (names: readonly string[], operation: TopicOperation): Right[] =>
  names.map((name) => ({ resource: 'topic', name, prefix: false, operations: [operation] }));
