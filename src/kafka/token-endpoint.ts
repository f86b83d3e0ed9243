/**
 * Tokens for Kafka from a token endpoint with OAuth2 client credentials. One token serves all connections; it is renewed when a login
 * comes near its end, and a login that cannot renew it uses it to its end. It never retries by itself: the client's own retries ask
 * again. Node's plain HTTP client is used, because an authority of one's own cannot be given to `fetch`.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import {
  type AccessToken,
  type ClientCredentials,
  type TokenRequest,
  tokenOf,
  tokenRequest,
} from '../lib/client-credentials.ts';
import type { Clock } from '../lib/clock.ts';
import { type Fetched, TokenCache } from '../lib/token-cache.ts';
import { TokenFailure } from './bearer-login.ts';
import { classify } from './errors.ts';

export interface TokenEndpoint extends ClientCredentials {
  readonly url: string;
  /** PEM; null = the authorities that Node trusts. */
  readonly ca: string | null;
  /** Deadline of one request with its answer, ms (5000). */
  readonly timeoutMs?: number;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

const TIMEOUT_MS = 5000;
const ANSWER_BYTES_MAX = 65_536;
/**
 * The client logs in anew ten seconds before the end of a session, which is not longer than the token. A token that has less left
 * than this would be of no use then, ms.
 */
const LEFT_MIN_MS = 15_000;

/**
 * A source of tokens; each call gives one that is good for a while.
 * @returns throws TokenFailure: `unavailable` when asking again can help, `authentication` when the endpoint refuses the client.
 */
export function endpointTokens(clock: Clock, endpoint: TokenEndpoint): () => Promise<string> {
  const request = tokenRequest(endpoint);
  const cache = new TokenCache<TokenFailure>(clock, (now) => fetchToken(endpoint, request, now));
  return async () => {
    const now = clock.now();
    const held = cache.get(now);
    if (held !== null && now < dueAt(held)) return held.value.reveal();
    const fetched = await cache.ask(now);
    if ('token' in fetched) return fetched.token.value.reveal();
    const kept = cache.get(clock.now());
    if (kept === null) throw fetched.failure;
    return kept.value.reveal();
  };
}

/** When a token is renewed, ms since the epoch; never before half of its time. */
function dueAt({ obtainedAt, renewAt, expiresAt }: AccessToken): number {
  return Math.max((obtainedAt + expiresAt) / 2, Math.min(renewAt, expiresAt - LEFT_MIN_MS));
}

async function fetchToken(endpoint: TokenEndpoint, request: TokenRequest, now: number): Promise<Fetched<TokenFailure>> {
  const name = `the token endpoint ${new URL(endpoint.url).host}`;
  try {
    const { status, body } = await post(endpoint, request);
    const token = status === 200 ? tokenOf(body, now) : null;
    if (token !== null) return { token };
    if (status === 200) return { failure: new TokenFailure('authentication', `${name} answered without a token`) };
    const code = status >= 500 || status === 429 || status === 408 ? 'unavailable' : 'authentication';
    return { failure: new TokenFailure(code, `${name} answered with status ${status}`, wordOf(body)) };
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    if (late) return { failure: new TokenFailure('unavailable', `${name} did not answer in time`) };
    const { code, type } = classify(error);
    const certificate = code === 'authentication';
    const what = certificate ? 'has a certificate that is not trusted' : 'cannot be reached';
    return { failure: new TokenFailure(certificate ? code : 'unavailable', `${name} ${what}`, type) };
  }
}

/** Sends the request; rejects with what Node says, or with a TimeoutError. Redirects are answers like others. */
function post({ url, ca, timeoutMs = TIMEOUT_MS }: TokenEndpoint, { headers, body }: TokenRequest): Promise<Answer> {
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(signal.aborted ? signal.reason : error);
    const sent = send(url, { method: 'POST', signal, ...(ca === null ? {} : { ca }) }, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes <= ANSWER_BYTES_MAX) parts.push(part);
      });
      response.on('error', fail);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
    });
    sent.on('error', fail);
    for (let at = 0; at < headers.length; at += 2) sent.setHeader(headers[at] ?? '', headers[at + 1] ?? '');
    sent.end(body);
  });
}

/** The registered words for a refusal (RFC 6749, 5.2); nothing else of an answer is repeated. */
const WORDS =
  /"error"\s*:\s*"(invalid_request|invalid_client|invalid_grant|unauthorized_client|unsupported_grant_type|invalid_scope)"/;

const wordOf = (body: Buffer): string => WORDS.exec(body.toString())?.[1] ?? '';
