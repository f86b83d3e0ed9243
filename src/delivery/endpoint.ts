/**
 * An endpoint as the deliverer uses it: checked, complete, secrets resolved. `endpoints.ts` makes it from YAML; nothing
 * else does. It is plain and frozen in spirit: a changed definition is a new Endpoint.
 */
import type { Overrides } from '../core/attempt.ts';
import type { Secret } from '../lib/secret.ts';

export type EndpointAuth =
  | { readonly type: 'none' }
  | { readonly type: 'bearer' | 'x-authorization'; readonly token: Secret }
  | ({ readonly type: 'oauth2-client-credentials' } & OAuthClient);

/** How to get an access token (RFC 6749, 4.4). */
export interface OAuthClient {
  readonly tokenUrl: URL;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scope: string | null;
  /** Where id and secret stand in the request. */
  readonly credentials: 'header' | 'body';
}

/** Each empty set means all. */
export interface EndpointFilters {
  /** `website.id` as decimal text. */
  readonly websites: ReadonlySet<string>;
  /** `location.location_name`, exact. */
  readonly locations: ReadonlySet<string>;
  /** `category`, exact. */
  readonly categories: ReadonlySet<string>;
}

/** PEM texts; null = the platform's certificate authorities, and no client certificate. */
export interface EndpointTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: Secret | null;
}

export interface Endpoint {
  readonly id: string;
  /** Decimal text. */
  readonly dealership: string;
  readonly url: URL;
  readonly version: string;
  readonly on: 'change' | 'create';
  readonly filters: EndpointFilters;
  readonly auth: EndpointAuth;
  /** Standard Webhooks secrets; empty = unsigned, two while rotating. */
  readonly signing: readonly Secret[];
  /** false: each revision is sent, in order, instead of the newest alone. */
  readonly supersede: boolean;
  /** Requests in flight and per second of all processes together; null = no limit of the rate. */
  readonly limits: {
    readonly concurrency: number;
    readonly ratePerSecond: number | null;
    readonly timeoutMs: number;
  };
  readonly retry: { readonly baseMs: number; readonly capMs: number; readonly giveUpAfterMs: number };
  readonly outcomes: Overrides;
  /** Opens after so many failures in a row; the pause doubles from base to cap. */
  readonly breaker: { readonly failures: number; readonly baseMs: number; readonly capMs: number };
  readonly tls: EndpointTls;
  /** CIDRs beyond public addresses that requests may go to. */
  readonly allow: { readonly addresses: readonly string[] };
  readonly enabled: boolean;
  /** Its definition has mistakes, and no good one is known: what it wants waits, and nothing is sent (held-back.ts). */
  readonly heldBack?: true;
}

/** The endpoint's TLS settings as Node takes them; verification is never turned off. */
export function tlsOptions(tls: EndpointTls): { ca?: string; cert?: string; key?: string } {
  return {
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls.key === null ? {} : { key: tls.key.reveal() }),
  };
}
