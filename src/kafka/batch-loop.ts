/**
 * The life of a task that turns batches into transactions (rekey, join): load, pay what is owed since the last life, then
 * read, process and commit in turn. A transaction takes what is there as soon as the last one is done and
 * `commitIntervalMs` have passed since that one began: a lone change waits for nothing, a flood batches itself.
 */
import { type Clock, pause } from '../lib/clock.ts';
import type { Meter } from '../lib/meter.ts';
import { type Span, silentTracer, type Tracer } from '../lib/tracer.ts';
import { startBatchSpan } from './batch-span.ts';
import { classify, type KafkaFailure } from './errors.ts';
import { InputWatch, STALL_MS, watched } from './input-watch.ts';
import { LagGauges } from './lag-gauges.ts';
import type { Life, TaskProducer } from './task.ts';
import { type Batch, type Chunk, EMPTY_BATCH, TaskQueue } from './task-queue.ts';

export interface TaskInput {
  readonly topic: string;
  readonly partition: number;
  /** Where to read on. */
  readonly offset: number;
}

/** What a stage does in one life of a task. */
export interface BatchWork {
  /** Rebuilds the state from Kafka and says where to read on. */
  load(signal: AbortSignal): Promise<readonly TaskInput[]>;
  /** Whether `step` has work even without input (announcing after a load). */
  owing(): boolean;
  /** Processes a batch and sends its outcome, position included, within one transaction, whose span is `span`; the loop commits. */
  step(batch: Batch, producer: Pick<TaskProducer, 'send'>, signal: AbortSignal, span?: Span): Promise<void>;
  /** Whether `step` waits for somebody who is known to be away and named elsewhere; default: never. */
  excused?(): boolean;
  /** The life is over, whatever ended it: nothing is in memory any more, and the gauges of it go. */
  ended?(): void;
}

/** Reading on from a partition (see Fetcher). */
export interface InputFetcher {
  subscribe(
    at: { topic: string; partition: number; offset: number },
    subscriber: { deliver(chunk: Chunk): void; fail(failure: KafkaFailure): void },
  ): { pause(): void; resume(): void; close(): void };
}

export interface BatchLoopDeps {
  readonly fetcher: InputFetcher;
  readonly clock: Clock;
  readonly meter: Meter;
  /** Absent = nobody takes spans. */
  readonly tracer?: Tracer;
}

export interface BatchLoopOptions {
  readonly stage: string;
  readonly partition: number;
  readonly commitIntervalMs: number;
  readonly batchRecordsMax: number;
  readonly queueBytesMax: number;
  /** How long a task may stand still with input before it, ms (default 60,000). */
  readonly stallMs?: number;
  /** Called after every commit with where the task reads on, per topic; for lag tools. */
  readonly onCommitted: (next: ReadonlyMap<string, number>) => void;
}

/** An input that moved over markers and holes only is written down this often, so that its position never falls off the log. */
const MOVED_POSITION_MS = 10_000;

/** Lives one life of a batch task; returns when `life.signal` aborts, between two transactions. */
export async function batchLoop(
  life: Life,
  work: BatchWork,
  deps: BatchLoopDeps,
  options: BatchLoopOptions,
): Promise<void> {
  try {
    await loadAndRead(life, work, deps, options);
  } finally {
    work.ended?.();
  }
}

async function loadAndRead(life: Life, work: BatchWork, deps: BatchLoopDeps, options: BatchLoopOptions): Promise<void> {
  const { signal } = life;
  const startedAt = deps.clock.now();
  const inputs = await work.load(signal);
  deps.meter.observe('load_seconds', { stage: options.stage }, (deps.clock.now() - startedAt) / 1000);
  while (work.owing() && !signal.aborted) await transact(life, work, EMPTY_BATCH, { deps, options });
  if (signal.aborted) return;
  const subscriptions: { pause(): void; resume(): void; close(): void }[] = [];
  const queue = new TaskQueue(options.queueBytesMax, (full) => {
    for (const subscription of subscriptions) full ? subscription.pause() : subscription.resume();
  });
  const watch = new InputWatch({
    stage: options.stage,
    partition: options.partition,
    limitMs: options.stallMs ?? STALL_MS,
  });
  const lag = new InputLag(queue, new LagGauges(deps, labels(options)));
  for (const at of inputs) {
    subscriptions.push(
      deps.fetcher.subscribe(at, {
        deliver: (chunk) => {
          queue.push(at.topic, chunk);
          watch.fetched(at.topic, chunk, deps.clock.monotonic());
          lag.fetched(chunk);
        },
        fail: (failure) => queue.fail(failure),
      }),
    );
  }
  life.running();
  try {
    const excused = (): boolean => work.excused?.() ?? false;
    const reading = readOn(life, work, queue, { deps, options, watch, lag });
    await watched(reading, { watch, clock: deps.clock, excused, onLook: () => lag.show() });
  } finally {
    for (const subscription of subscriptions) subscription.close();
  }
}

