/**
 * One transactional producer: the right of one task to write. `fence` takes the transactional id, and with it ends whatever a
 * predecessor had open; after that each transaction is sends, then commit or abort. It promises that a commit that returned
 * is a commit, that every record is where SentOffsets says, and that a doubt is never hidden: after any failure the producer is
 * `dead` and must be replaced. It does not retry a transaction, keeps no state of the task and decides nothing about positions.
 *
 * Why any failed send kills it: the client then counts the batch's sequence numbers back. If the broker has the batch
 * nevertheless, the next transaction would reuse the numbers and be taken for a duplicate, that is, lost without an error.
 */
import type { ICustomPartitioner, Kafka, Producer, Transaction } from 'kafkajs';
import { assert } from '../lib/assert.ts';
import { type Clock, pause } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { type Asked, classify, KafkaFailure } from './errors.ts';
import type { OutgoingRecord } from './record.ts';
import { type Portion, portions, SentOffsets } from './send-portions.ts';

export interface TransactionalProducerDeps {
  readonly kafka: Kafka;
  readonly log: Log;
  readonly clock: Clock;
}

export interface TransactionalProducerOptions {
  /** `<app>.<stage>.<index>`: one per task, for ever the same, never derived from a process. */
  readonly transactionalId: string;
  /** Milliseconds after which the coordinator aborts a transaction that is not ended. */
  readonly transactionTimeoutMs: number;
}

/** First and longest pause between two tries to fence, ms. The first is about what the broker needs to end a transaction. */
const FENCE_PAUSE_MS = { first: 10, longest: 1_000 } as const;
/** How long `close` waits for the abort and the disconnection, ms. */
const CLOSE_DEADLINE_MS = 3_000;
/**
 * Retries of a send. The first step is short: after a commit the coordinator refuses the next transaction for the few
 * milliseconds in which it writes its markers (CONCURRENT_TRANSACTIONS), and the client's 300 ms would be the whole latency.
 */
const SEND_RETRY = { initialRetryTime: 3, multiplier: 2, factor: 0.2, maxRetryTime: 500, retries: 14 } as const;

type State = 'new' | 'ready' | 'open' | 'dead';

export class TransactionalProducer {
  readonly #deps: TransactionalProducerDeps;
  readonly #options: TransactionalProducerOptions;
  readonly #producer: Producer;
  #state: State = 'new';
  #transaction: Transaction | null = null;
  #busy = false;

