/**
 * The access token of one endpoint with OAuth2 client credentials (RFC 6749, 4.4): asked for when it is first needed, kept in
 * memory alone, renewed before it expires and when the receiver answers 401 to it. However many deliveries wait, one request is
 * under way at a time, and a failure is remembered for a moment, so that a token endpoint that is down is not stormed.
 *
 * It makes no connection itself: the edge gives it `ask`, which goes through the same guard as deliveries. Nothing that a token
 * endpoint answers is ever put into a code or a message.
 */
import type { AttemptResult } from '../core/attempt.ts';
import type { Clock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import type { OAuthClient } from './endpoint.ts';

/** A request to the token endpoint: headers as names and values in turn. */
export interface TokenRequest {
  readonly headers: readonly string[];
  readonly body: string;
}

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

/** A token in use. */
export interface AccessToken {
  readonly value: Secret;
  /** ms since the epoch. */
  readonly obtainedAt: number;
  readonly renewAt: number;
  readonly expiresAt: number;
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

/** How long before its end a token is renewed, ms; for a short one a fifth of its time. */
const RENEW_BEFORE_MS = 60_000;
/** How long a token is used whose answer does not say how long it lasts, ms. */
const UNSAID_MS = 5 * 60_000;
const LIFETIME_MAX_MS = 24 * 60 * 60_000;
/** How long a failure holds for everybody, ms. */
const FAILURE_MS = 1000;
/** A token that never worked is not renewed by a 401 before this age, ms: a new one would not work either. */
const UNPROVEN_MS = 60_000;
const TOKEN = /^[\x21-\x7e]{1,8192}$/;

export class OAuthTokens {
  readonly #deps: OAuthDeps;
  readonly #request: TokenRequest;
  readonly #timeoutMs: number;
  #token: AccessToken | null = null;
  /** The token was accepted by the receiver at least once. */
  #proven = false;
  #asking: Promise<AccessToken | OAuthFailure> | null = null;
  #failed: { readonly failure: OAuthFailure; readonly until: number } | null = null;

  constructor(deps: OAuthDeps, options: OAuthOptions) {
    this.#deps = deps;
    this.#request = tokenRequest(options.client);
    this.#timeoutMs = options.timeoutMs;
  }

  /**
   * The token to send, asking for one when there is none; or how asking failed. A token that is soon to expire is renewed
   * meanwhile and used until then.
   * @param deadline of the attempt that needs it, ms since the epoch: it waits no longer, though others may.
   */
  get(deadline: number): AccessToken | Promise<AccessToken | OAuthFailure> {
    const now = this.#deps.clock.now();
    const token = this.#token;
    if (token === null || token.expiresAt <= now) return this.#until(deadline, this.#ask(now));
    if (token.renewAt <= now) void this.#ask(now);
    return token;
  }

  /** The receiver did not answer 401 to this token. */
  worked(token: AccessToken): void {
    if (token === this.#token) this.#proven = true;
  }

  /**
   * The receiver answered 401 to this token: the one to try instead, or null when another one is not worth a try.
   * @param deadline as of `get`.
   */
  async replace(token: AccessToken, deadline: number): Promise<AccessToken | null> {
    const now = this.#deps.clock.now();
    if (token === this.#token) {
      if (!this.#proven && now - token.obtainedAt < UNPROVEN_MS) return null;
      this.#token = null;
    }
    const next = await this.get(deadline);
    return 'kind' in next || next === token ? null : next;
  }

  #ask(now: number): Promise<AccessToken | OAuthFailure> {
    if (this.#failed !== null && now < this.#failed.until) return Promise.resolve(this.#failed.failure);
    this.#asking ??= this.#fetch(now).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #until(deadline: number, asking: Promise<AccessToken | OAuthFailure>): Promise<AccessToken | OAuthFailure> {
    const { clock } = this.#deps;
    let cancel = (): void => undefined;
    const late = new Promise<OAuthFailure>((resolve) => {
      cancel = clock.after(Math.max(deadline - clock.now(), 0), () => resolve({ kind: 'oauth', code: 'timeout' }));
    });
    const first = await Promise.race([asking, late]);
    cancel();
    return first;
  }

  async #fetch(now: number): Promise<AccessToken | OAuthFailure> {
    const { result, body } = await this.#deps.ask(this.#request, now + this.#timeoutMs);
    const token = result.kind === 'answer' && result.status === 200 ? tokenOf(body, now) : null;
    if (token !== null) {
      this.#token = token;
      this.#proven = false;
      this.#failed = null;
      return token;
    }
    const failure: OAuthFailure = { kind: 'oauth', code: codeOf(result) };
    this.#failed = { failure, until: this.#deps.clock.now() + FAILURE_MS };
    return failure;
  }
}

/** RFC 6749, 4.4.2, with the client's name and password in the header (2.3.1) or, where a provider insists, in the body. */
function tokenRequest({ clientId, clientSecret, scope, credentials }: OAuthClient): TokenRequest {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== null) form.set('scope', scope);
  const headers = ['content-type', 'application/x-www-form-urlencoded', 'accept', 'application/json'];
  if (credentials === 'body') {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret.reveal());
  } else {
    const pair = `${encoded(clientId)}:${encoded(clientSecret.reveal())}`;
    headers.push('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  }
  return { headers, body: form.toString() };
}

/** One value as in a form (RFC 6749, appendix B). */
function encoded(value: string): string {
  return new URLSearchParams({ '': value }).toString().slice(1);
}

/** The token in a good answer (RFC 6749, 5.1); null = the answer is none. @param now when it was asked for, ms. */
function tokenOf(body: Buffer, now: number): AccessToken | null {
  const answer = parsed(body);
  const { access_token: value, token_type: type, expires_in: seconds } = answer;
  if (typeof value !== 'string' || !TOKEN.test(value)) return null;
  if (typeof type === 'string' && type.toLowerCase() !== 'bearer') return null;
  const said = Number(seconds) * 1000;
  const lifetime = Math.min(said > 0 ? said : UNSAID_MS, LIFETIME_MAX_MS);
  const renewAt = now + lifetime - Math.min(RENEW_BEFORE_MS, lifetime / 5);
  return { value: new Secret(value), obtainedAt: now, renewAt, expiresAt: now + lifetime };
}

function parsed(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function codeOf(result: AttemptResult): string {
  if (result.kind === 'answer') return result.status === 200 ? 'bad-answer' : `http-${result.status}`;
  return 'code' in result ? `${result.kind}-${result.code}` : result.kind;
}
