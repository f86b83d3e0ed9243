/**
 * Single HTTP exchanges, each ended by its deadline at the latest. It promises: no redirect is followed, nothing is
 * decompressed, at most 16 KiB of an answer are read, and connect, headers and body together end in time. One sweep serves all
 * deadlines: a timer per request costs a third of a whole request. It speaks to undici's dispatcher directly, the layer below
 * `request()`: an answer's body is counted, and kept only for who asks, so there is no stream to pay for.
 */
import type { Dispatcher } from 'undici';
import type { AttemptResult } from '../core/attempt.ts';
import { type Clock, type Deadline, leftMs, momentOf } from '../lib/clock.ts';
import { ADDRESS_REFUSED, type Connection, type Connections, NAME_FAILED } from './connections.ts';

/** How much of an answer is read before the connection is closed, in bytes. */
export const ANSWER_BYTES_MAX = 16 * 1024;
/** How late a deadline may be noticed, in ms. */
export const SWEEP_MS = 50;

export interface Order {
  readonly message: Dispatcher.DispatchOptions;
  readonly deadline: Deadline;
  /** Gets the answer's body part by part, ANSWER_BYTES_MAX at most; absent = nobody wants it. */
  readonly onBody?: (part: Buffer) => void;
  /** Asked when a socket is there and the request is about to go out; false = `withheld`. Absent = it may. */
  readonly permitted?: () => boolean;
}

type End = AttemptResult | 'socket-was-dead';

/** All exchanges under way. */
export class Flights {
  readonly #clock: Clock;
  readonly #flying = new Set<Flight>();
  #stopSweep: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Makes one exchange. A reused socket that dies before the first byte of the answer is no failure of the receiver (it had
   * closed the idle connection): the request goes out once more, on a fresh socket, within the same deadline. That repeats a
   * request that may have arrived, which delivery at least once allows. Never rejects.
   */
  async make(connections: Connections, order: Order): Promise<AttemptResult> {
    const first = await this.#fly(connections, connections.take(), order);
    if (first !== 'socket-was-dead') return first;
    const second = await this.#fly(connections, connections.fresh(), order);
    if (second === 'socket-was-dead') return { kind: 'network', code: 'UND_ERR_SOCKET' };
    // The first may have arrived, so it must not be said that nothing was sent.
    return second.kind === 'withheld' ? { kind: 'unheard' } : second;
  }

  /** Watches no deadline any more: every connection has been closed. */
  stop(): void {
    this.#stopSweep?.();
    this.#stopSweep = null;
  }

  #fly(connections: Connections, connection: Connection, order: Order): Promise<End> {
    return new Promise((resolve) => {
      const flight = new Flight(connections, connection, order, (end) => {
        this.#flying.delete(flight);
        resolve(end);
      });
      this.#flying.add(flight);
      this.#stopSweep ??= this.#clock.after(SWEEP_MS, this.#sweep);
      flight.start();
    });
  }

  readonly #sweep = (): void => {
    this.#stopSweep = null;
    const now = momentOf(this.#clock);
    for (const flight of this.#flying) if (leftMs(flight.deadline, now) === 0) flight.expire();
    if (this.#flying.size > 0) this.#stopSweep = this.#clock.after(SWEEP_MS, this.#sweep);
  };
}

/** One request on one connection, as undici's handler. Ends exactly once. */
class Flight implements Dispatcher.DispatchHandler {
  readonly #connections: Connections;
  readonly #connection: Connection;
  readonly #order: Order;
  readonly #reused: boolean;
  readonly #end: (end: End) => void;
  #answer: AttemptResult | null = null;
  #bytes = 0;
  #ended = false;

  constructor(connections: Connections, connection: Connection, order: Order, end: (end: End) => void) {
    this.#connections = connections;
    this.#connection = connection;
    this.#order = order;
    this.#reused = connection.answered > 0;
    this.#end = end;
  }

  get deadline(): Deadline {
    return this.#order.deadline;
  }

  start(): void {
    try {
      this.#connection.client.dispatch(this.#order.message, this);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The deadline has passed. A status that came in time stands: only its body was late. */
  expire(): void {
    this.#settle(this.#answer ?? { kind: 'timeout' }, false);
  }

  /** The socket is there; nothing has been written. (undici takes a handler for the present interface only with this one.) */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#order.permitted?.() !== false) return;
    this.#settle({ kind: 'withheld' }, false);
    controller.abort(new Error('withheld'));
  }

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
    if (this.#ended) return;
    const room = ANSWER_BYTES_MAX - this.#bytes;
    this.#bytes += chunk.length;
    this.#order.onBody?.(Buffer.from(chunk.subarray(0, room)));
    if (this.#bytes > ANSWER_BYTES_MAX && this.#answer) this.#settle(this.#answer, false);
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

  #settle(end: End, reusable: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    if (reusable) this.#connections.giveBack(this.#connection);
    else this.#connections.discard(this.#connection);
    this.#end(end);
  }
}

const DEAD_SOCKET: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'UND_ERR_INFO']);
const TLS =
  /^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_|INVALID_(CA|PURPOSE)|CRL_|PATH_LENGTH)/;

/** Classifies an error by its code alone: texts may hold addresses or worse. Total: anything unknown is `network`. */
export function failureOf(error: unknown): AttemptResult {
  const code = codeOf(error);
  if (code === ADDRESS_REFUSED) return { kind: 'address', code: 'refused' };
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return { kind: 'timeout' };
  if (code === NAME_FAILED) return { kind: 'dns', code: String((error as { reason?: unknown }).reason) };
  return TLS.test(code) ? { kind: 'tls', code } : { kind: 'network', code };
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.name : 'UNKNOWN';
}
