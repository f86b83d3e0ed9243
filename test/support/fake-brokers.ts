/**
 * Brokers at the level of the wire: they read the bytes of Metadata and Fetch and answer with bytes, and each test says when
 * and how. So the fetch loop is tested with leaders that move, sockets that break and answers that come late, without time.
 */
import type { Kafka } from 'kafkajs';
import { recordBatch } from './record-batches.ts';

export interface FetchAsked {
  /** `host:port` of the broker. */
  readonly broker: string;
  /** Which of the broker's connections, by the order of their making: 1, 2 … */
  readonly connection: number;
  /** `topic/partition@offset`, in the order of the request. */
  readonly wanted: readonly string[];
  readonly maxWaitMs: number;
  /** Answers; partitions that are not named have nothing new. */
  answer(partitions?: readonly FakePartition[]): Promise<void>;
  /** Breaks the connection. */
  fail(): Promise<void>;
}

export interface FakePartition {
  readonly at: string;
  readonly errorCode?: number;
  /** Values of records from the offset that was asked for. */
  readonly values?: readonly string[];
}

interface Encodes {
  readonly apiName: string;
  encode(): Promise<{ readonly buffer: Buffer }>;
}

type Sent = { request: Encodes; response: { decode(payload: Buffer): Promise<unknown> } };

const disconnected = (): Error => Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError' });

export class FakeBrokers {
  /** Partition → `host:port` of its leader. A topic of none of them does not exist. */
  readonly leaders = new Map<string, string>();
  /** Topic → error code in its metadata. */
  readonly topicErrors = new Map<string, number>();
  /** `topic/partition` → its ends: earliest, last stable, high watermark. */
  readonly ends = new Map<string, readonly [number, number, number]>();
  metadataRequests = 0;
  /** Error codes that the next ListOffsets requests answer with. */
  readonly offsetErrors: number[] = [];
  /** Metadata requests that fail before one succeeds. */
  metadataFailures = 0;
  #connections = new Map<string, number>();
  readonly #asked: FetchAsked[] = [];
  readonly #waiting: ((asked: FetchAsked) => void)[] = [];

  /** What a Fetcher takes. */
  get kafka(): Kafka {
    const cluster = {
      connectionPoolBuilder: {
        build: async (address?: { host: string; port: number }) => address ?? { host: 'seed', port: 9 },
      },
      brokerPool: {
        createBroker: ({ connectionPool }: { connectionPool: { host: string; port: number } }) =>
          this.#broker(`${connectionPool.host}:${connectionPool.port}`),
      },
    };
    const fake = { logger: () => ({}), [Symbol('private:Kafka:createCluster')]: () => cluster };
    return fake as unknown as Kafka;
  }

  /** The next Fetch that a broker gets. */
  fetch(): Promise<FetchAsked> {
    const asked = this.#asked.shift();
    return asked === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(asked);
  }

  /** Fetches that came and were not taken by `fetch`. */
  get unanswered(): number {
    return this.#asked.length;
  }

  #broker(address: string) {
    const connection = (this.#connections.get(address) ?? 0) + 1;
    this.#connections.set(address, connection);
    let rejectAll: (error: Error) => void = () => undefined;
    const broken = new Promise<never>((_, reject) => {
      rejectAll = reject;
    });
    broken.catch(() => undefined);
    const socket = {
      isConnected: () => true,
      disconnect: async () => true,
      rejectRequests: (error: Error) => rejectAll(error),
      send: ({ request, response }: Sent) =>
        Promise.race([broken, this.#respond({ broker: address, connection }, request, response.decode)]),
    };
    const [host = '', port = '0'] = address.split(':');
    return {
      isConnected: () => true,
      connect: async () => undefined,
      connectionPool: { host, port: Number(port), pool: [socket] },
    };
  }

  async #respond(
    by: { broker: string; connection: number },
    request: Encodes,
    decode: (payload: Buffer) => Promise<unknown>,
  ): Promise<unknown> {
    const { buffer } = await request.encode();
    if (request.apiName === 'Metadata') return this.#metadata(by.broker, buffer);
    if (request.apiName === 'ListOffsets') return this.#listOffsets(buffer);
    return new Promise((resolve, reject) => {
      const { maxWaitMs, wanted } = readFetch(buffer);
      const asked: FetchAsked = {
        ...by,
        wanted,
        maxWaitMs,
        answer: async (partitions = []) => {
          await decode(fetchPayload(wanted, partitions)).then(resolve, reject);
          await settled();
        },
        fail: async () => {
          reject(disconnected());
          await settled();
        },
      };
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#asked.push(asked);
      else waiting(asked);
    });
  }

  /** Where metadata were asked for, in order. */
  readonly metadataFrom: string[] = [];

  #listOffsets(request: Buffer): unknown {
    const isolation = request.readInt8(4);
    const length = request.readInt16BE(9);
    const topic = request.toString('utf8', 11, 11 + length);
    const count = request.readInt32BE(11 + length);
    const errorCode = this.offsetErrors.shift() ?? 0;
    const partitions = Array.from({ length: count }, (_, place) => {
      const at = 15 + length + 12 * place;
      const partition = request.readInt32BE(at);
      const [earliest = 0, stable = 0, high = 0] = this.ends.get(`${topic}/${partition}`) ?? [];
      const offset = request.readBigInt64BE(at + 4) === -2n ? earliest : isolation === 1 ? stable : high;
      return { partition, errorCode, offset: String(offset) };
    });
    return { clientSideThrottleTime: 0, responses: [{ topic, partitions }] };
  }

