/**
 * What becomes of a connection whose login fails, or lasts only so long (KIP-368). Three faults of the client are mended:
 *
 * - A login that fails ends its connection. The client keeps it, though the exchange has begun there: when it tries again, the broker answers
 *   that this is out of turn, and a token endpoint that was away for a moment looks like a wrong login.
 * - A session that is not renewed ends its connection alone. Brokers refuse to renew it for another principal than the one that opened the
 *   connection. Roles of AWS get a new name with each renewal of their credentials, so that this is nobody's fault. To the client it is a
 *   wrong login, which ends the process. Here it is a connection that was closed: the next request opens a new one, and if the login is
 *   wrong indeed, that says so.
 * - A short session is renewed after half of its time. The client renews ten seconds before the end, so a session that is not longer than that
 *   would be renewed with each request, and brokers take a second renewal within a second for one that is out of turn.
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
  /** Milliseconds in decimal digits; `0` = for ever. Known after the login. */
  sessionLifetime: string;
}

/** What is looked at of an error; `code` and `noToken` are those of failures of our own (bearer-login.ts). */
interface Thrown {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
  readonly noToken?: unknown;
}

/** How long before the end of a session the client renews it, ms. */
const RENEWED_BEFORE_MS = 10_000;
/** Brokers want a second between the renewals of a connection, ms. */
const RENEWAL_MS_MIN = 1_100;

/** Makes the replacement of `SASLAuthenticator.authenticate` from the client's own. */
export function mindingItsSession(authenticate: AnyFunction): (this: Authenticator) => Promise<void> {
  return async function authenticateOrLeave() {
    const renews = this.connection.authenticatedAt !== null;
    try {
      await authenticate.call(this);
    } catch (error) {
      const closed = await end(this.connection);
      throw renews && isRefusal(error) ? closed : error;
    }
    this.sessionLifetime = lifetimeFor(this.sessionLifetime);
  };
}

/** The lifetime to tell the client, so that it renews in time and not too soon. */
function lifetimeFor(lifetime: string): string {
  const ms = Number(lifetime);
  if (ms === 0 || ms > 2 * RENEWED_BEFORE_MS) return lifetime;
  return String(RENEWED_BEFORE_MS + Math.max(Math.round(ms / 2), RENEWAL_MS_MIN));
}

function isRefusal(error: unknown): boolean {
  const { name, type, code, noToken } = (error ?? {}) as Thrown;
  if (name === 'KafkaJSSASLAuthenticationError' || type === 'ILLEGAL_SASL_STATE') return true;
  return code === 'authentication' && noToken !== true;
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
