/**
 * The keep-alive connections of one endpoint: one undici Client per connection, the one used last first, never more than
 * were in use at once. An own pool because the edge must know whether a request goes out on a socket that has served before
 * (it may have been closed by the other side a moment ago) and must be able to kill exactly that socket.
 */
import { Client } from 'undici';
import { type Endpoint, tlsOptions } from './endpoint.ts';

/** A connection in use by at most one request. */
export interface Connection {
  readonly client: Client;
  /** Answers received on the present socket; 0 = it is fresh or not open yet. */
  answered: number;
}

/** Idle sockets are closed by us before most receivers do it (they wait 5 s or longer). */
const KEEP_ALIVE_MS = 4000;

/** The endpoint's idle and busy connections. Who takes one gives it back or discards it. */
export class Connections {
  readonly #origin: string;
  readonly #options: Client.Options;
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();

  /** Opens nothing yet. */
  constructor(endpoint: Endpoint) {
    this.#origin = endpoint.url.origin;
    this.#options = {
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { ...tlsOptions(endpoint.tls), timeout: endpoint.limits.timeoutMs },
    };
  }

  /** The connection used last that is idle, else a new one. */
  take(): Connection {
    return this.#idle.pop() ?? this.fresh();
  }

  /** A connection that has no socket yet. */
  fresh(): Connection {
    const connection: Connection = { client: new Client(this.#origin, this.#options), answered: 0 };
    connection.client.on('disconnect', () => {
      connection.answered = 0;
    });
    this.#all.add(connection);
    return connection;
  }

  /** Gives a connection back whose request has ended. */
  giveBack(connection: Connection): void {
    if (this.#all.has(connection)) this.#idle.push(connection);
  }

  /** Kills a connection and its socket; a request on it ends with an error at once. */
  discard(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    connection.client.destroy(null).catch(() => undefined);
  }

  /** Kills all connections. */
  close(): void {
    for (const connection of [...this.#all]) this.discard(connection);
    this.#idle.length = 0;
  }
}
