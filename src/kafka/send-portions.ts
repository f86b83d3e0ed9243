/**
 * Splits a send into requests that every broker takes, and checks their answers. Kafka makes one batch of what a request
 * holds for a partition, and refuses one above a megabyte; the client's cost grows with the batch. A record that is larger
 * than a portion goes alone, and the broker decides. The client may report success without having written a partition whose
 * leader moved (or having written it twice), so an answer counts only if it names each partition exactly once with an offset.
 */
import type { Message, RecordMetadata, TopicMessages } from 'kafkajs';
import { KafkaFailure } from './errors.ts';
import type { OutgoingRecord } from './record.ts';

/** Bytes of a partition's batch in one request: below the brokers' default limit of 1,048,588 with room for estimates. */
export const PORTION_BYTES = 900_000;
/** Records of a partition in one request. */
export const PORTION_RECORDS = 5_000;

/** More than the format needs for lengths, deltas and attributes of one record, or of one header. */
const RECORD_OVERHEAD = 32;
const HEADER_OVERHEAD = 10;

/** Where the records of one send call are in the log. */
export class SentOffsets {
  readonly #offsets: Float64Array;

  /** @param count the number of records of the send call */
  constructor(count: number) {
    this.#offsets = new Float64Array(count).fill(-1);
  }

  /** The offset of the index-th record of the send call, in the partition that it names. RangeError for another index. */
  offset(index: number): number {
    const offset = this.#offsets[index];
    if (offset === undefined || offset < 0) throw new RangeError(`no record ${index} was sent`);
    return offset;
  }

  /** Notes where a record is; for the sender alone. */
  note(index: number, offset: number): void {
    this.#offsets[index] = offset;
  }
}

interface Batch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: Message[];
  /** Places of the messages in the send call. */
  readonly indexes: number[];
  bytes: number;
}

/** What goes out in one request: at most one batch for each partition. */
export class Portion {
  readonly #batches: readonly Batch[];

  constructor(batches: readonly Batch[]) {
    this.#batches = batches;
  }

  /** The messages as the client's `sendBatch` takes them. */
  topicMessages(): TopicMessages[] {
    const byTopic = Map.groupBy(this.#batches, ({ topic }) => topic);
    return [...byTopic].map(([topic, batches]) => ({ topic, messages: batches.flatMap(({ messages }) => messages) }));
  }

  /** Notes the offsets of a request's answer. KafkaFailure `incomplete-send` unless each batch is confirmed exactly once. */
  confirm(answers: readonly RecordMetadata[], sent: SentOffsets): void {
    if (answers.length !== this.#batches.length) throw incomplete();
    const bases = new Map(answers.map((answer) => [`${answer.topicName} ${answer.partition}`, answer.baseOffset]));
    for (const { topic, partition, indexes } of this.#batches) {
      const base = Number(bases.get(`${topic} ${partition}`) ?? -1);
      if (!Number.isSafeInteger(base) || base < 0) throw incomplete();
      for (const [place, index] of indexes.entries()) sent.note(index, base + place);
    }
  }
}

/** Splits records into portions; the records of one partition keep their order. */
export function portions(records: readonly OutgoingRecord[]): Portion[] {
  const filled: Batch[][] = [];
  const latest = new Map<string, { batch: Batch; round: number }>();
  for (const [index, record] of records.entries()) {
    const key = `${record.topic} ${record.partition}`;
    const size = sizeOf(record);
    let current = latest.get(key);
    if (current === undefined || isFull(current.batch, size)) {
      const { topic, partition } = record;
      current = { batch: { topic, partition, messages: [], indexes: [], bytes: 0 }, round: (current?.round ?? -1) + 1 };
      latest.set(key, current);
      const round = filled[current.round] ?? [];
      round.push(current.batch);
      filled[current.round] = round;
    }
    current.batch.messages.push(messageOf(record));
    current.batch.indexes.push(index);
    current.batch.bytes += size;
  }
  return filled.map((batches) => new Portion(batches));
}

function isFull(batch: Batch, next: number): boolean {
  return batch.messages.length >= PORTION_RECORDS || batch.bytes + next > PORTION_BYTES;
}

function messageOf({ key, value, partition, headers }: OutgoingRecord): Message {
  return headers === undefined ? { key, value, partition } : { key, value, partition, headers: { ...headers } };
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let size = RECORD_OVERHEAD + byteLength(key) + byteLength(value);
  for (const name in headers) size += HEADER_OVERHEAD + byteLength(name) + byteLength(headers[name] ?? null);
  return size;
}

function byteLength(content: Buffer | string | null): number {
  if (content === null) return 0;
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length;
}

function incomplete(): KafkaFailure {
  return new KafkaFailure('incomplete-send', 'the brokers did not confirm every partition of the send exactly once');
}
