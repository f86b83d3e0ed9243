/**
 * The receivers, and the way to them: an HTTP edge in virtual time whose requests take their time, are answered by the mood that
 * their receiver is in, and are all written down in a ledger. Its Post behaves as the real one does (post.ts, flights.ts): leave is
 * asked for when the connection is there, the deadline counts from the call, and it never rejects. What a process has sent arrives
 * though it dies or stands still; a receiver that is not done at the sender's deadline lets the request be.
 */
import type { AttemptResult } from '../../src/core/attempt.ts';
import type { Endpoint } from '../../src/delivery/endpoint.ts';
import type { Post, PostRequest } from '../../src/delivery/post.ts';
import { webhookId } from '../../src/delivery/request-headers.ts';
import type { Chance } from './chance.ts';
import type { SimProcess } from './sim-process.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

export const MOODS = [
  'well',
  'slow',
  'failing',
  'resetting',
  'hung',
  'down',
  'limiting',
  'unauthorized',
  'refusing',
  'gone',
] as const;
export type Mood = (typeof MOODS)[number];

/** One request as its receiver saw it. */
export interface Exchange {
  readonly endpoint: Endpoint;
  readonly leadId: string;
  readonly revision: number;
  readonly webhookId: string;
  readonly attempt: number;
  readonly process: SimProcess;
  /** The life of the task that sent it. */
  readonly life: number;
  /** Since when the process had not stood still when the attempt began, ms; 0 = it never did. */
  readonly awakeSince: number;
  /** When the attempt began and the request left, ms. */
  readonly begunAt: number;
  readonly arrivedAt: number;
  /** When the receiver was done with it, or let it be, ms. */
  endsAt: number;
  /** The receiver took it: its answer was a 2xx, whether it came through or not. */
  accepted: boolean;
  /** When the sender learnt the answer, ms; null = never. */
  heardAt: number | null;
  /** Until when the answer asked for a pause, ms, by the sender's clock when it heard; 0 = it did not. */
  pauseUntil: number;
}

export interface ReceiverSettings {
  /** Mean milliseconds of a receiver that is well. */
  readonly latencyMs: number;
  /** Mean milliseconds between two moods of a receiver; infinite = always well. */
  readonly moodMs: number;
  /** What a receiver's mood may be besides well. */
  readonly moods: readonly Mood[];
  /** Milliseconds of one way, and at most for a connection. */
  readonly wayMs: number;
  readonly connectMs: number;
}

type Attempt = Pick<Exchange, 'process' | 'life' | 'begunAt' | 'awakeSince' | 'endpoint'> & {
  readonly request: PostRequest;
};

/** Ends an attempt; false = it is over already. */
type End = (result: AttemptResult) => boolean;

interface Reaction {
  readonly afterMs: number;
  /** null = no answer comes. */
  readonly status: number | null;
  readonly retryAfter?: string;
  /** The connection is reset then, before or after the request was taken. */
  readonly reset?: 'before' | 'after';
}

const FOREVER_MS = 1e9;
const QUICK_MS = 5;

export class Receivers {
  /** In the order of arrival. */
  readonly ledger: Exchange[] = [];
  readonly #deps: { timeline: Timeline; chance: Chance; trace: Trace };
  readonly #settings: ReceiverSettings;
  readonly #moods = new Map<string, Mood>();
  #stormy = true;

  constructor(
    deps: { timeline: Timeline; chance: Chance; trace: Trace },
    endpoints: readonly Endpoint[],
    settings: ReceiverSettings,
  ) {
    this.#deps = deps;
    this.#settings = settings;
    for (const { id } of endpoints) this.#changeMood(id);
  }

  /** From now on every receiver is well and quick. */
  calm(): void {
    this.#stormy = false;
    this.#moods.clear();
  }

  /** The Post of one life of a task. */
  post(process: SimProcess, life: number): Post {
    return (endpoint, request) =>
      new Promise<AttemptResult>((resolve) => {
        const begun = { begunAt: process.clock.now(), awakeSince: process.thawedAt };
        this.#attempt({ process, life, ...begun, endpoint, request }, resolve);
      });
  }

  #changeMood(id: string): void {
    const { timeline, chance, trace } = this.#deps;
    const { moodMs, moods } = this.#settings;
    if (!Number.isFinite(moodMs) || moods.length === 0) return;
    timeline.after(chance.between(0, 2 * moodMs), () => {
      if (!this.#stormy) return;
      const mood = chance.happens(0.4) ? 'well' : chance.pick(moods);
      this.#moods.set(id, mood);
      trace.note(`receiver ${id} is ${mood}`);
      this.#changeMood(id);
    });
  }

