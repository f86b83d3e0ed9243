/**
 * The client's producer as far as TransactionalProducer uses it: so the product's own transaction code, with its check of
 * answers and its rules about dead producers, runs over the fake brokers. Behaves as the client's source does: the identity is
 * taken with the first transaction, an end that failed leaves the transaction inactive, nothing sent means nothing to end.
 */
import type { Kafka, RecordMetadata, TopicMessages } from 'kafkajs';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { pause } from '../../src/lib/clock.ts';
import type { Chance } from './chance.ts';
import { type FakeKafka, ProtocolError } from './fake-kafka.ts';
import type { Network } from './network.ts';
import type { SimProcess } from './sim-process.ts';
import type { Trace } from './trace.ts';

export interface ClientDeps {
  readonly process: SimProcess;
  readonly network: Network;
  readonly kafka: FakeKafka;
  readonly chance: Chance;
  readonly trace: Trace;
}

export interface ClientSettings {
  /** Probability that a send of several partitions misses one, and says so only by leaving it out of its answer. */
  readonly incompleteSend: number;
  /** Probability that a send fails after a part of its partitions was written. */
  readonly partialSend: number;
}

/** As the product sets the client's retries of a send. */
const SEND_RETRY = { firstMs: 3, longestMs: 500, tries: 14 };

/** A client whose producers talk to the fake brokers. */
export function fakeClient(deps: ClientDeps, settings: ClientSettings): Kafka {
  const producer = ({ transactionalId, transactionTimeout = 60_000 }: ProducerConfig): unknown =>
    transactionalId === undefined
      ? new FakePlainProducer(deps)
      : new FakeProducer(deps, settings, { transactionalId, transactionTimeout });
  return { producer } as unknown as Kafka;
}

interface ProducerConfig {
  readonly transactionalId?: string;
  readonly transactionTimeout?: number;
}

/** Writes outside of transactions; a send that was repeated may be written twice. */
class FakePlainProducer {
  readonly #deps: ClientDeps;

  constructor(deps: ClientDeps) {
    this.#deps = deps;
  }

  async connect(): Promise<void> {}

  async disconnect(): Promise<void> {}

  sendBatch({ topicMessages }: { topicMessages: TopicMessages[] }): Promise<RecordMetadata[]> {
    const { process, network, kafka } = this.#deps;
    const batches = batchesOf(topicMessages);
    return network.request(process, `write ${batches.map(({ name }) => name).join(' ')}`, { losable: true }, () =>
      batches.map(({ topic, partition, records }) => {
        const [base] = records.map((record) => kafka.append(record));
        return { topicName: topic, partition, errorCode: 0, baseOffset: String(base) };
      }),
    );
  }
}

class FakeProducer {
  readonly #deps: ClientDeps;
  readonly #settings: ClientSettings;
  readonly #config: { transactionalId: string; transactionTimeout: number };
  #epoch: number | null = null;

  constructor(
    deps: ClientDeps,
    settings: ClientSettings,
    config: { transactionalId: string; transactionTimeout: number },
  ) {
    this.#deps = deps;
    this.#settings = settings;
    this.#config = config;
  }

  connect(): Promise<void> {
    return this.#deps.process.at('before fence');
  }

  async disconnect(): Promise<void> {}

  async transaction(): Promise<FakeTransaction> {
    if (this.#epoch === null) {
      const { process, network, kafka } = this.#deps;
      const { transactionalId, transactionTimeout } = this.#config;
      this.#epoch = await network.request(process, `init ${transactionalId}`, { losable: true }, () =>
        kafka.initProducer(transactionalId, transactionTimeout),
      );
      await process.at('after fence');
    }
    return new FakeTransaction(this.#deps, this.#settings, { id: this.#config.transactionalId, epoch: this.#epoch });
  }
}

class FakeTransaction {
  readonly #deps: ClientDeps;
  readonly #settings: ClientSettings;
  readonly #identity: { id: string; epoch: number };
  #active = true;
  #sends = 0;

