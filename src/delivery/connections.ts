/**
 * The keep-alive connections to one origin: one undici Client per connection, the one used last first, never more than
 * were in use at once. An own pool because the edge must know whether a request goes out on a socket that has served before
 * (it may have been closed by the other side a moment ago) and must be able to kill exactly that socket.
 *
 * Every new socket is guarded: its name is resolved anew, the whole answer is refused if one address in it is, and what was
 * vetted is what is dialled, so a name cannot change its meaning in between. How names are resolved: names.ts.
 */
import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector, Client } from 'undici';
import { AddressGuard, type Refusal } from './address-guard.ts';
import { type Endpoint, tlsOptions } from './endpoint.ts';

/** A connection in use by at most one request. */
export interface Connection {
  readonly client: Client;
  /** Answers received on the present socket; 0 = it is fresh or not open yet. */
  answered: number;
}

export interface ConnectionDeps {
  /** All addresses of a name; rejects with a code. */
  readonly resolve: (name: string) => Promise<readonly LookupAddress[]>;
  /** Told of every address that was refused. */
  readonly onRefused: (address: string, refusal: Refusal) => void;
}

/** `code` of the error that ends a request to an address that is not allowed. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

/** `code` of the error that ends a request whose name was not resolved; its `reason` is the code of the failure. */
export const NAME_FAILED = 'NAME_FAILED';

/** Idle sockets are closed by us before most receivers do it (they wait 5 s or longer). */
const KEEP_ALIVE_MS = 4000;

/** The idle and busy connections to an origin. Who takes one gives it back or discards it. */
export class Connections {
  readonly #origin: string;
  readonly #options: Client.Options;
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  #retired = false;

  /**
   * Opens nothing yet.
   * @param endpoint whose TLS settings, allowed addresses and timeout hold.
   * @param origin of its URL, or of another one that belongs to it.
   */
  constructor(endpoint: Endpoint, origin: string, deps: ConnectionDeps) {
    this.#origin = origin;
    this.#options = {
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: guardedConnector(endpoint, deps),
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
    if (this.#retired) this.discard(connection);
    else if (this.#all.has(connection)) this.#idle.push(connection);
  }

  /** Kills a connection and its socket; a request on it ends with an error at once. */
  discard(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    connection.client.destroy(null).catch(() => undefined);
  }

  /** Whether there is no connection. */
  get empty(): boolean {
    return this.#all.size === 0;
  }

  /** Closes what is idle now, and each other connection when its request has ended: no request is cut off. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#idle.splice(0)) this.discard(connection);
  }

  /** Kills all connections. */
  close(): void {
    for (const connection of [...this.#all]) this.discard(connection);
    this.#idle.length = 0;
  }
}

/** Opens sockets to allowed addresses only. The platform asks `lookup` for names and for nothing else, so literals are judged apart. */
function guardedConnector(endpoint: Endpoint, deps: ConnectionDeps): buildConnector.connector {
  const guard = new AddressGuard(endpoint.allow.addresses);
  const judge = (addresses: readonly string[]): Error | null => {
    for (const address of addresses) {
      const refusal = guard.refusal(address);
      if (refusal === null) continue;
      deps.onRefused(address, refusal);
      return Object.assign(new Error('the address is not allowed'), { code: ADDRESS_REFUSED });
    }
    return null;
  };
  const dial = buildConnector({
    ...tlsOptions(endpoint.tls),
    allowH2: false,
    timeout: endpoint.limits.timeoutMs,
    lookup: guardedLookup(judge, deps.resolve),
  });
  return (options, callback) => {
    const refused = isIP(options.hostname) === 0 ? null : judge([options.hostname]);
    if (refused === null) dial(options, callback);
    else queueMicrotask(() => callback(refused, null));
  };
}

function guardedLookup(
  judge: (addresses: readonly string[]) => Error | null,
  resolve: ConnectionDeps['resolve'],
): LookupFunction {
  return (name, options, callback) => {
    resolve(name)
      .then((found) => {
        const fits = found.filter(({ family }) => !options.family || options.family === family);
        const [first] = fits;
        const refused = judge(found.map(({ address }) => address));
        if (refused !== null) callback(refused, []);
        else if (first === undefined) callback(nameFailed('ENOTFOUND'), []);
        else if (options.all) callback(null, [...fits]);
        else callback(null, first.address, first.family);
      })
      .catch((error: NodeJS.ErrnoException) => callback(nameFailed(error.code ?? 'UNKNOWN'), []));
  };
}

/** Name servers and receivers fail with the same codes (ECONNREFUSED), so the failure of a name is marked. */
function nameFailed(reason: string): NodeJS.ErrnoException {
  return Object.assign(new Error('the name was not resolved'), { code: NAME_FAILED, reason });
}