  #attempt(attempt: Attempt, resolve: (result: AttemptResult) => void): void {
    const { process, endpoint, request } = attempt;
    const { timeline, chance } = this.#deps;
    const { timeoutMs } = endpoint.limits;
    let isOver = false;
    const end: End = (result) => {
      if (isOver) return false;
      isOver = true;
      cancel();
      resolve(result);
      return true;
    };
    const cancel = process.clock.after(timeoutMs, () => void end({ kind: 'timeout' }));
    timeline.after(chance.between(0, this.#settings.connectMs), () =>
      process.enter(() => {
        if (isOver) return;
        if (this.#moodOf(endpoint) === 'down') {
          end({ kind: 'network', code: 'ECONNREFUSED' });
        } else if (request.permitted?.() === false) {
          this.#deps.trace.sometimes('deliver: an attempt is withheld');
          end({ kind: 'withheld' });
        } else {
          timeline.after(this.#way(), () => this.#arrive(attempt, end));
        }
      }),
    );
  }

  #arrive(attempt: Attempt, end: End): void {
    const { request, ...own } = attempt;
    const { endpoint, process, begunAt } = own;
    const { timeline, trace } = this.#deps;
    const { leadId, revision } = request;
    const now = timeline.now();
    const deadline = begunAt + endpoint.limits.timeoutMs;
    if (now >= deadline) return;
    const reaction = this.#reaction(endpoint);
    const doneAt = now + Math.round(reaction.afterMs);
    const exchange: Exchange = {
      ...{ ...own, leadId, revision, attempt: request.attempt },
      webhookId: webhookId(endpoint, request),
      arrivedAt: now,
      endsAt: Math.min(doneAt, deadline),
      accepted: false,
      heardAt: null,
      pauseUntil: 0,
    };
    this.ledger.push(exchange);
    const name = `${endpoint.id} ${leadId} r${revision} #${request.attempt}`;
    trace.note(`${process.name} POST ${name}: ${reaction.status ?? 'nothing'} ${reaction.reset ?? ''}`);
    if (doneAt >= deadline) trace.sometimes('receiver: not done in time');
    else timeline.after(doneAt - now, () => this.#answer(exchange, reaction, end));
  }

  #answer(exchange: Exchange, reaction: Reaction, end: End): void {
    const { timeline, trace } = this.#deps;
    const { status, reset, retryAfter = null } = reaction;
    const { process } = exchange;
    exchange.accepted = status !== null && status < 300 && reset !== 'before';
    if (reset !== undefined) trace.sometimes(`receiver: resets ${reset} taking it`);
    timeline.after(this.#way(), () =>
      process.enter(() => {
        const isLost = reset !== undefined || status === null;
        const result: AttemptResult = isLost
          ? { kind: 'network', code: 'ECONNRESET' }
          : { kind: 'answer', status, retryAfter };
        if (!end(result) || isLost) return;
        exchange.heardAt = timeline.now();
        trace.sometimes(`receiver: ${status}`);
        if (retryAfter === null) return;
        exchange.pauseUntil = timeline.now() + Number(retryAfter) * 1000;
        trace.sometimes(`receiver: ${status} with Retry-After`);
      }),
    );
  }

  #way(): number {
    return this.#deps.chance.between(0, 2 * this.#settings.wayMs);
  }

  #moodOf({ id }: Endpoint): Mood {
    return this.#moods.get(id) ?? 'well';
  }

  #reaction(endpoint: Endpoint): Reaction {
    const { chance } = this.#deps;
    const afterMs = chance.between(0, 2 * (this.#stormy ? this.#settings.latencyMs : QUICK_MS));
    const { timeoutMs } = endpoint.limits;
    switch (this.#moodOf(endpoint)) {
      case 'slow':
        return { afterMs: chance.between(0.3, 1.05) * timeoutMs, status: 200 };
      case 'failing':
        return { afterMs, status: chance.pick([500, 500, 502, 200]) };
      case 'resetting':
        return chance.happens(0.3)
          ? { afterMs, status: 200 }
          : { afterMs, status: 200, reset: chance.pick(['before', 'after']) };
      case 'hung':
        return { afterMs: FOREVER_MS, status: null };
      case 'limiting':
        return { afterMs, status: chance.pick([429, 503]), retryAfter: String(1 + chance.below(6)) };
      case 'unauthorized':
        return { afterMs, status: chance.pick([401, 403]) };
      case 'refusing':
        return { afterMs, status: chance.pick([404, 422, 200]) };
      case 'gone':
        return { afterMs, status: 410 };
      default:
        return { afterMs, status: chance.pick([200, 204]) };
    }
  }
}
