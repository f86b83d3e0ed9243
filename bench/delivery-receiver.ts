/**
 * The receiver of bench/delivery.ts, in a process of its own, so that it costs the sender nothing but the machine: it is forked,
 * told by messages how to behave, and asked for its ledger. Bodies are `{"id":LEAD,"at":MS}`; `at` is when the record was written.
 */
import { fork } from 'node:child_process';
import { Receiver } from '../src/dev/receiver.ts';

/** How to answer. Paths are `/<endpoint>`. */
export interface Behaviour {
  readonly latencyMs: number;
  /** One request in so many gets a 500; 0 = none. */
  readonly failOneIn: number;
  /** Gets no answer at all. */
  readonly hung: readonly string[];
  /** Gets its answer byte by byte, one a second. */
  readonly drip: readonly string[];
  /** Everybody gets a 503. */
  readonly outage: boolean;
  /** From now on everybody gets a 429 for so long, and is asked to come again when it is over; 0 = not. */
  readonly retryAfterSeconds: number;
}

/** How a pause that was asked for was kept. */
export interface Asked {
  /** Requests within a second after the first 429. */
  readonly atOnce: number;
  /** Requests from then to the end of the pause. */
  readonly later: number;
  /** When the first one came after the pause, ms after its end; null = none did. */
  readonly resumedMs: number | null;
}

/** What came. */
export interface Report {
  readonly requests: number;
  readonly accepted: number;
  readonly olderAfterNewer: number;
  readonly overlapping: number;
  readonly duplicates: number;
  /** Accepted again under another webhook-id. */
  readonly renamed: number;
  /** Null = no pause was asked for. */
  readonly asked: Asked | null;
  /** Highest revision accepted of each `path lead`. */
  readonly highest: readonly (readonly [string, number])[];
  /** Ms from the record to the acceptance, of first attempts, by path. */
  readonly latencies: Readonly<Record<string, readonly number[]>>;
}

type Order = { readonly behave: Behaviour } | { readonly report: true } | { readonly reset: true };

/** The receiver's process. */
export class ForkedReceiver implements Disposable {
  readonly #child = fork(import.meta.filename, ['receive']);

  async url(): Promise<string> {
    return (await this.#answer()) as string;
  }

  async behave(behave: Behaviour): Promise<void> {
    await this.#ask({ behave });
  }

  /** Forgets what came. */
  async reset(): Promise<void> {
    await this.#ask({ reset: true });
  }

  async report(): Promise<Report> {
    return (await this.#ask({ report: true })) as Report;
  }

  #ask(order: Order): Promise<unknown> {
    this.#child.send(order);
    return this.#answer();
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve) => this.#child.once('message', resolve));
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}

class Book {
  requests = 0;
  accepted = 0;
  renamed = 0;
  asked: { at: number; atOnce: number; later: number; resumedMs: number | null } | null = null;
  readonly ids = new Map<string, string>();
  readonly highest = new Map<string, number>();
  readonly latencies: Record<string, number[]> = {};
}

/** Counts a request of the pause, which the first one begins; false = the pause is over. */
function isEarly(book: Book, at: number, pauseMs: number): boolean {
  book.asked ??= { at, atOnce: 0, later: 0, resumedMs: null };
  const sinceMs = at - book.asked.at;
  if (sinceMs >= pauseMs) {
    book.asked.resumedMs ??= sinceMs - pauseMs;
    return false;
  }
  if (sinceMs < 1_000) book.asked.atOnce += 1;
  else book.asked.later += 1;
  return true;
}

async function receive(): Promise<void> {
  const receiver = new Receiver();
  let book = new Book();
  let behaviour: Behaviour = { latencyMs: 0, failOneIn: 0, hung: [], drip: [], outage: false, retryAfterSeconds: 0 };
  receiver.answer = ({ path, at }) => {
    book.requests += 1;
    receiver.received.length = 0;
    if (behaviour.hung.includes(path)) return null;
    if (behaviour.drip.includes(path)) return { status: 200, byteEveryMs: 1_000 };
    if (behaviour.retryAfterSeconds > 0 && isEarly(book, at, behaviour.retryAfterSeconds * 1000)) {
      return { status: 429, headers: { 'retry-after': String(behaviour.retryAfterSeconds) } };
    }
    const { latencyMs: delayMs, failOneIn, outage } = behaviour;
    if (outage) return { status: 503, delayMs };
    return { status: failOneIn > 0 && book.requests % failOneIn === 0 ? 500 : 204, delayMs };
  };
  receiver.onAnswered = ({ path, leadId, revision, status, attempt, body, headers }) => {
    if (status !== 204) return;
    book.accepted += 1;
    const id = headers['webhook-id'] ?? '';
    const webhook = `${path} ${leadId} ${revision}`;
    if ((book.ids.get(webhook) ?? id) !== id) book.renamed += 1;
    book.ids.set(webhook, id);
    const pair = `${path} ${leadId}`;
    book.highest.set(pair, Math.max(revision, book.highest.get(pair) ?? 0));
    const at = /"at":(\d+)/.exec(body)?.[1];
    if (attempt > 1 || at === undefined) return;
    book.latencies[path] ??= [];
    book.latencies[path].push(Date.now() - Number(at));
  };
  process.on('message', (order: Order) => {
    if ('behave' in order) behaviour = order.behave;
    if ('reset' in order) book = new Book();
    const { requests, accepted, latencies, renamed, asked } = book;
    const report = { ...receiver.ledger, requests, accepted, renamed, asked, latencies, highest: [...book.highest] };
    process.send?.('report' in order ? report : 'done');
  });
  process.send?.(await receiver.listen());
}

if (process.argv[2] === 'receive') await receive();
