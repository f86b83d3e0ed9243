/**
 * Facts of the application, each written once when it is first known: when it started for the first time, and how many
 * partitions each source had then. All rekey processes agree on them, because one fenced producer after the other looks before
 * it writes. They are written before rekey reads its first record.
 */
import { StartRefused } from '../lib/start-refused.ts';
import { classify } from './errors.ts';
import { decodeFact, encodeFact } from './internal-codec.ts';
import { type PartitionLog, readAll } from './partition-log.ts';
import type { TaskProducer } from './task.ts';

export interface Facts {
  /** When the application first started, ms: with ANNOUNCE_SINCE=first-start, what was committed before is silent. */
  readonly firstStart: number;
}

export interface MetaDeps {
  readonly log: PartitionLog;
  /** Makes the producer `<app>.meta`. */
  readonly producer: () => TaskProducer;
  readonly now: () => number;
}

const FIRST_START = 'first-start';
const partitionsFact = (source: string): string => `partitions:${source}`;
const STATE_FORMAT = 'state-format';
/** Raised with a release that older ones cannot follow; each value also carries its format's number. */
const STATE_FORMAT_NOW = '1';

/**
 * Reads the facts, and writes those that are not known yet.
 *
 * @throws StartRefused when a source has another partition count than at the first start, as its rows would lie in other
 *   partitions than rekey's state of them; or when the state is of another format than this release writes.
 */
export async function agreeOnFacts(
  deps: MetaDeps,
  metaTopic: string,
  sources: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<Facts> {
  const wanted = new Map([
    [FIRST_START, String(deps.now())],
    [STATE_FORMAT, STATE_FORMAT_NOW],
  ]);
  for (const [topic, partitions] of sources) wanted.set(partitionsFact(topic), String(partitions));
  let known = await readFacts(deps.log, metaTopic, signal);
  while (missing(wanted, known).length > 0) {
    await writeFacts(deps, metaTopic, wanted, signal);
    known = await readFacts(deps.log, metaTopic, signal);
  }
  refuseFormat(known.get(STATE_FORMAT));
  for (const [topic, partitions] of sources) refuseOther(topic, partitions, known.get(partitionsFact(topic)));
  return { firstStart: Number(known.get(FIRST_START)) };
}

/** Writes what is missing. One that was fenced by another process, or does not know, returns as well: look again. */
async function writeFacts(
  deps: MetaDeps,
  topic: string,
  wanted: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const producer = deps.producer();
  try {
    await producer.fence(signal);
    const known = await readFacts(deps.log, topic, signal);
    const records = missing(wanted, known).map(([key, value]) => {
      return { topic, partition: 0, key, value: encodeFact({ value, writtenAt: deps.now() }) };
    });
    await producer.send(records);
    await producer.commit();
  } catch (error) {
    const { code } = classify(error);
    if (code !== 'fenced' && code !== 'commit-unknown') throw error;
  } finally {
    await producer.close();
  }
}

function missing(wanted: ReadonlyMap<string, string>, known: ReadonlyMap<string, string>): [string, string][] {
  return [...wanted].filter(([name]) => !known.has(name));
}

async function readFacts(log: PartitionLog, topic: string, signal: AbortSignal): Promise<Map<string, string>> {
  const facts = new Map<string, string>();
  await readAll(log, { topic, partition: 0, signal }, ({ key, value }) => {
    if (key !== null && value !== null) facts.set(key.toString(), decodeFact(value).value);
  });
  return facts;
}

function refuseFormat(known: string | undefined): void {
  if (known === STATE_FORMAT_NOW) return;
  throw new StartRefused(
    `the own topics hold state of format ${known}, this release reads ${STATE_FORMAT_NOW}: start the release that wrote them, or a later one.`,
  );
}

function refuseOther(topic: string, partitions: number, known: string | undefined): void {
  if (known === String(partitions)) return;
  throw new StartRefused(
    `source ${topic} has ${partitions} partitions and had ${known} at the first start: its rows would change their partition ` +
      'and lose what is known of them. See docs/operating.md, "partition counts".',
  );
}