  #metadata(from: string, request: Buffer): unknown {
    this.metadataRequests++;
    this.metadataFrom.push(from);
    if (this.metadataFailures > 0) {
      this.metadataFailures--;
      throw disconnected();
    }
    const nodes = [...new Set(this.leaders.values())];
    const brokers = nodes.map((address, nodeId) => {
      const [host = '', port = '0'] = address.split(':');
      return { nodeId, host, port: Number(port) };
    });
    const topicMetadata = readTopics(request).map((topic) => {
      const partitions = [...this.leaders].filter(([key]) => key.startsWith(`${topic}/`));
      return {
        topic,
        topicErrorCode: this.topicErrors.get(topic) ?? (partitions.length === 0 ? 3 : 0),
        partitionMetadata: partitions.map(([key, address]) => ({
          partitionId: Number(key.slice(topic.length + 1)),
          leader: nodes.indexOf(address),
        })),
      };
    });
    return { clientSideThrottleTime: 0, brokers, topicMetadata };
  }
}

/** Lets everything that is ready run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function readTopics(buffer: Buffer): string[] {
  const topics: string[] = [];
  let at = 4;
  for (let left = buffer.readInt32BE(0); left > 0; left--) {
    const length = buffer.readInt16BE(at);
    topics.push(buffer.toString('utf8', at + 2, at + 2 + length));
    at += 2 + length;
  }
  return topics;
}

function readFetch(buffer: Buffer): { maxWaitMs: number; wanted: string[] } {
  const wanted: string[] = [];
  let at = 29;
  for (let topics = buffer.readInt32BE(25); topics > 0; topics--) {
    const length = buffer.readInt16BE(at);
    const topic = buffer.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    const partitions = buffer.readInt32BE(at);
    at += 4;
    for (let p = 0; p < partitions; p++, at += 28) {
      wanted.push(`${topic}/${buffer.readInt32BE(at)}@${buffer.readBigInt64BE(at + 8)}`);
    }
  }
  return { maxWaitMs: buffer.readInt32BE(4), wanted };
}

function fetchPayload(wanted: readonly string[], partitions: readonly FakePartition[]): Buffer {
  const parts = wanted.map((want) => {
    const [at = '', offset = '0'] = want.split('@');
    const [topic = '', partition = '0'] = at.split('/');
    const { errorCode = 0, values = [] } = partitions.find((p) => p.at === at) ?? { at };
    const records = values.map((value, delta) => ({ delta, value }));
    const lastOffsetDelta = values.length - 1;
    const bytes =
      values.length === 0 ? Buffer.alloc(0) : recordBatch({ baseOffset: Number(offset), lastOffsetDelta, records });
    const end = BigInt(Number(offset) + values.length);
    const head = Buffer.alloc(38);
    head.writeInt32BE(Number(partition), 0);
    head.writeInt16BE(errorCode, 4);
    head.writeBigInt64BE(end, 6);
    head.writeBigInt64BE(end, 14);
    head.writeInt32BE(-1, 34);
    const name = Buffer.alloc(2 + topic.length + 4);
    name.writeInt16BE(topic.length, 0);
    name.write(topic, 2);
    name.writeInt32BE(1, 2 + topic.length);
    const size = Buffer.alloc(4);
    size.writeInt32BE(bytes.length, 0);
    return Buffer.concat([name, head, size, bytes]);
  });
  const head = Buffer.alloc(14);
  head.writeInt32BE(parts.length, 10);
  return Buffer.concat([head, ...parts]);
}
