/**
 * Kafka as the product depends on it, as a machine that only moves when it is called: partitions, transactions with markers
 * and last stable offsets, fencing by epoch, transaction timeouts, and the log cleaner. It knows no network and no faults
 * (fake-client.ts brings those) and draws no chance. test/contract/kafka-contract.ts holds it against a real Kafka.
 */
import type { KafkaRecord, OutgoingRecord } from '../../src/kafka/record.ts';
import { FakeLog } from './fake-log.ts';

/** A failure as the client throws it: by the broker's error type. */
export class ProtocolError extends Error {
  override name = 'KafkaJSProtocolError';
  readonly type: string;
  readonly retriable: boolean;

  /** `retriable`: what the client says of this type. */
  constructor(type: string, retriable = false) {
    super(type);
    this.type = type;
    this.retriable = retriable;
  }
}

type Decision = 'commit' | 'abort';

/** One transaction; its records are readable as committed once its decision's marker is in their partition. */
export interface Transaction {
  readonly producer: string;
  readonly startedAt: number;
  decision: Decision | null;
  /** Partitions with records and without a marker yet, by name. */
  readonly unmarked: Map<string, FakeLog>;
}

interface ProducerState {
  epoch: number;
  timeoutMs: number;
  transaction: Transaction | null;
  lastDecision: Decision | null;
}

export interface FakeKafkaDeps {
  readonly now: () => number;
  /** Runs `write` when the marker of an ended transaction reaches a partition. */
  readonly markLater: (write: () => void) => void;
  readonly sometimes: (what: string) => void;
}

export class FakeKafka {
  readonly #deps: FakeKafkaDeps;
  readonly #logs = new Map<string, FakeLog>();
  readonly #producers = new Map<string, ProducerState>();
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #compacted = new Set<string>();

  constructor(deps: FakeKafkaDeps) {
    this.#deps = deps;
  }

  /** Topics whose logs `clean` compacts. */
  compact(...topics: readonly string[]): void {
    for (const topic of topics) this.#compacted.add(topic);
  }

  log(topic: string, partition: number): FakeLog {
    const name = `${topic}/${partition}`;
    let log = this.#logs.get(name);
    if (log === undefined) {
      log = new FakeLog(topic, partition);
      this.#logs.set(name, log);
    }
    return log;
  }

  /** Calls `watcher` whenever more can be read of a partition; the function returned ends that. */
  watch(log: FakeLog, watcher: () => void): () => void {
    const watchers = this.#watchers.get(log.name) ?? new Set();
    this.#watchers.set(log.name, watchers.add(watcher));
    return () => void watchers.delete(watcher);
  }

