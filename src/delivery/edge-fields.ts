/**
 * The fields of an endpoint's definition that say where requests go and how they are let in: url, allow, auth, tls. Mistakes are
 * named with what is allowed, secrets are looked up and never shown. An address that could not be called is a mistake here
 * already when the URL holds it; what a name means is only known when it is called.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { AddressGuard, isRange, rangeWithin } from './address-guard.ts';
import { type Endpoint, type EndpointAuth, type EndpointTls, type OAuthClient, tlsOptions } from './endpoint.ts';
import { type EndpointSecrets, SECRET_FORM, secretField } from './secret-reference.ts';
import { type Fields, type Missing, scalarValue } from './yaml-fields.ts';

const HEADER_TOKEN = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;
const CLIENT_ID = /^[\x20-\x7e]+$/;
/** RFC 6749, 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

/** What a definition may be allowed at most. */
export interface AllowLimit {
  /** CIDRs within which `allow.addresses` must lie; null = wherever. */
  readonly ranges: readonly string[] | null;
}

/** `allow` as read. */
export interface Allow {
  readonly http: boolean;
  readonly addresses: readonly string[];
}

/** Reads `allow`: plain HTTP, and CIDRs beyond the public addresses. */
export function readAllow(fields: Fields, limit: AllowLimit): Allow {
  const allow = fields.fields('allow');
  if (!allow) return { http: false, addresses: [] };
  const http = allow.boolean('http') ?? false;
  const addresses: string[] = [];
  for (const item of allow.list('addresses')) {
    const text = scalarValue(item);
    if (typeof text !== 'string' || !isRange(text)) {
      allow.mistake('addresses', `${item.path} must be a CIDR such as 10.1.0.0/16`);
    } else if (limit.ranges !== null && !rangeWithin(text, limit.ranges)) {
      const why = 'is not within LEAD_WEBHOOKS_ENDPOINTS_TOPIC_ADDRESSES: the operator decides, not the topic';
      allow.mistake('addresses', `${item.path} ${why}`);
    } else addresses.push(text);
  }
  allow.finish();
  return { http, addresses };
}

/** Reads a URL that requests go to; undefined when it is missing or wrong (reported). */
export function readUrl(fields: Fields, name: string, allow: Allow): URL | Missing {
  const form = 'must be an absolute https URL';
  fields.require(name, form);
  const text = fields.text(name, form, (value) => URL.canParse(value));
  if (text === undefined) return undefined;
  const url = new URL(text);
  const plain = url.protocol === 'http:';
  if (!plain && url.protocol !== 'https:') fields.mistake(name, form);
  else if (plain && !allow.http) fields.mistake(name, `${form}; http needs allow: { http: true }`);
  if (url.username !== '' || url.password !== '') fields.mistake(name, 'must not contain a user or password; use auth');
  if (url.hash !== '') fields.mistake(name, 'must not contain a fragment (#…): it is never sent');
  judgeLiteral(fields, name, url, allow);
  return url;
}

function judgeLiteral(fields: Fields, name: string, url: URL, allow: Allow): void {
  const address = url.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  const refusal = family === 0 ? null : new AddressGuard(allow.addresses).refusal(address);
  if (refusal === null) return;
  if (refusal === 'platform') {
    fields.mistake(name, `${address} is link-local or belongs to a cloud platform, where nothing is ever sent`);
  } else {
    const range = `${address}/${family === 4 ? 32 : 128}`;
    fields.mistake(
      name,
      `${address} is not a public address (${refusal}); it needs allow: { addresses: ["${range}"] }`,
    );
  }
}

/** Reads `auth`; `none` when it is missing or wrong (reported). */
export function readAuth(fields: Fields, secrets: EndpointSecrets, allow: Allow): EndpointAuth {
  const auth = fields.fields('auth');
  if (!auth) return { type: 'none' };
  const kinds = ['bearer', 'x-authorization', 'oauth2-client-credentials', 'none'] as const;
  auth.require('type', `one of ${kinds.join(', ')}`);
  const type = auth.choice('type', kinds);
  const read = type === undefined ? undefined : credentialsOf(auth, type, secrets, allow);
  if (type !== undefined) auth.finish();
  return read ?? { type: 'none' };
}

function credentialsOf(
  auth: Fields,
  type: EndpointAuth['type'],
  secrets: EndpointSecrets,
  allow: Allow,
): EndpointAuth | Missing {
  if (type === 'none') return { type };
  if (type === 'oauth2-client-credentials') {
    const client = oauth(auth, secrets, allow);
    return client && { type, ...client };
  }
  auth.require('token', SECRET_FORM);
  const token = secretField(auth, 'token', secrets);
  if (token && !HEADER_TOKEN.test(token.reveal())) {
    auth.mistake('token', 'the secret must be one line of printable ASCII without blanks around it');
  }
  return token && { type, token };
}

function oauth(auth: Fields, secrets: EndpointSecrets, allow: Allow): OAuthClient | Missing {
  const tokenUrl = readUrl(auth, 'tokenUrl', allow);
  auth.require('clientId', 'the name of the client');
  const clientId = auth.text('clientId', 'must be printable ASCII', (text) => CLIENT_ID.test(text));
  auth.require('clientSecret', SECRET_FORM);
  const clientSecret = secretField(auth, 'clientSecret', secrets);
  const scope = auth.text('scope', 'must be scopes of printable ASCII, separated by one blank', (text) =>
    SCOPE.test(text),
  );
  const credentials = auth.choice('credentials', ['header', 'body']) ?? 'header';
  if (!tokenUrl || clientId === undefined || !clientSecret) return undefined;
  return { tokenUrl, clientId, clientSecret, scope: scope ?? null, credentials };
}

/** Reads `tls`: authority, client certificate and key, which must be usable together. */
export function readTls(fields: Fields, secrets: EndpointSecrets): Endpoint['tls'] {
  const tls = fields.fields('tls');
  if (!tls) return { ca: null, cert: null, key: null };
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => secretField(tls, name, secrets));
  if (tls.has('cert') !== tls.has('key')) tls.mistake(tls.has('cert') ? 'cert' : 'key', 'cert and key go together');
  tls.finish();
  const read = { ca: ca?.reveal() ?? null, cert: cert?.reveal() ?? null, key: key ?? null };
  if (!usable(read)) fields.mistake('tls', 'ca, cert and key must be PEM, and the key must fit the certificate');
  return read;
}

function usable(tls: EndpointTls): boolean {
  try {
    if (tls.ca !== null) new X509Certificate(tls.ca); // Node ignores an authority that it cannot read
    createSecureContext(tlsOptions(tls));
    return true;
  } catch {
    return false;
  }
}
