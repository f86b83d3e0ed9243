/**
 * One access token for all who need it, kept in memory alone. However many ask, one request is under way at a time, and a failure is
 * remembered for a moment, so that a token endpoint that is down is not stormed. When to renew is the owner's decision.
 */
import type { AccessToken } from './client-credentials.ts';
import type { Clock } from './clock.ts';

/** How long a failure holds for everybody, ms. */
const FAILURE_MS = 1000;

export type Fetched<F> = { readonly token: AccessToken } | { readonly failure: F };

export class TokenCache<F> {
  readonly #clock: Clock;
  readonly #fetch: (now: number) => Promise<Fetched<F>>;
  #token: AccessToken | null = null;
  #asking: Promise<Fetched<F>> | null = null;
  #failed: { readonly failure: F; readonly until: number } | null = null;

  /** @param fetch asks for a token; `now` is ms since the epoch; never rejects. */
  constructor(clock: Clock, fetch: (now: number) => Promise<Fetched<F>>) {
    this.#clock = clock;
    this.#fetch = fetch;
  }

  /** The token, unless there is none or it has expired. */
  get(now: number): AccessToken | null {
    return this.#token !== null && this.#token.expiresAt > now ? this.#token : null;
  }

  /** A new token, which replaces the one that is kept; or the failure, which leaves that one as it is. */
  ask(now: number): Promise<Fetched<F>> {
    if (this.#failed !== null && now < this.#failed.until) return Promise.resolve(this.#failed);
    this.#asking ??= this.#fetchOnce(now).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Forgets the token, if it is still this one. */
  drop(token: AccessToken): void {
    if (token === this.#token) this.#token = null;
  }

  async #fetchOnce(now: number): Promise<Fetched<F>> {
    const fetched = await this.#fetch(now);
    if ('token' in fetched) {
      this.#token = fetched.token;
      this.#failed = null;
    } else {
      this.#failed = { failure: fetched.failure, until: this.#clock.now() + FAILURE_MS };
    }
    return fetched;
  }
}
