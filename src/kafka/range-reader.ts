/**
 * Reads a known stretch of one partition from its beginning to its end: loads of state, and rows read back. It has a
 * connection of its own per broker, as a broker would let it wait behind a long poll. While the caller works on one part
 * the next one is on its way; never more than that, so memory is bounded by two answers per stretch.
 */
import { type Clock, pause } from '../lib/clock.ts';
import { classify, type KafkaFailure } from './errors.ts';
import { fetchCall, partitionFailure, retryDelayMs } from './fetch-call.ts';
import type { PartitionLeaders } from './partition-leaders.ts';
import type { KafkaRecord } from './record.ts';
import { decodeBatches } from './record-batch.ts';

export interface Range {
  readonly topic: string;
  readonly partition: number;
  /** First offset to read. */
  readonly from: number;
  /** The offset after the last one to read. Beyond the end of the log (committed: the last stable offset) it is waited for. */
  readonly to: number;
  readonly committed: boolean;
  readonly signal: AbortSignal;
}

export interface ReaderDeps {
  readonly leaders: PartitionLeaders;
  readonly clock: Clock;
  /** Milliseconds for which a topic that does not exist is asked for again: news of a creation take a moment. */
  readonly missingGraceMs: number;
}

export interface ReaderLimits {
  readonly maxWaitMs: number;
  readonly bytesPerPartition: number;
}

interface Part {
  readonly records: KafkaRecord[];
  readonly next: number;
}

const LEAST_BYTES = 16 * 1024;
const BYTES_PER_OFFSET = 4 * 1024;

/**
 * Reads [from, to) in order; `onRecords` is called with each part and the offset after it, and awaited.
 * @throws the signal's reason when it aborts; KafkaFailure 'offset-out-of-range', 'topic-missing' or 'authorization';
 *   what `onRecords` throws. A leader that moves, or a broker that is away, is waited for and told to no one.
 */
export async function readRange(
  deps: ReaderDeps,
  limits: ReaderLimits,
  range: Range,
  onRecords: (records: KafkaRecord[], next: number) => void | Promise<void>,
): Promise<void> {
  const over = new AbortController(); // ends a read ahead that no one will take
  const ahead: Range = { ...range, signal: AbortSignal.any([range.signal, over.signal]) };
  try {
    let coming = range.from < range.to ? nextPart(deps, limits, ahead, range.from) : null;
    while (coming !== null) {
      const part: Part = await coming;
      coming = part.next < range.to ? nextPart(deps, limits, ahead, part.next) : null;
      coming?.catch(() => undefined); // the next turn throws it, if there is one
      await onRecords(part.records, part.next);
    }
  } finally {
    over.abort();
  }
}

async function nextPart(deps: ReaderDeps, limits: ReaderLimits, range: Range, from: number): Promise<Part> {
  let missingSince: number | null = null;
  for (let failures = 0; ; ) {
    range.signal.throwIfAborted();
    try {
      const part = await untilAborted(ask(deps, limits, range, from), range.signal);
      if (part.next > from) return part;
      failures = 0; // nothing there yet: the broker has waited for it
    } catch (error) {
      range.signal.throwIfAborted();
      const failure = classify(error);
      missingSince = failure.code === 'topic-missing' ? (missingSince ?? deps.clock.now()) : null;
      if (!worthRetrying(failure, missingSince, deps)) throw failure;
      deps.leaders.forget(range.topic);
      await pause(deps.clock, retryDelayMs(++failures), range.signal);
    }
  }
}

/** Whether a failed read is tried again; a missing topic only until `missingGraceMs` after it was first found missing. */
export function worthRetrying(
  failure: KafkaFailure,
  missingSince: number | null,
  deps: { readonly clock: Clock; readonly missingGraceMs: number },
): boolean {
  if (failure.code === 'topic-missing') {
    return missingSince === null || deps.clock.now() - missingSince < deps.missingGraceMs;
  }
  return failure.retriable;
}

async function ask(deps: ReaderDeps, limits: ReaderLimits, range: Range, from: number): Promise<Part> {
  const { topic, partition, committed } = range;
  const leader = await deps.leaders.leader(topic, partition);
  // A few rows read back shall not cost a whole megabyte each; the broker gives at least one batch in any case.
  const bytes = Math.min(limits.bytesPerPartition, Math.max(LEAST_BYTES, (range.to - from) * BYTES_PER_OFFSET));
  const wanted = { topic, partition, offset: from };
  const fetchLimits = { maxWaitMs: limits.maxWaitMs, bytesPerPartition: bytes, bytesPerRequest: bytes, committed };
  const answer = await deps.leaders.send(leader, 'range', fetchCall([wanted], fetchLimits));
  const found = answer.partitions[0];
  if (found === undefined || found.errorCode !== 0) {
    throw partitionFailure(wanted, found?.errorCode ?? answer.errorCode) ?? deps.leaders.moved(topic, partition);
  }
  const { records, next } = await decodeBatches({ ...found, from });
  if (next <= range.to) return { records, next };
  return { records: records.filter((record) => record.offset < range.to), next: range.to };
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
