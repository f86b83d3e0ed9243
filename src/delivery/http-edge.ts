/**
 * The one place where bytes leave for a receiver. It makes single attempts and says how each ended; it decides nothing about
 * retries, order or limits. It promises: no redirect is followed, nothing is decompressed, at most 16 KiB of an answer are
 * read, and connect, headers and body together end within the endpoint's timeout. One sweep serves all deadlines: a timer
 * per request costs a third of a whole request. It speaks to undici's dispatcher directly, the layer below `request()`:
 * an answer's body is only counted, so there is no stream to pay for.
 */
import type { Dispatcher } from 'undici';
import type { AttemptResult } from '../core/attempt.ts';
import type { Clock } from '../lib/clock.ts';
import { type Connection, Connections } from './connections.ts';
import type { Endpoint } from './endpoint.ts';
import type { PostRequest } from './post.ts';
import { RequestHeaders } from './request-headers.ts';

/** How much of an answer is read before the connection is closed, in bytes. */
export const ANSWER_BYTES_MAX = 16 * 1024;
/** How late a deadline may be noticed, in ms. */
export const SWEEP_MS = 50;

/** What is kept per endpoint definition. */
interface Channel {
  readonly connections: Connections;
  readonly headers: RequestHeaders;
  readonly path: string;
}

/** Makes attempts over HTTP; `post` is the deliverer's Post. */
export class HttpEdge {
  readonly #clock: Clock;
  readonly #productVersion: string;
  readonly #channels = new Map<Endpoint, Channel>();
  readonly #flying = new Set<Flight>();
  #stopSweep: (() => void) | null = null;
  #closed = false;

  /** @param options.productVersion is sent in `user-agent`. */
  constructor(deps: { clock: Clock }, options: { productVersion: string }) {
    this.#clock = deps.clock;
    this.#productVersion = options.productVersion;
  }

  /**
   * Makes one attempt. A reused socket that dies before the first byte of the answer is no failure of the receiver (it had
   * closed the idle connection): the request goes out once more, on a fresh socket, within the same deadline and count.
   * That repeats a request that may have arrived, which delivery at least once allows. Never rejects.
   */
  readonly post = async (endpoint: Endpoint, request: PostRequest): Promise<AttemptResult> => {
    if (this.#closed) return { kind: 'network', code: 'EDGE_CLOSED' };
    const channel = this.#channel(endpoint);
    const now = this.#clock.now();
    const deadline = now + endpoint.limits.timeoutMs;
    const message: Dispatcher.DispatchOptions = {
      path: channel.path,
      method: 'POST',
      headers: channel.headers.of(request, now),
      body: request.body,
    };
    const first = await this.#fly(channel, channel.connections.take(), { message, deadline });
    if (first !== 'socket-was-dead') return first;
    const second = await this.#fly(channel, channel.connections.fresh(), { message, deadline });
    return second === 'socket-was-dead' ? { kind: 'network', code: 'UND_ERR_SOCKET' } : second;
  };

  /** Closes the connections of endpoints that are no longer defined like this. */
  keepOnly(endpoints: readonly Endpoint[]): void {
    const kept = new Set(endpoints);
    for (const [endpoint, channel] of this.#channels) {
      if (kept.has(endpoint)) continue;
      channel.connections.close();
      this.#channels.delete(endpoint);
    }
  }

  /** Closes every connection; requests under way end with a network failure, and so does every later one. */
  close(): void {
    this.#closed = true;
    this.keepOnly([]);
    this.#stopSweep?.();
    this.#stopSweep = null;
  }

  #channel(endpoint: Endpoint): Channel {
    const known = this.#channels.get(endpoint);
    if (known) return known;
    const channel = {
      connections: new Connections(endpoint),
      headers: new RequestHeaders(endpoint, this.#productVersion),
      path: endpoint.url.pathname + endpoint.url.search,
    };
    this.#channels.set(endpoint, channel);
    return channel;
  }

  #fly(
    channel: Channel,
    connection: Connection,
    order: { message: Dispatcher.DispatchOptions; deadline: number },
  ): Promise<AttemptResult | 'socket-was-dead'> {
    return new Promise((resolve) => {
      const flight = new Flight(channel.connections, connection, order.deadline, (result) => {
        this.#flying.delete(flight);
        resolve(result);
      });
      this.#flying.add(flight);
      this.#stopSweep ??= this.#clock.after(SWEEP_MS, this.#sweep);
      flight.start(order.message);
    });
  }

  readonly #sweep = (): void => {
    this.#stopSweep = null;
    const now = this.#clock.now();
    for (const flight of this.#flying) if (flight.deadline <= now) flight.expire();
    if (this.#flying.size > 0) this.#stopSweep = this.#clock.after(SWEEP_MS, this.#sweep);
  };
}

/** One request on one connection, as undici's handler. Ends exactly once. */
class Flight implements Dispatcher.DispatchHandler {
  readonly deadline: number;
  readonly #connections: Connections;
  readonly #connection: Connection;
  readonly #reused: boolean;
  readonly #end: (result: AttemptResult | 'socket-was-dead') => void;
  #answer: AttemptResult | null = null;
  #bytes = 0;
  #ended = false;

  constructor(
    connections: Connections,
    connection: Connection,
    deadline: number,
    end: (result: AttemptResult | 'socket-was-dead') => void,
  ) {
    this.deadline = deadline;
    this.#connections = connections;
    this.#connection = connection;
    this.#reused = connection.answered > 0;
    this.#end = end;
  }

  start(message: Dispatcher.DispatchOptions): void {
    try {
      this.#connection.client.dispatch(message, this);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The deadline has passed. A status that came in time stands: only its body was late. */
  expire(): void {
    this.#kill(this.#answer ?? { kind: 'timeout' });
  }

  // undici takes a handler for the present interface only if this one is there.
  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#connection.answered += 1;
    const retryAfter = headers['retry-after'];
    this.#answer = {
      kind: 'answer',
      status,
      retryAfter: (Array.isArray(retryAfter) ? retryAfter[0] : retryAfter) ?? null,
    };
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > ANSWER_BYTES_MAX && this.#answer) this.#kill(this.#answer);
  }

  onResponseEnd(): void {
    this.#settle(this.#answer ?? { kind: 'network', code: 'NO_ANSWER' }, true);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }

  #fail(error: unknown): void {
    if (this.#answer) this.#settle(this.#answer, false);
    else if (this.#reused && DEAD_SOCKET.has(codeOf(error))) this.#settle('socket-was-dead', false);
    else this.#settle(failureOf(error), false);
  }

  #kill(result: AttemptResult): void {
    this.#settle(result, false);
  }

  #settle(result: AttemptResult | 'socket-was-dead', reusable: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    if (reusable) this.#connections.giveBack(this.#connection);
    else this.#connections.discard(this.#connection);
    this.#end(result);
  }
}

const DEAD_SOCKET: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'UND_ERR_INFO']);
const DNS = /^(ENOTFOUND|ENODATA|ESERVFAIL|EAI_)/;
const TLS =
  /^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_|INVALID_(CA|PURPOSE)|CRL_|PATH_LENGTH)/;

/** Classifies an error by its code alone: texts may hold addresses or worse. Total: anything unknown is `network`. */
export function failureOf(error: unknown): AttemptResult {
  const code = codeOf(error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return { kind: 'timeout' };
  if (DNS.test(code)) return { kind: 'dns', code };
  return TLS.test(code) ? { kind: 'tls', code } : { kind: 'network', code };
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.name : 'UNKNOWN';
}
