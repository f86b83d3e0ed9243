/**
 * The one place where bytes leave for a receiver. It makes single attempts and says how each ended; it decides nothing about
 * retries, order or limits. What holds for every exchange is in flights.ts, which addresses may be called in connections.ts.
 * Here an attempt gets its headers, and its access token where the endpoint uses OAuth2.
 */
import type { LookupAddress } from 'node:dns';
import type { AttemptResult } from '../core/attempt.ts';
import { type Clock, type Deadline, deadlineIn, leftMs, momentOf } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { Connections } from './connections.ts';
import type { Endpoint } from './endpoint.ts';
import { Flights } from './flights.ts';
import { Names } from './names.ts';
import { type AccessToken, type OAuthDeps, OAuthTokens } from './oauth-tokens.ts';
import type { PostRequest } from './post.ts';
import { RequestHeaders } from './request-headers.ts';

export interface EdgeDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** All addresses of a name; as this machine is configured when absent. */
  readonly resolve?: (name: string) => Promise<readonly LookupAddress[]>;
}

/** What is kept per endpoint definition. */
interface Channel {
  readonly endpoint: Endpoint;
  readonly connections: Connections;
  readonly headers: RequestHeaders;
  readonly path: string;
  readonly oauth: { readonly tokens: OAuthTokens; readonly connections: Connections } | null;
}

/** One attempt under way. */
interface Attempt {
  readonly request: PostRequest;
  readonly deadline: Deadline;
}

/** Makes attempts over HTTP; `post` is the deliverer's Post. */
export class HttpEdge {
  readonly #deps: EdgeDeps;
  readonly #productVersion: string;
  readonly #channels = new Map<Endpoint, Channel>();
  readonly #flights: Flights;
  readonly #names: Names;
  /** Of definitions that are no longer in effect, while requests are under way. */
  readonly #retired = new Set<Connections>();
  #closed = false;

  /** @param options.productVersion is sent in `user-agent`. */
  constructor(deps: EdgeDeps, options: { productVersion: string }) {
    this.#deps = deps;
    this.#productVersion = options.productVersion;
    this.#flights = new Flights(deps.clock);
    this.#names = new Names(deps.clock);
  }

  /**
   * Makes one attempt; getting an access token is part of it and of its time. A 401 to a token that used to work is answered
   * by one more request with a new token. Never rejects.
   */
  readonly post = async (endpoint: Endpoint, request: PostRequest): Promise<AttemptResult> => {
    if (this.#closed) return CLOSED;
    const channel = this.#channel(endpoint);
    const attempt = { request, deadline: deadlineIn(this.#deps.clock, endpoint.limits.timeoutMs) };
    return channel.oauth === null
      ? this.#send(channel, attempt, null)
      : this.#sendWithToken(channel, channel.oauth.tokens, attempt);
  };

  /** Closes the connections of endpoints that are no longer defined like this; requests under way may end. */
  keepOnly(endpoints: readonly Endpoint[]): void {
    const kept = new Set(endpoints);
    for (const [endpoint, { connections, oauth }] of this.#channels) {
      if (kept.has(endpoint)) continue;
      this.#channels.delete(endpoint);
      for (const each of oauth === null ? [connections] : [connections, oauth.connections]) {
        each.retire();
        this.#retired.add(each);
      }
    }
    for (const connections of this.#retired) if (connections.empty) this.#retired.delete(connections);
  }

  /** Closes every connection; requests under way end with a network failure, and so does every later one. */
  close(): void {
    this.#closed = true;
    this.keepOnly([]);
    for (const connections of this.#retired) connections.close();
    this.#flights.stop();
    this.#names.cancel();
  }

  #channel(endpoint: Endpoint): Channel {
    const known = this.#channels.get(endpoint);
    if (known) return known;
    const channel = {
      endpoint,
      connections: this.#connections(endpoint, endpoint.url),
      headers: new RequestHeaders(endpoint, this.#productVersion),
      path: endpoint.url.pathname + endpoint.url.search,
      oauth: this.#oauth(endpoint),
    };
    this.#channels.set(endpoint, channel);
    return channel;
  }

  #oauth(endpoint: Endpoint): Channel['oauth'] {
    if (endpoint.auth.type !== 'oauth2-client-credentials') return null;
    const { tokenUrl } = endpoint.auth;
    const connections = this.#connections(endpoint, tokenUrl);
    const path = tokenUrl.pathname + tokenUrl.search;
    const ask: OAuthDeps['ask'] = async ({ headers, body }, deadline) => {
      const parts: Buffer[] = [];
      const message = { path, method: 'POST' as const, headers: [...headers], body };
      const onBody = (part: Buffer): void => void parts.push(part);
      const ms = deadline - this.#deps.clock.now();
      const order = { message, deadline: deadlineIn(this.#deps.clock, ms), onBody };
      const result = await this.#flights.make(connections, order);
      return { result, body: Buffer.concat(parts) };
    };
    const options = { client: endpoint.auth, timeoutMs: endpoint.limits.timeoutMs };
    return { tokens: new OAuthTokens({ clock: this.#deps.clock, ask }, options), connections };
  }

  /** An address that is refused is told once for as long as it is the same one. */
  #connections(endpoint: Endpoint, url: URL): Connections {
    const { resolve = this.#names.resolve, log } = this.#deps;
    let told = '';
    return new Connections(endpoint, url.origin, {
      resolve,
      onRefused(address, refusal) {
        if (address === told) return;
        told = address;
        const fields = { event: 'address_refused', endpoint: endpoint.id, host: url.host, address, refusal };
        log.warn(fields, 'nothing is sent to this address; if it is meant, the endpoint must allow it');
      },
    });
  }

  async #sendWithToken(channel: Channel, tokens: OAuthTokens, attempt: Attempt): Promise<AttemptResult> {
    const token = await tokens.get(this.#instantOf(attempt.deadline));
    if ('kind' in token) return token;
    const result = await this.#send(channel, attempt, token);
    if (result.kind !== 'answer') return result;
    if (result.status !== 401) {
      tokens.worked(token);
      return result;
    }
    const another = await tokens.replace(token, this.#instantOf(attempt.deadline));
    if (another === null) return result;
    const second = await this.#send(channel, attempt, another);
    if (second.kind === 'answer' && second.status !== 401) tokens.worked(another);
    return second;
  }

  /** Ms since the epoch, as the clock shows now. */
  #instantOf(deadline: Deadline): number {
    const { clock } = this.#deps;
    return clock.now() + leftMs(deadline, momentOf(clock));
  }

  #send(channel: Channel, { request, deadline }: Attempt, token: AccessToken | null): Promise<AttemptResult> {
    if (this.#closed) return Promise.resolve(CLOSED);
    // The definition went away while a token was waited for: nothing was sent, and the next attempt is made by the new one.
    if (this.#channels.get(channel.endpoint) !== channel) return Promise.resolve({ kind: 'withheld' });
    const headers = channel.headers.of(request, this.#deps.clock.now(), token?.value ?? null);
    const message = { path: channel.path, method: 'POST' as const, headers, body: request.body };
    const order = { message, deadline, ...(request.permitted && { permitted: request.permitted }), ...request.trial };
    return this.#flights.make(channel.connections, order);
  }
}

/** Nothing is sent any more. */
const CLOSED: AttemptResult = { kind: 'network', code: 'EDGE_CLOSED' };