  constructor(deps: ClientDeps, settings: ClientSettings, identity: { id: string; epoch: number }) {
    this.#deps = deps;
    this.#settings = settings;
    this.#identity = identity;
  }

  isActive(): boolean {
    return this.#active;
  }

  async sendBatch({ topicMessages }: { topicMessages: TopicMessages[] }): Promise<RecordMetadata[]> {
    const { process, network } = this.#deps;
    await process.at('before send');
    const batches = batchesOf(topicMessages);
    const written = this.#fate(batches);
    this.#sends++;
    const what = `send ${this.#identity.id} ${batches.map(({ name, records }) => `${name}:${records.length}`).join(' ')}`;
    for (let tries = 1; ; tries++) {
      try {
        const answer = await network.request(process, what, { losable: true }, () => this.#produce(written.batches));
        if (written.fails) throw new ProtocolError('NOT_ENOUGH_REPLICAS_AFTER_APPEND', true);
        if (this.#sends === 1) await process.at('after first send');
        return answer;
      } catch (error) {
        const isBusy = error instanceof ProtocolError && error.type === 'CONCURRENT_TRANSACTIONS';
        if (!isBusy || tries > SEND_RETRY.tries) throw error;
        await pause(process.clock, Math.min(SEND_RETRY.longestMs, SEND_RETRY.firstMs * 2 ** tries));
      }
    }
  }

  async commit(): Promise<void> {
    await this.#deps.process.at('before commit');
    await this.#end('commit');
    await this.#deps.process.at('after commit');
  }

  abort(): Promise<void> {
    return this.#end('abort');
  }

  async #end(decision: 'commit' | 'abort'): Promise<void> {
    this.#active = false;
    if (this.#sends === 0) return;
    const { process, network, kafka } = this.#deps;
    const { id, epoch } = this.#identity;
    const answer = network.request(process, `${decision} ${id}`, { losable: true }, () =>
      kafka.endTransaction(id, epoch, decision),
    );
    if (decision === 'commit') await process.at('commit sent');
    await answer;
  }

  #produce(batches: readonly Batch[]): RecordMetadata[] {
    const { id, epoch } = this.#identity;
    const records = batches.flatMap((batch) => batch.records);
    const offsets = this.#deps.kafka.produce(id, epoch, records);
    let at = 0;
    return batches.map(({ topic, partition, records: { length } }) => {
      const baseOffset = String(offsets[at]);
      at += length;
      return { topicName: topic, partition, errorCode: 0, baseOffset };
    });
  }

  /** Which of the batches reach their partition. */
  #fate(batches: readonly Batch[]): { batches: readonly Batch[]; fails: boolean } {
    const { chance, network, trace } = this.#deps;
    if (!network.faulty || batches.length < 2) return { batches, fails: false };
    const missing = chance.below(batches.length);
    if (chance.happens(this.#settings.incompleteSend)) {
      trace.sometimes('send: a partition is missing in the answer');
      return { batches: batches.filter((_, at) => at !== missing), fails: false };
    }
    if (!chance.happens(this.#settings.partialSend)) return { batches, fails: false };
    trace.sometimes('send: fails after a part of it was written');
    return { batches: batches.filter((_, at) => at !== missing), fails: true };
  }
}

interface Batch {
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  readonly records: OutgoingRecord[];
}

function batchesOf(topicMessages: readonly TopicMessages[]): Batch[] {
  const batches = new Map<string, Batch>();
  for (const { topic, messages } of topicMessages) {
    for (const { key, value, partition, headers } of messages) {
      const name = `${topic}/${partition}`;
      const batch = batches.get(name) ?? { name, topic, partition: partition ?? 0, records: [] };
      batches.set(name, batch);
      const texts = (headers ?? {}) as Record<string, Buffer | string>;
      batch.records.push({ topic, partition: batch.partition, key: key ?? null, value, headers: texts });
    }
  }
  return [...batches.values()];
}
