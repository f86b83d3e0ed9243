/**
 * Connections to the brokers for reading. A connection is named by broker and lane: a broker answers the requests of one
 * socket one after the other, so what must not wait behind a long poll goes by another lane. A connection is made when it
 * is first used, and thrown away after any failure; whoever sends decides whether to try again. Knows nothing of topics.
 */
import type { Kafka } from 'kafkajs';
import { brokerFactory, type WireBroker, type WireConnection, type WireRequest } from './client-internals.ts';
import { KafkaFailure } from './errors.ts';

/** `live-0`, `live-1`: long polls · `range`: reads of what is there already · `meta`: metadata and offsets. */
export type Lane = 'live-0' | 'live-1' | 'range' | 'meta';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface Call<T> {
  readonly request: WireRequest;
  readonly decode: (payload: Buffer) => Promise<T>;
  /** Milliseconds that the broker itself may take before it answers. */
  readonly waitMs: number;
}

const ANSWER_TIMEOUT_MS = 10_000;

export class BrokerConnections {
  readonly #make: (address?: BrokerAddress) => Promise<WireBroker>;
  readonly #open = new Map<string, Promise<WireBroker>>();
  #closed = false;

  /** @param kafka a client made by `createKafka`; its addresses, TLS, SASL, client id and log are used. */
  constructor(kafka: Kafka) {
    this.#make = brokerFactory(kafka);
  }

  /**
   * Sends one request and returns its decoded answer.
   * @param address the broker; null = any of the bootstrap addresses (each failure moves on to the next)
   * @throws what kafkajs throws when the connection fails, and `KafkaFailure` 'unavailable' after `close`
   */
  async send<T>(address: BrokerAddress | null, lane: Lane, call: Call<T>): Promise<T> {
    if (this.#closed) throw closed();
    const key = `${address === null ? '' : `${address.host}:${address.port}`} ${lane}`;
    const opening = this.#open.get(key) ?? this.#make(address ?? undefined);
    this.#open.set(key, opening);
    try {
      const broker = await opening;
      // Also authenticates, and again when the session's lifetime is over. Holds a lock, so that one socket is made.
      if (!broker.isConnected()) await broker.connect();
      if (this.#closed) throw closed();
      return await connectionOf(broker).send({
        request: call.request,
        response: { decode: call.decode, parse: async (decoded) => decoded },
        requestTimeout: call.waitMs + ANSWER_TIMEOUT_MS,
        logResponseError: false,
      });
    } catch (error) {
      if (this.#open.get(key) === opening) this.#open.delete(key);
      opening.then(end, () => undefined);
      throw error;
    }
  }

  /** Ends every connection at once; what waits for an answer fails. */
  close(): void {
    this.#closed = true;
    for (const opening of this.#open.values()) opening.then(end, () => undefined);
    this.#open.clear();
  }
}

/** kafkajs gives a broker two sockets, the second for Fetch; a lane uses the first alone, whose connecting is locked. */
function connectionOf(broker: WireBroker): WireConnection {
  const connection = broker.connectionPool.pool[0];
  if (connection === undefined) throw new TypeError('kafkajs: a broker without connections');
  return connection;
}

/** Does not wait for outstanding answers, as kafkajs's own disconnect would. */
function end(broker: WireBroker): void {
  const connection = connectionOf(broker);
  connection.rejectRequests(closed());
  connection.disconnect().then(
    () => connection.socket?.destroy(),
    () => connection.socket?.destroy(),
  );
}

const closed = (): KafkaFailure => new KafkaFailure('unavailable', 'the connection was closed');
