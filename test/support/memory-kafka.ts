/**
 * As much of Kafka as a task needs, in memory and in one thread: partitions with transactions, control records, a last stable
 * offset, and fencing by transactional id. It never loses a message and knows no time; who wants faults brings them along.
 */
import { KafkaFailure } from '../../src/kafka/errors.ts';
import type { PartitionLog } from '../../src/kafka/partition-log.ts';
import type { KafkaRecord, OutgoingRecord } from '../../src/kafka/record.ts';
import type { TaskProducer } from '../../src/kafka/task.ts';

type Status = 'open' | 'committed' | 'aborted' | 'marker';

interface Entry {
  readonly record: KafkaRecord;
  status: Status;
}

export class MemoryKafka implements PartitionLog {
  readonly #partitions = new Map<string, Entry[]>();
  readonly #owners = new Map<string, MemoryProducer>();
  now = 1_700_000_000_000;

  /** Appends a record outside of any transaction, as an upstream producer does; returns its offset. */
  append(record: OutgoingRecord): number {
    return this.#append(record, 'committed').record.offset;
  }

  producer(transactionalId: string): TaskProducer {
    return new MemoryProducer({
      append: (record) => this.#append(record, 'open'),
      mark: (topic, partition) => this.#append({ topic, partition, key: null, value: null }, 'marker'),
      own: (producer) => {
        this.#owners.get(transactionalId)?.end('aborted');
        this.#owners.set(transactionalId, producer);
      },
      owner: () => this.#owners.get(transactionalId) ?? null,
    });
  }

  /** Committed records of a topic, partition by partition. */
  committed(topic: string): KafkaRecord[] {
    const records: KafkaRecord[] = [];
    for (const [name, entries] of this.#partitions) {
      if (!name.startsWith(`${topic}/`)) continue;
      for (const { record, status } of entries) if (status === 'committed') records.push(record);
    }
    return records;
  }

  /** Committed records from `offset` on, and the offset to read on from; up to the last stable offset. */
  readOn(topic: string, partition: number, offset: number): { records: KafkaRecord[]; next: number } {
    const entries = this.#entries(topic, partition);
    const next = Math.max(offset, stableEnd(entries));
    const records = entries.slice(offset, next).filter(({ status }) => status === 'committed');
    return { records: records.map(({ record }) => record), next };
  }

  async ends(topic: string, partition: number): Promise<{ earliest: number; lastStable: number }> {
    return { earliest: 0, lastStable: stableEnd(this.#entries(topic, partition)) };
  }

  async read(
    at: { topic: string; partition: number; from: number; to: number; committed: boolean },
    onRecords: (records: readonly KafkaRecord[]) => void,
  ): Promise<void> {
    const wanted = at.committed ? ['committed'] : ['committed', 'open'];
    const entries = this.#entries(at.topic, at.partition).slice(at.from, at.to);
    onRecords(entries.filter(({ status }) => wanted.includes(status)).map(({ record }) => record));
  }

  #entries(topic: string, partition: number): Entry[] {
    const name = `${topic}/${partition}`;
    let entries = this.#partitions.get(name);
    if (entries === undefined) {
      entries = [];
      this.#partitions.set(name, entries);
    }
    return entries;
  }

  #append(outgoing: OutgoingRecord, status: Status): Entry {
    const { topic, partition } = outgoing;
    const entries = this.#entries(topic, partition);
    const headers: Record<string, Buffer> = {};
    for (const [name, value] of Object.entries(outgoing.headers ?? {})) headers[name] = Buffer.from(value);
    const record: KafkaRecord = {
      topic,
      partition,
      offset: entries.length,
      timestamp: this.now,
      key: outgoing.key === null ? null : Buffer.from(outgoing.key),
      value: outgoing.value === null ? null : Buffer.from(outgoing.value),
      headers,
    };
    const entry = { record, status };
    entries.push(entry);
    return entry;
  }
}

function stableEnd(entries: readonly Entry[]): number {
  const open = entries.findIndex(({ status }) => status === 'open');
  return open < 0 ? entries.length : open;
}

interface Hooks {
  append(record: OutgoingRecord): Entry;
  mark(topic: string, partition: number): void;
  own(producer: MemoryProducer): void;
  owner(): MemoryProducer | null;
}

class MemoryProducer implements TaskProducer {
  readonly #kafka: Hooks;
  #open: Entry[] = [];

  constructor(kafka: Hooks) {
    this.#kafka = kafka;
  }

  async fence(): Promise<void> {
    this.#kafka.own(this);
  }

  async send(records: readonly OutgoingRecord[]): Promise<{ offset(index: number): number }> {
    this.#mustOwn();
    const entries = records.map((record) => this.#kafka.append(record));
    this.#open.push(...entries);
    return { offset: (index) => entries[index]?.record.offset ?? -1 };
  }

  async commit(): Promise<void> {
    this.#mustOwn();
    this.end('committed');
  }

  async abort(): Promise<void> {
    this.end('aborted');
  }

  async close(): Promise<void> {
    this.end('aborted');
  }

  end(status: 'committed' | 'aborted'): void {
    const touched = new Map<string, KafkaRecord>();
    for (const entry of this.#open) {
      entry.status = status;
      touched.set(`${entry.record.topic}/${entry.record.partition}`, entry.record);
    }
    for (const { topic, partition } of touched.values()) this.#kafka.mark(topic, partition);
    this.#open = [];
  }

  #mustOwn(): void {
    if (this.#kafka.owner() !== this) throw new KafkaFailure('fenced', 'a newer producer has this transactional id');
  }
}