  constructor(deps: TransactionalProducerDeps, options: TransactionalProducerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#producer = deps.kafka.producer({
      transactionalId: options.transactionalId,
      transactionTimeout: options.transactionTimeoutMs,
      createPartitioner: explicitPartition,
      retry: SEND_RETRY,
      allowAutoTopicCreation: false,
    });
  }

  /** True once a failure has made the producer useless; only `close` may still be called. */
  get dead(): boolean {
    return this.#state === 'dead';
  }

  /**
   * Takes the transactional id (InitProducerId): the predecessor can neither send nor commit from here on, and its open
   * transaction is aborted before this returns. Call it before any position is read. Tries again, with growing pauses, while
   * the failure is one that time heals; ends with 'stopped' when `signal` aborts, and with the failure when it is final.
   */
  async fence(signal: AbortSignal): Promise<void> {
    assert(this.#state === 'new', 'a producer is fenced once');
    for (let wait: number = FENCE_PAUSE_MS.first; ; wait = Math.min(wait * 2, FENCE_PAUSE_MS.longest)) {
      const failure = await this.#tryToFence(signal);
      if (failure === null) {
        this.#state = 'ready';
        return;
      }
      if (!failure.retriable) {
        this.#state = 'dead';
        throw failure;
      }
      this.#deps.log.debug(
        { transactionalId: this.#options.transactionalId, type: failure.type },
        'fencing again soon',
      );
      await pause(this.#deps.clock, wait, signal);
    }
  }

  async #tryToFence(signal: AbortSignal): Promise<KafkaFailure | null> {
    if (signal.aborted) return stopped();
    try {
      await untilAborted(this.#initialise(), signal);
      return null;
    } catch (error) {
      return classify(error, this.#asked());
    }
  }

  #asked(records: readonly OutgoingRecord[] = []): Asked {
    const { transactionalId } = this.#options;
    return { operation: 'WRITE', topics: records.map(({ topic }) => topic), transactionalId };
  }

  /** The client asks for its id with its first transaction; ending that one, which holds nothing, asks the broker nothing. */
  async #initialise(): Promise<void> {
    await this.#producer.connect();
    const transaction = await this.#producer.transaction();
    await transaction.abort();
  }

  /**
   * Writes records in the open transaction, or opens one. Returns when all in-sync replicas have them. Order is kept per
   * partition. Large sends go out in several requests (see send-portions.ts). Any failure leaves the producer dead; its
   * transaction should then be aborted, or is by the coordinator after its timeout.
   * @throws KafkaFailure `fenced`, `incomplete-send`, `too-large`, `topic-missing`, `authorization`, `unavailable` …
   */
  async send(records: readonly OutgoingRecord[]): Promise<SentOffsets> {
    const sent = new SentOffsets(records.length);
    if (records.length === 0) return sent;
    return this.#exclusively(async () => {
      assert(this.#state === 'ready' || this.#state === 'open', `send on a ${this.#state} producer`);
      try {
        this.#transaction ??= await this.#producer.transaction();
        this.#state = 'open';
        for (const portion of portions(records)) await this.#sendPortion(this.#transaction, portion, sent);
        return sent;
      } catch (error) {
        this.#state = 'dead';
        throw classify(error, this.#asked(records));
      }
    });
  }

  async #sendPortion(transaction: Transaction, portion: Portion, sent: SentOffsets): Promise<void> {
    const answers = await transaction.sendBatch({
      acks: -1,
      timeout: this.#options.transactionTimeoutMs,
      topicMessages: portion.topicMessages(),
    });
    portion.confirm(answers, sent);
  }

  /**
   * Commits what was sent; does nothing when nothing was. A failure is `fenced` if the broker says that the transaction is
   * no longer ours (so it is not committed), else `commit-unknown`: what was written in it must be read back.
   */
  async commit(): Promise<void> {
    await this.#exclusively(async () => {
      if (this.#state === 'ready') return;
      assert(this.#state === 'open' && this.#transaction !== null, `commit on a ${this.#state} producer`);
      try {
        await this.#transaction.commit();
        this.#ended();
      } catch (error) {
        this.#state = 'dead';
        const failure = classify(error);
        if (failure.code === 'fenced') throw failure;
        throw new KafkaFailure('commit-unknown', 'the transaction may be committed or not', failure.type);
      }
    });
  }

  /** Aborts what was sent. Best effort: a failure, or a send that failed before, leaves the producer dead; never throws. */
  async abort(): Promise<void> {
    await this.#exclusively(async () => {
      const transaction = this.#transaction;
      if (transaction === null) return;
      try {
        if (transaction.isActive()) await transaction.abort();
        if (this.#state === 'open') this.#ended();
        this.#transaction = null;
      } catch (error) {
        this.#state = 'dead';
        this.#transaction = null;
        const { transactionalId } = this.#options;
        this.#deps.log.debug(
          { transactionalId, type: classify(error).type },
          'abort failed; the coordinator will do it',
        );
      }
    });
  }

  /** Aborts an open transaction and disconnects. Takes at most three seconds, never throws; the producer is dead. */
  async close(): Promise<void> {
    const transaction = this.#transaction;
    this.#state = 'dead';
    this.#transaction = null;
    const ending = (async () => {
      if (transaction?.isActive()) await transaction.abort().catch(() => undefined);
      await this.#producer.disconnect().catch(() => undefined);
    })();
    const deadline = new AbortController();
    await Promise.race([ending, pause(this.#deps.clock, CLOSE_DEADLINE_MS, deadline.signal)]);
    deadline.abort();
  }

  #ended(): void {
    this.#transaction = null;
    this.#state = 'ready';
  }

  /** The client mixes up the sequence numbers of calls that overlap, so an overlap is a bug of the caller. */
  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    assert(!this.#busy, 'one call at a time per producer');
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}

const explicitPartition: ICustomPartitioner =
  () =>
  ({ message }) => {
    assert(message.partition !== undefined, 'every record has a partition');
    return message.partition;
  };

function stopped(): KafkaFailure {
  return new KafkaFailure('stopped', 'told to stop');
}

/** The work's result, or 'stopped' as soon as the signal aborts; the work is then left to end by itself. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(stopped());
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
