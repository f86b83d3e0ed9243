/**
 * What a deliver task starts from, read back from Kafka after its predecessor was fenced: the position, what is pending, the
 * marks. While it is read everything lies outside of the JavaScript heap, for an endpoint that was down may have left hundreds of
 * thousands of deliveries; they are decoded one at a time, when the deliverer takes them.
 */
import { ByteMap, KEY_BYTES_MAX } from '../core/byte-map.ts';
import { type DeliverStart, parseStateKey, type StateKey } from '../core/delivery.ts';
import { POSITION_KEY } from '../core/keys.ts';
import { assert } from '../lib/assert.ts';
import { decodeDeliverPosition, decodeMark, decodePending } from './internal-codec.ts';
import { type PartitionLog, readAll, startOf } from './partition-log.ts';
import { redrivesStart } from './redrive-input.ts';

/** Where a task's input and state lie. */
export interface DeliverPlaces {
  readonly partition: number;
  readonly outboundTopic: string;
  readonly stateTopic: string;
  readonly redrivesTopic: string;
}

/**
 * Reads the state of a task. A task without a position starts at the beginning of its inputs.
 * @returns its start, and the newest record time that its predecessor had read, ms.
 * Throws UnknownFormat for a state of a later release, and what a reader throws.
 */
export async function loadDeliverStart(
  log: PartitionLog,
  signal: AbortSignal,
  { partition, stateTopic, outboundTopic, redrivesTopic }: DeliverPlaces,
): Promise<{ start: DeliverStart; lastTimestamp: number }> {
  const values = new ByteMap();
  await readAll(log, { topic: stateTopic, partition, signal }, ({ key, value }) => {
    const name = key?.toString('latin1') ?? '';
    if (name.length > KEY_BYTES_MAX) return; // none of ours
    if (value === null) values.delete(name);
    else values.set(name, value);
  });
  const stored = values.get(POSITION_KEY);
  const position = stored === undefined ? null : decodeDeliverPosition(stored);
  const at = { topic: outboundTopic, partition };
  const read = position === null ? null : { next: position.nextOffset, lastTimestamp: position.lastTimestamp };
  const nextOffset = await startOf(log, { ...at, signal }, read);
  const { lastStable } = await log.ends(outboundTopic, partition);
  const sentBound = position?.sentBound ?? nextOffset;
  const released = position?.released ?? true;
  const owner = position?.owner ?? null;
  const redrives = await redrivesStart(log, { topic: redrivesTopic, partition }, position?.redrives ?? null);
  const start = {
    position: { nextOffset, sentBound, released, owner, redrives },
    logEnd: lastStable,
    pending: pendingIn(values),
    marks: marksIn(values),
  };
  return { start, lastTimestamp: position?.lastTimestamp ?? 0 };
}

function marksIn(values: ByteMap): DeliverStart['marks'] {
  const marks: DeliverStart['marks'][number][] = [];
  for (const [name, key] of keysIn(values)) {
    if (key.suffix !== 'pending') marks.push({ key, mark: decodeMark(valueIn(values, name)) });
  }
  return marks;
}

/**
 * One pair may have several, under a revision each, and one under none, if its endpoint has changed to `supersede: true` or
 * back: these are few, and are sorted.
 */
function* pendingIn(values: ByteMap): DeliverStart['pending'] & Generator {
  const pairs = new Set<string>();
  for (const [, key] of keysIn(values)) if (key.revision !== undefined) pairs.add(pairOf(key));
  const several: { key: StateKey; delivery: ReturnType<typeof decodePending> }[] = [];
  for (const [name, key] of keysIn(values)) {
    if (key.suffix !== 'pending') continue;
    const pending = { key, delivery: decodePending(valueIn(values, name)) };
    if (pairs.has(pairOf(key))) several.push(pending);
    else yield pending;
  }
  yield* several.sort((a, b) => a.delivery.record.revision - b.delivery.record.revision);
}

function pairOf({ endpointId, leadId }: StateKey): string {
  return `${endpointId}|${leadId}`;
}

function* keysIn(values: ByteMap): Generator<[string, StateKey]> {
  for (const name of values.keys()) {
    const key = parseStateKey(name);
    if (key !== null) yield [name, key];
  }
}

function valueIn(values: ByteMap, name: string): Buffer {
  const value = values.get(name);
  assert(value !== undefined, 'a key without a value');
  return value;
}
