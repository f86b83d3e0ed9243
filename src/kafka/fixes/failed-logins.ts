/**
 * A login that fails ends its connection. The client keeps the connection, on which the exchange has begun: when it tries again there, the
 * broker answers that this is out of turn, and a token endpoint that was away for a moment looks like a wrong login.
 *
 * And a session that is not renewed ends its connection alone. Brokers limit how long a login lasts (KIP-368), and refuse to renew it for
 * another principal than the one that opened the connection. Roles of AWS get a new name with each renewal of their credentials, so
 * that this is nobody's fault. To the client it is a wrong login, which ends the process. Here it is a connection that was closed: the next
 * request opens a new one, and if the login is wrong indeed, that says so.
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

/** What is looked at of an error; `code` and `noToken` are those of failures of our own (bearer-login.ts). */
interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly noToken?: unknown;
}

/** Makes the replacement of `SASLAuthenticator.authenticate` from the client's own. */
export function endingItsConnection(authenticate: AnyFunction): (this: Authenticator) => Promise<void> {
  return async function authenticateOrLeave() {
    const renews = this.connection.authenticatedAt !== null;
    try {
      await authenticate.call(this);
    } catch (error) {
      const closed = await end(this.connection);
      throw renews && isRefusal(error) ? closed : error;
    }
  };
}

function isRefusal(error: unknown): boolean {
  const { name, code, noToken } = (error ?? {}) as Thrown;
  return name === 'KafkaJSSASLAuthenticationError' || (code === 'authentication' && noToken !== true);
}

async function end(connection: Connection): Promise<Error> {
  const { KafkaJSConnectionClosedError } = internal('errors') as {
    KafkaJSConnectionClosedError: new (message: string, at: { host: string; port: number }) => Error;
  };
  const { host, port, socket } = connection;
  const error = new KafkaJSConnectionClosedError('Closed after a failed login', { host, port });
  connection.rejectRequests(error);
  await connection.disconnect();
  // Without it the broker's own end of this socket would be taken for the end of the next one.
  socket?.destroy();
  return error;
}
