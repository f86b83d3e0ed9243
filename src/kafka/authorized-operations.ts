/**
 * Which operations on topics the brokers allow to us, in one question: Metadata, version 8 (brokers since 2.3), of which nothing but
 * the rights is read. Brokers without an authorizer allow all. What a broker does not tell is null, never a guess. It judges
 * nothing; what is needed stands in rights.ts.
 */
import type { Call } from './broker-connections.ts';

/** Kafka's operations on topics, by their numbers in the protocol. */
const NUMBERS = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DESCRIBE: 8,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
} as const;

export type TopicOperation = keyof typeof NUMBERS;

const OPERATIONS = Object.keys(NUMBERS) as TopicOperation[];

export interface AllowedAnswer {
  /** Milliseconds for which the broker wants to be left alone (KIP-219); kafkajs's connection obeys it. */
  readonly clientSideThrottleTime: number;
  readonly topics: readonly { readonly topic: string; readonly errorCode: number; readonly bits: number }[];
}

const METADATA_API_KEY = 3;
/** What a broker answers that was not asked, or does not know of the question. */
const NOT_TOLD = -(2 ** 31);

/** The question about these topics; none means none. */
export function allowedCall(topics: readonly string[]): Call<AllowedAnswer> {
  const request = {
    apiKey: METADATA_API_KEY,
    apiVersion: 8,
    apiName: 'Metadata',
    encode: async () => ({ buffer: encode(topics) }),
  };
  return { request, decode: async (payload) => decodeAllowed(payload), waitMs: 0 };
}

/** The operations behind a topic's bits; null = the broker did not tell. Who may see a topic at all may describe it. */
export function operationsOf(bits: number): ReadonlySet<TopicOperation> | null {
  const allowed = new Set(OPERATIONS.filter((name) => ((bits >> NUMBERS[name]) & 1) === 1));
  return bits === NOT_TOLD || !allowed.has('DESCRIBE') ? null : allowed;
}

function encode(topics: readonly string[]): Buffer {
  const parts: Buffer[] = [int32(topics.length)];
  for (const topic of topics) {
    const name = Buffer.from(topic);
    const length = Buffer.alloc(2);
    length.writeInt16BE(name.length);
    parts.push(length, name);
  }
  // No topic is made by asking; the rights on the cluster are not asked for, those on the topics are.
  return Buffer.concat([...parts, Buffer.from([0, 0, 1])]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** @throws RangeError if the payload is shorter than it says */
export function decodeAllowed(payload: Buffer): AllowedAnswer {
  const reader = new Reader(payload);
  const clientSideThrottleTime = reader.int32();
  reader.each(() => {
    reader.skip(4); // node id
    reader.text();
    reader.skip(4); // port
    reader.text(); // rack
  });
  reader.text(); // cluster id
  reader.skip(4); // controller
  const topics: { topic: string; errorCode: number; bits: number }[] = [];
  reader.each(() => {
    const errorCode = reader.int16();
    const topic = reader.text();
    reader.skip(1); // internal or not
    reader.each(() => {
      reader.skip(2 + 4 + 4 + 4); // error, index, leader, epoch
      for (let list = 0; list < 3; list++) reader.each(() => reader.skip(4)); // replicas: all, in sync, offline
    });
    topics.push({ topic, errorCode, bits: reader.int32() });
  });
  return { clientSideThrottleTime, topics };
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    const value = this.#bytes.readInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  int32(): number {
    const value = this.#bytes.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** A text, or '' for none. */
  text(): string {
    const length = Math.max(0, this.int16());
    const start = this.#at;
    this.skip(length);
    return this.#bytes.toString('utf8', start, this.#at);
  }

  skip(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw new RangeError('the answer is shorter than it says');
  }

  each(read: () => void): void {
    for (let left = this.int32(); left > 0; left--) read();
  }
}
