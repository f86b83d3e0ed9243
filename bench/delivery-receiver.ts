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
  /** Everybody gets a 503. */
  readonly outage: boolean;
}

/** What came. */
export interface Report {
  readonly requests: number;
  readonly accepted: number;
  readonly olderAfterNewer: number;
  readonly overlapping: number;
  readonly duplicates: number;
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
  readonly highest = new Map<string, number>();
  readonly latencies: Record<string, number[]> = {};
}

async function receive(): Promise<void> {
  const receiver = new Receiver();
  let book = new Book();
  let behaviour: Behaviour = { latencyMs: 0, failOneIn: 0, hung: [], outage: false };
  receiver.answer = ({ path }) => {
    book.requests += 1;
    receiver.received.length = 0;
    if (behaviour.hung.includes(path)) return null;
    const { latencyMs: delayMs, failOneIn, outage } = behaviour;
    if (outage) return { status: 503, delayMs };
    return { status: failOneIn > 0 && book.requests % failOneIn === 0 ? 500 : 204, delayMs };
  };
  receiver.onAnswered = ({ path, leadId, revision, status, attempt, body }) => {
    if (status !== 204) return;
    book.accepted += 1;
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
    const { requests, accepted, latencies } = book;
    const report = { ...receiver.ledger, requests, accepted, latencies, highest: [...book.highest] };
    process.send?.('report' in order ? report : 'done');
  });
  process.send?.(await receiver.listen());
}

if (process.argv[2] === 'receive') await receive();
