/**
 * Between a process and the brokers: every request takes its time each way, some get lost on the way there or back, some
 * arrive late, when nobody waits for them any more. A request that left a process arrives even if the process dies meanwhile.
 */
import type { Chance } from './chance.ts';
import type { SimProcess } from './sim-process.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

export interface NetworkSettings {
  /** Usual milliseconds of one way. */
  readonly wayMs: number;
  readonly lostRequest: number;
  readonly lostAnswer: number;
  readonly lateRequest: number;
}

/** The client's error when no answer came in time. */
export class RequestTimedOut extends Error {
  override name = 'KafkaJSRequestTimeoutError';
}

/** After how long the client gives a request up, ms. */
const GIVE_UP_MS = 1_000;

export class Network {
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #trace: Trace;
  readonly #settings: NetworkSettings;
  /** Faults happen only while this is true. */
  faulty = true;

  constructor(deps: { timeline: Timeline; chance: Chance; trace: Trace }, settings: NetworkSettings) {
    this.#timeline = deps.timeline;
    this.#chance = deps.chance;
    this.#trace = deps.trace;
    this.#settings = settings;
  }

  /** Milliseconds of one way, this time. */
  way(): number {
    const { wayMs } = this.#settings;
    return this.#chance.between(wayMs / 2, wayMs * (this.faulty && this.#chance.happens(0.02) ? 20 : 1.5));
  }

  /** Runs `arrive` when something that leaves now has made one way. */
  later(arrive: () => void): void {
    this.#timeline.after(this.way(), arrive);
  }

  /**
   * Sends a request. `serve` is what the broker does when it arrives: its value or exception is the answer. `what` names it
   * in the trace; only a request that is `losable` gets lost (readers ask again by themselves).
   */
  request<T>(from: SimProcess, what: string, options: { losable: boolean }, serve: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      from.enter(() => {
        const fault = options.losable && this.faulty ? this.#fault() : null;
        if (fault !== null) this.#trace.sometimes(`network: ${fault}, ${what.split(' ', 1)[0]}`);
        const giveUp = (): void => from.enter(() => reject(new RequestTimedOut(`${what}: no answer`)));
        if (fault === 'lost request') return void this.#timeline.after(GIVE_UP_MS, giveUp);
        const lateMs = fault === 'late' ? GIVE_UP_MS + this.#chance.between(0, 400) : 0;
        if (fault !== null) this.#timeline.after(GIVE_UP_MS, giveUp);
        this.#timeline.after(this.way() + lateMs, () => {
          const answer = served(serve);
          const error = 'error' in answer ? `: ${String((answer.error as Error).message)}` : '';
          this.#trace.note(`${from.name} ${fault ?? ''} ${what}${error}`);
          if (fault !== null) return;
          this.#timeline.after(this.way(), () =>
            from.enter(() => ('error' in answer ? reject(answer.error) : resolve(answer.value))),
          );
        });
      });
    });
  }

  #fault(): 'lost request' | 'lost answer' | 'late' | null {
    const { lostRequest, lostAnswer, lateRequest } = this.#settings;
    if (this.#chance.happens(lostRequest)) return 'lost request';
    if (this.#chance.happens(lostAnswer)) return 'lost answer';
    return this.#chance.happens(lateRequest) ? 'late' : null;
  }
}

function served<T>(serve: () => T): { value: T } | { error: unknown } {
  try {
    return { value: serve() };
  } catch (error) {
    return { error };
  }
}
