/**
 * The access token of one endpoint with OAuth2 client credentials (RFC 6749, 4.4): asked for when it is first needed, kept in
 * memory alone (lib/token-cache.ts), renewed before it expires and when the receiver answers 401 to it.
 *
 * It makes no connection itself: the edge gives it `ask`, which goes through the same guard as deliveries. Nothing that a token
 * endpoint answers is ever put into a code or a message.
 */
import type { AttemptResult } from '../core/attempt.ts';
import { type AccessToken, type TokenRequest, tokenOf, tokenRequest } from '../lib/client-credentials.ts';
import type { Clock } from '../lib/clock.ts';
import { type Fetched, TokenCache } from '../lib/token-cache.ts';
import type { OAuthClient } from './endpoint.ts';

export type { AccessToken, TokenRequest };

export interface TokenAnswer {
  readonly result: AttemptResult;
  /** Of the answer, cut off at a limit. */
  readonly body: Buffer;
}

export interface OAuthDeps {
  readonly clock: Clock;
  /** Asks the token endpoint; ends by `deadline`, ms since the epoch, and never rejects. */
  readonly ask: (request: TokenRequest, deadline: number) => Promise<TokenAnswer>;
}

/** How asking failed, as the result of the attempt that needed the token. */
export interface OAuthFailure {
  readonly kind: 'oauth';
  readonly code: string;
}

export interface OAuthOptions {
  readonly client: OAuthClient;
  /** How long one request to the token endpoint may take, ms. */
  readonly timeoutMs: number;
}

/** A token that never worked is not renewed by a 401 before this age, ms: a new one would not work either. */
const UNPROVEN_MS = 60_000;

export class OAuthTokens {
  readonly #deps: OAuthDeps;
  readonly #request: TokenRequest;
  readonly #timeoutMs: number;
  readonly #cache: TokenCache<OAuthFailure>;
  /** The last token that the receiver accepted at least once. */
  #proven: AccessToken | null = null;

  constructor(deps: OAuthDeps, options: OAuthOptions) {
    this.#deps = deps;
    this.#request = tokenRequest(options.client);
    this.#timeoutMs = options.timeoutMs;
    this.#cache = new TokenCache(deps.clock, (now) => this.#fetch(now));
  }

  /**
   * The token to send, asking for one when there is none; or how asking failed. A token that is soon to expire is renewed
   * meanwhile and used until then.
   * @param deadline of the attempt that needs it, ms since the epoch: it waits no longer, though others may.
   */
  get(deadline: number): AccessToken | Promise<AccessToken | OAuthFailure> {
    const now = this.#deps.clock.now();
    const token = this.#cache.get(now);
    if (token === null) return this.#until(deadline, this.#cache.ask(now));
    if (token.renewAt <= now) void this.#cache.ask(now);
    return token;
  }

  /** The receiver did not answer 401 to this token. */
  worked(token: AccessToken): void {
    this.#proven = token;
  }

  /**
   * The receiver answered 401 to this token: the one to try instead, or null when another one is not worth a try.
   * @param deadline as of `get`.
   */
  async replace(token: AccessToken, deadline: number): Promise<AccessToken | null> {
    const now = this.#deps.clock.now();
    if (token === this.#cache.get(now)) {
      if (token !== this.#proven && now - token.obtainedAt < UNPROVEN_MS) return null;
      this.#cache.drop(token);
    }
    const next = await this.get(deadline);
    return 'kind' in next || next === token ? null : next;
  }

  async #until(deadline: number, asking: Promise<Fetched<OAuthFailure>>): Promise<AccessToken | OAuthFailure> {
    const { clock } = this.#deps;
    let cancel = (): void => undefined;
    const late = new Promise<Fetched<OAuthFailure>>((resolve) => {
      const failure: OAuthFailure = { kind: 'oauth', code: 'timeout' };
      cancel = clock.after(Math.max(deadline - clock.now(), 0), () => resolve({ failure }));
    });
    const first = await Promise.race([asking, late]);
    cancel();
    return 'token' in first ? first.token : first.failure;
  }

  async #fetch(now: number): Promise<Fetched<OAuthFailure>> {
    const { result, body } = await this.#deps.ask(this.#request, now + this.#timeoutMs);
    const token = result.kind === 'answer' && result.status === 200 ? tokenOf(body, now) : null;
    return token === null ? { failure: { kind: 'oauth', code: codeOf(result) } } : { token };
  }
}

function codeOf(result: AttemptResult): string {
  if (result.kind === 'answer') return result.status === 200 ? 'bad-answer' : `http-${result.status}`;
  return 'code' in result ? `${result.kind}-${result.code}` : result.kind;
}