  /** Appends outside of any transaction, as an upstream producer does; returns the offset. */
  append(record: OutgoingRecord): number {
    const log = this.log(record.topic, record.partition);
    const offset = log.append(record, this.#deps.now(), null);
    this.#changed(log);
    return offset;
  }

  /**
   * InitProducerId: from here on no older epoch can write. A transaction that is open is aborted first.
   * @throws ProtocolError CONCURRENT_TRANSACTIONS until the predecessor's transaction has all its markers
   */
  initProducer(id: string, timeoutMs: number): number {
    let producer = this.#producers.get(id);
    if (producer === undefined) {
      producer = { epoch: -1, timeoutMs, transaction: null, lastDecision: null };
      this.#producers.set(id, producer);
    }
    producer.timeoutMs = timeoutMs;
    if (producer.transaction !== null) {
      if (producer.transaction.decision === null) {
        producer.epoch++;
        this.#deps.sometimes('fence: an open transaction of the predecessor');
        this.#decide(producer, 'abort');
      }
      if (producer.transaction !== null) throw new ProtocolError('CONCURRENT_TRANSACTIONS');
    }
    producer.lastDecision = null;
    return ++producer.epoch;
  }

  /**
   * AddPartitionsToTxn and Produce: appends records to the open transaction, or begins one; returns their offsets.
   * @throws ProtocolError INVALID_PRODUCER_EPOCH, CONCURRENT_TRANSACTIONS (markers of the last one are being written)
   */
  produce(id: string, epoch: number, records: readonly OutgoingRecord[]): number[] {
    const producer = this.#owned(id, epoch);
    if (producer.transaction !== null && producer.transaction.decision !== null) {
      throw new ProtocolError('CONCURRENT_TRANSACTIONS');
    }
    const now = this.#deps.now();
    producer.transaction ??= { producer: id, startedAt: now, decision: null, unmarked: new Map() };
    producer.lastDecision = null;
    const { transaction } = producer;
    const touched = new Set<FakeLog>();
    const offsets = records.map((record) => {
      const log = this.log(record.topic, record.partition);
      touched.add(log);
      transaction.unmarked.set(log.name, log);
      return log.append(record, now, transaction);
    });
    for (const log of touched) this.#changed(log);
    return offsets;
  }

  /**
   * EndTxn: the decision counts at once, and becomes visible partition by partition as markers are written.
   * @throws ProtocolError INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE (there is none, or it was decided otherwise)
   */
  endTransaction(id: string, epoch: number, decision: Decision): void {
    const producer = this.#owned(id, epoch);
    const decided = producer.transaction?.decision ?? producer.lastDecision;
    if (decided === decision) return;
    if (producer.transaction === null || decided !== null) throw new ProtocolError('INVALID_TXN_STATE');
    this.#decide(producer, decision);
  }

  /** The coordinator's regular look for transactions that were not ended in time: it aborts them and fences their producer. */
  endOverdue(): void {
    for (const producer of this.#producers.values()) {
      const { transaction, timeoutMs } = producer;
      if (transaction === null || transaction.decision !== null) continue;
      if (this.#deps.now() - transaction.startedAt <= timeoutMs) continue;
      producer.epoch++;
      this.#deps.sometimes('transaction timeout');
      this.#decide(producer, 'abort');
    }
  }

  /** Runs the log cleaner over all compacted topics. */
  clean(settings: { minCompactionLagMs: number; deleteRetentionMs: number }): void {
    for (const log of this.#logs.values()) {
      if (!this.#compacted.has(log.topic)) continue;
      const { removed, tombstones } = log.clean(this.#deps.now(), settings);
      if (removed > 0) this.#deps.sometimes(`cleaner: superseded records of ${log.topic}`);
      if (tombstones > 0) this.#deps.sometimes(`cleaner: tombstones of ${log.topic}`);
    }
  }

  /** What a read-committed reader of the whole topic sees, partition by partition. */
  committed(topic: string): KafkaRecord[] {
    const records: KafkaRecord[] = [];
    for (const log of this.#logs.values()) {
      if (log.topic !== topic) continue;
      records.push(...log.read({ from: 0, recordsMax: Number.POSITIVE_INFINITY, committed: true }).records);
    }
    return records;
  }

  /** Whether a transaction is open or waits for markers. */
  get busy(): boolean {
    return [...this.#producers.values()].some(({ transaction }) => transaction !== null);
  }

  #owned(id: string, epoch: number): ProducerState {
    const producer = this.#producers.get(id);
    if (producer === undefined || producer.epoch !== epoch) throw new ProtocolError('INVALID_PRODUCER_EPOCH');
    return producer;
  }

  #decide(producer: ProducerState, decision: Decision): void {
    const transaction = producer.transaction as Transaction;
    transaction.decision = decision;
    producer.lastDecision = decision;
    for (const log of transaction.unmarked.values()) {
      this.#deps.markLater(() => {
        transaction.unmarked.delete(log.name);
        log.mark(transaction, this.#deps.now());
        if (transaction.unmarked.size === 0) producer.transaction = null;
        this.#changed(log);
      });
    }
  }

  #changed(log: FakeLog): void {
    for (const watcher of [...(this.#watchers.get(log.name) ?? [])]) watcher();
  }
}
