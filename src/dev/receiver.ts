/**
 * A third party for the demo and the tests: a real HTTP server that keeps what it was sent and answers as it is told to. It
 * counts what a receiver would complain about: a revision that is older than one accepted before, two requests of one lead at
 * once, the same webhook accepted twice.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, pause, systemClock } from '../lib/clock.ts';
import { Watchers } from './watchers.ts';

export interface Received {
  /** When the request was complete, ms since the epoch. */
  readonly at: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** From the body. */
  readonly leadId: string;
  readonly version: string;
  readonly revision: number;
  readonly attempt: number;
  /** The answer it got; 0 = none yet. */
  status: number;
}

/** What to answer; `null` leaves the request without an answer. `byteEveryMs`: byte by byte, from the status line on. */
export type Answer = {
  status: number;
  headers?: Record<string, string>;
  delayMs?: number;
  byteEveryMs?: number;
} | null;

export interface Ledger {
  /** Accepted requests whose revision is lower than one accepted before by the same path for the lead. */
  readonly olderAfterNewer: number;
  /** Requests that came while another one of the same path and lead had no answer. */
  readonly overlapping: number;
  /** Webhooks accepted more than once. */
  readonly duplicates: number;
}

const OK: Answer = { status: 204 };

export class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  /** Decides the answer to each request; default: 204. */
  answer: (request: Received) => Answer = () => OK;
  /** Called after each answer. */
  onAnswered: (request: Received) => void = () => undefined;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #open = new Map<string, number>();
  readonly #accepted = new Map<string, { highest: number; ids: Set<string> }>();
  readonly #watchers = new Watchers();
  #ledger = { olderAfterNewer: 0, overlapping: 0, duplicates: 0 };

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.keepAliveTimeout = 60_000;
  }

  /** Listens; port 0 takes any free one. Returns the base URL. Other hosts reach it only on a `host` beyond loopback. */
  async listen(port = 0, host = '127.0.0.1'): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  get ledger(): Ledger {
    return { ...this.#ledger };
  }

  /** The last accepted request of each lead at a path, by lead id. */
  lastAccepted(path: string): Map<string, Received> {
    const last = new Map<string, Received>();
    for (const one of this.received) {
      if (one.path !== path || one.status < 200 || one.status > 299) continue;
      if ((last.get(one.leadId)?.revision ?? -1) <= one.revision) last.set(one.leadId, one);
    }
    return last;
  }

  /** Resolves when `holds` is true; looked at after every answer. Rejects when `signal` aborts first. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return this.#watchers.until(holds, signal);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await wholeBody(request);
    if (body === null) return;
    const received = this.#read(request, body);
    this.received.push(received);
    const key = `${received.path} ${received.leadId}`;
    const open = this.#open.get(key) ?? 0;
    if (open > 0) this.#ledger.overlapping++;
    this.#open.set(key, open + 1);
    const answer = this.answer(received);
    if (answer !== null) {
      if (answer.delayMs !== undefined) await pause(this.#clock, answer.delayMs);
      if (answer.byteEveryMs === undefined) this.#answer(received, answer, response);
      else if (await dripped(answer, answer.byteEveryMs, { response, clock: this.#clock }))
        this.#note(received, answer);
    }
    this.#open.set(key, (this.#open.get(key) ?? 1) - 1);
    this.onAnswered(received);
    this.#watchers.notify();
  }

  #answer(received: Received, answer: NonNullable<Answer>, response: ServerResponse): void {
    this.#note(received, answer);
    response.writeHead(answer.status, answer.headers ?? {});
    response.end();
  }

  #note(received: Received, { status }: NonNullable<Answer>): void {
    received.status = status;
    if (status >= 200 && status <= 299) this.#accept(received);
  }

  #accept(received: Received): void {
    const key = `${received.path} ${received.leadId}`;
    const known = this.#accepted.get(key) ?? { highest: -1, ids: new Set<string>() };
    const id = received.headers['webhook-id'] ?? '';
    if (known.ids.has(id)) this.#ledger.duplicates++;
    if (received.revision < known.highest) this.#ledger.olderAfterNewer++;
    known.ids.add(id);
    known.highest = Math.max(known.highest, received.revision);
    this.#accepted.set(key, known);
  }

  #read(request: IncomingMessage, body: string): Received {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value);
    return {
      at: this.#clock.now(),
      path: request.url ?? '',
      headers,
      body,
      leadId: /^\{"(?:k":"|id":)(\d+)/.exec(body)?.[1] ?? '',
      version: headers['lead-webhook-version'] ?? '',
      revision: Number(headers['lead-webhook-revision'] ?? -1),
      attempt: Number(headers['lead-webhook-attempt'] ?? 0),
      status: 0,
    };
  }
}

/** Null when the sender went away in the midst of it: such a request was never received. */
async function wholeBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return null;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Writes an answer byte by byte; false = the sender went away before its end. */
async function dripped(
  { status, headers = {} }: NonNullable<Answer>,
  everyMs: number,
  { response, clock }: { response: ServerResponse; clock: Clock },
): Promise<boolean> {
  const { socket } = response;
  const fields = Object.entries({ ...headers, 'content-length': '0' }).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fields.join('')}\r\n`;
  for (const byte of bytes) {
    if (socket === null || socket.destroyed) return false;
    socket.write(byte);
    await pause(clock, everyMs);
  }
  socket?.end();
  return true;
}
