/**
 * A session that cannot be renewed ends its connection and nothing else. Brokers limit how long a login lasts (KIP-368), and refuse to
 * renew it for another principal than the one that opened the connection. Roles of AWS get a new name with each renewal of their
 * credentials, so that this is no fault of anybody. The client reports the refusal as a wrong login, which ends the process. Here the
 * connection is closed as if the broker had done so: the next request opens a new one, and if the login is wrong indeed, that says so.
 */
import { type AnyFunction, internal } from './internals.ts';

interface Connection {
  readonly host: string;
  readonly port: number;
  /** null = not logged in so far. */
  readonly authenticatedAt: unknown;
  readonly socket?: { destroy(): void };
  rejectRequests(error: Error): void;
  disconnect(): Promise<unknown>;
}

interface Authenticator {
  readonly connection: Connection;
}

/** The broker's word; `code` is that of a KafkaFailure, for logins of our own (bearer-login.ts). */
interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly noToken?: unknown;
}

/** Makes the replacement of `SASLAuthenticator.authenticate` from the client's own. */
export function leavingWhenRefused(authenticate: AnyFunction): (this: Authenticator) => Promise<void> {
  return async function authenticateOrLeave() {
    const renews = this.connection.authenticatedAt !== null;
    try {
      await authenticate.call(this);
    } catch (error) {
      if (!renews || !isRefusal(error)) throw error;
      throw await closed(this.connection);
    }
  };
}

function isRefusal(error: unknown): boolean {
  const { name, code, noToken } = (error ?? {}) as Thrown;
  return name === 'KafkaJSSASLAuthenticationError' || (code === 'authentication' && noToken !== true);
}

async function closed(connection: Connection): Promise<Error> {
  const { KafkaJSConnectionClosedError } = internal('errors') as {
    KafkaJSConnectionClosedError: new (message: string, at: { host: string; port: number }) => Error;
  };
  const { host, port, socket } = connection;
  const error = new KafkaJSConnectionClosedError('The session could not be renewed', { host, port });
  connection.rejectRequests(error);
  await connection.disconnect();
  // Without it the broker's own end of the socket would be taken for the end of the next one.
  socket?.destroy();
  return error;
}
