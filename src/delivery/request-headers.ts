/**
 * The headers of a delivery: exactly these, in this order, and no other. Ids are equal over retries and restarts; timestamp
 * and signature are made anew for each attempt. The token leaves its wrapper here and nowhere else.
 */
import type { Secret } from '../lib/secret.ts';
import { readTraceparent } from '../lib/traceparent.ts';
import type { Endpoint } from './endpoint.ts';
import type { PostRequest } from './post.ts';
import { signatureHeader, signingKey } from './signature.ts';

/** Builds the headers of one endpoint's requests; what never changes is made once. */
export class RequestHeaders {
  readonly #endpoint: Endpoint;
  readonly #fixed: readonly string[];
  readonly #keys: readonly Buffer[];

  /** @param productVersion goes into `user-agent`. */
  constructor(endpoint: Endpoint, productVersion: string) {
    this.#endpoint = endpoint;
    this.#fixed = [
      'content-type',
      'application/json',
      'accept',
      'application/json',
      'user-agent',
      `lead-webhooks/${productVersion}`,
      ...authorization(endpoint),
    ];
    this.#keys = endpoint.signing.map(signingKey).filter((key) => key !== null);
  }

  /** Names and values in turn. @param nowMs ms since the epoch. @param token the access token, for OAuth2 alone. */
  of(request: PostRequest, nowMs: number, token: Secret | null = null): string[] {
    const id = webhookId(this.#endpoint, request);
    const timestamp = Math.floor(nowMs / 1000);
    const headers = [...this.#fixed];
    if (token !== null) headers.push('authorization', `Bearer ${token.reveal()}`);
    headers.push('webhook-id', id, 'webhook-timestamp', String(timestamp));
    if (this.#keys.length > 0) {
      headers.push('webhook-signature', signatureHeader(this.#keys, id, timestamp, request.body));
    }
    headers.push('lead-webhook-version', request.version, 'lead-webhook-revision', String(request.revision));
    headers.push('lead-webhook-attempt', String(request.attempt));
    const traceparent = readTraceparent(request.traceparent);
    if (traceparent !== null) headers.push('traceparent', traceparent);
    if (request.trial !== undefined) headers.push('lead-webhook-test', 'true');
    return headers;
  }
}

/**
 * `<endpoint>_<lead>_<revision>` (A33). An `on: create` endpoint gets each lead once, so there the revision is left out:
 * a lead that is announced as created twice carries the same id.
 */
export function webhookId(endpoint: Endpoint, request: PostRequest): string {
  const lead = `${endpoint.id}_${request.leadId}`;
  return endpoint.on === 'create' ? lead : `${lead}_${request.revision}`;
}

function authorization(endpoint: Endpoint): string[] {
  if (endpoint.auth.type === 'none' || endpoint.auth.type === 'oauth2-client-credentials') return [];
  const token = endpoint.auth.token.reveal();
  return endpoint.auth.type === 'bearer' ? ['authorization', `Bearer ${token}`] : ['x-authorization', token];
}
