/**
 * Waits until an installation has worked off what was appended: rekey's positions are behind the last record of each source, and
 * the join's behind the last record of cluster-changes. Positions are read from the changelogs, where they are committed together
 * with what they stand for, so that nothing is guessed from silence.
 */
import { POSITION_KEY } from '../../src/core/keys.ts';
import { TABLES } from '../../src/core/source-event.ts';
import { decodeJoinPosition, decodeRekeyPosition } from '../../src/kafka/internal-codec.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { Installation } from './installation.ts';

/** Last record of each partition: `topic/partition` → the offset after it. */
type Ends = ReadonlyMap<string, number>;
/** Where the input is read on, by position record. */
type Reading = (position: Buffer, partition: number) => Iterable<readonly [string, number]>;

/** Offsets before the end of a partition in which its last record and position are looked for; none of them is ever further away. */
const TAIL = 5_000;

/** Resolves when rekey and join have committed everything that is in the sources now; rejects after `timeoutMs`. */
export async function settled(installation: Installation, timeoutMs = 60_000): Promise<void> {
  const sources = await Promise.all(TABLES.map((table) => endsOf(installation, installation.source(table))));
  const read: Reading = (position, partition) =>
    decodeRekeyPosition(position).sources.map(({ topic, next }) => [`${topic}/${partition}`, next] as const);
  const ends = new Map(sources.flatMap((part) => [...part]));
  await passed(installation, 'rekey-state', { ends, read, timeoutMs });
  const rows = installation.topic('cluster-changes');
  await passed(installation, 'join-state', {
    ends: await endsOf(installation, rows),
    read: (position, partition) => [[`${rows}/${partition}`, decodeJoinPosition(position).next]],
    timeoutMs,
  });
}

async function endsOf(installation: Installation, topic: string): Promise<Ends> {
  const ends = new Map<string, number>();
  await installation.read(topic, ({ partition, offset }) => ends.set(`${topic}/${partition}`, offset + 1), {
    last: TAIL,
  });
  return ends;
}

interface Wanted {
  readonly ends: Ends;
  readonly read: Reading;
  readonly timeoutMs: number;
}

async function passed(installation: Installation, stateTopic: string, wanted: Wanted): Promise<void> {
  const left = new Map(wanted.ends);
  let looked = 0;
  const look = (records: readonly KafkaRecord[]): boolean => {
    for (const { key, value, partition } of records.slice(looked)) {
      if (key?.toString() !== POSITION_KEY || value === null) continue;
      for (const [at, next] of wanted.read(value, partition)) if (next >= (left.get(at) ?? Infinity)) left.delete(at);
    }
    looked = records.length;
    return left.size === 0;
  };
  await installation.until(installation.topic(stateTopic), look, { timeoutMs: wanted.timeoutMs, last: TAIL });
}
