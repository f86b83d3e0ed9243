/**
 * The two messages of OAuth2 client credentials (RFC 6749, 4.4), as plain values: what is asked of a token endpoint, and the token in
 * its answer. Receivers and Kafka both need them, over HTTP clients of their own. It sends nothing and keeps nothing.
 */
import { Secret } from './secret.ts';

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scope: string | null;
  /** Where id and secret stand in the request. */
  readonly credentials: 'header' | 'body';
  /** Further fields of the form, such as `audience`. */
  readonly parameters?: ReadonlyMap<string, string>;
}

/** A request to the token endpoint: headers as names and values in turn. */
export interface TokenRequest {
  readonly headers: readonly string[];
  readonly body: string;
}

/** A token in use; times in ms since the epoch. */
export interface AccessToken {
  readonly value: Secret;
  readonly obtainedAt: number;
  readonly renewAt: number;
  readonly expiresAt: number;
}

/** How long before its end a token is renewed, ms; for a short one a fifth of its time. */
const RENEW_BEFORE_MS = 60_000;
/** How long a token is used whose answer does not say how long it lasts, ms. */
const UNSAID_MS = 5 * 60_000;
const LIFETIME_MAX_MS = 24 * 60 * 60_000;
/** What a bearer token may consist of. */
export const BEARER_TOKEN = /^[\x21-\x7e]{1,8192}$/;

/** What to POST: the client's id and secret in the header (RFC 6749, 2.3.1) or, where a provider insists, in the body. */
export function tokenRequest(client: ClientCredentials): TokenRequest {
  const { clientId, clientSecret, scope, credentials, parameters = [] } = client;
  const form = new URLSearchParams([...parameters]);
  form.set('grant_type', 'client_credentials');
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
const encoded = (value: string): string => new URLSearchParams({ '': value }).toString().slice(1);

/** The token in a good answer (RFC 6749, 5.1); null = the answer is none. @param now when it was asked for, ms. */
export function tokenOf(body: Buffer, now: number): AccessToken | null {
  const { access_token: value, token_type: type, expires_in: seconds } = parsed(body);
  if (typeof value !== 'string' || !BEARER_TOKEN.test(value)) return null;
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