interface Loop {
  deps: BatchLoopDeps;
  options: BatchLoopOptions;
  watch?: InputWatch;
  lag?: InputLag;
}

async function readOn(life: Life, work: BatchWork, queue: TaskQueue, loop: Loop): Promise<void> {
  const { clock } = loop.deps;
  const { commitIntervalMs, batchRecordsMax } = loop.options;
  let began = -Infinity;
  const wake = (): void => queue.wake();
  life.signal.addEventListener('abort', wake);
  try {
    while (!life.signal.aborted) {
      await readable(queue, clock);
      const restMs = began + commitIntervalMs - clock.monotonic();
      if (restMs > 0) await pause(clock, restMs, life.signal);
      if (life.signal.aborted) return;
      began = clock.monotonic();
      const before = queue.lag;
      const batch = queue.take(batchRecordsMax);
      loop.lag?.took(batch, before - queue.lag);
      if (batch.next.size > 0) await transact(life, work, batch, loop);
      loop.lag?.took(EMPTY_BATCH, 0);
      loop.lag?.show();
    }
  } finally {
    life.signal.removeEventListener('abort', wake); // the signal outlives this life, and would keep all that waits
  }
}

/** What a task has not processed: what waits in its queue, and the batch that it is at. */
class InputLag {
  readonly #queue: TaskQueue;
  readonly #gauges: LagGauges;
  #batch: { readonly offsets: number; readonly oldest: number | null } = { offsets: 0, oldest: null };
  /** Before the first answer of a broker nothing is known. */
  #known = false;

  constructor(queue: TaskQueue, gauges: LagGauges) {
    this.#queue = queue;
    this.#gauges = gauges;
  }

  fetched({ records }: Chunk): void {
    for (const { timestamp } of records) this.#gauges.read(timestamp);
    this.#known = true;
    this.show();
  }

  /** The task is at this batch now, which spans so many offsets. */
  took({ records }: Batch, offsets: number): void {
    const oldest = records.reduce((least, { timestamp }) => Math.min(least, timestamp), Number.POSITIVE_INFINITY);
    this.#batch = { offsets, oldest: records.length === 0 ? null : oldest };
  }

  show(): void {
    if (!this.#known) return;
    const { offsets, oldest } = this.#batch;
    this.#gauges.show(this.#queue.lag + offsets, oldest ?? this.#queue.oldest);
  }
}

/** Waits for a record; not longer than it takes for the position of an input without records to be worth writing. */
async function readable(queue: TaskQueue, clock: Clock): Promise<void> {
  const cancel = clock.after(MOVED_POSITION_MS, () => queue.wake());
  try {
    await queue.readable();
  } finally {
    cancel();
  }
}

async function transact(life: Life, work: BatchWork, batch: Batch, { deps, options, watch }: Loop): Promise<void> {
  const startedAt = deps.clock.now();
  const span = startBatchSpan(deps.tracer ?? silentTracer, batch.records, options);
  try {
    await work.step(batch, life.producer, life.signal, span);
    await life.producer.commit();
  } catch (error) {
    span.end(classify(error).code);
    deps.meter.count('transactions_total', { stage: options.stage, outcome: 'failed' });
    await life.producer.abort();
    throw error;
  }
  span.end();
  deps.meter.count('transactions_total', { stage: options.stage, outcome: 'committed' });
  deps.meter.observe('transaction_seconds', { stage: options.stage }, (deps.clock.now() - startedAt) / 1000);
  watch?.committed(batch.next, deps.clock.monotonic());
  options.onCommitted(batch.next);
}

function labels(options: BatchLoopOptions): { stage: string; partition: number } {
  return { stage: options.stage, partition: options.partition };
}
