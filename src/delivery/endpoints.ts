/**
 * The endpoints file: YAML in, checked Endpoints out, or every mistake in it with line, path and what is allowed. What the
 * product does not do yet is refused by name, never ignored. Reads no file and no environment itself.
 */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import ipaddr from 'ipaddr.js';
import { LineCounter, parseDocument } from 'yaml';
import { OVERRIDES, type Override } from '../core/attempt.ts';
import type { Secret } from '../lib/secret.ts';
import { type Endpoint, type EndpointAuth, type EndpointFilters, type EndpointTls, tlsOptions } from './endpoint.ts';
import { readReference, type SecretSource, secretField } from './secret-reference.ts';
import { SIGNING_SECRET_FORM, signingKey } from './signature.ts';
import { Fields, type Item, type Mistake, scalarValue, type YamlSource } from './yaml-fields.ts';

const ALL_VERSIONS = ['v1', 'v2', 'v3'] as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const HEADER_TOKEN = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;
const BREAKER_DEFAULT = { failures: 10, baseMs: 5000, capMs: 300_000 };
const NOT_YET = 'is not supported yet';

export interface ParseOptions {
  readonly secrets: SecretSource;
  /** The payload versions that the join emits; an endpoint that wants another one is a mistake. */
  readonly emittedVersions: readonly string[];
}

/**
 * Parses an endpoints file. `endpoints` holds those without a mistake of their own, for the reader's use only when
 * `mistakes` is empty; mistakes come in the order of their lines.
 */
export function parseEndpoints(
  yamlText: string,
  options: ParseOptions,
): { endpoints: Endpoint[]; mistakes: Mistake[] } {
  const lines = new LineCounter();
  const document = parseDocument(yamlText, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const mistakes = document.errors.map((error) => {
      return { line: lines.linePos(error.pos[0]).line, path: '', message: `is not YAML: ${error.code}` };
    });
    return { endpoints: [], mistakes };
  }
  const source: YamlSource = { document, lines, mistakes: [] };
  const root = Fields.open(source, { node: document.contents, path: '', line: 1 });
  const endpoints = root ? readRoot(root, source, options) : [];
  source.mistakes.sort((a, b) => a.line - b.line);
  return { endpoints, mistakes: source.mistakes };
}

function readRoot(root: Fields, source: YamlSource, options: ParseOptions): Endpoint[] {
  root.require('endpoints', 'a list of endpoints');
  const endpoints: Endpoint[] = [];
  const lineOfId = new Map<string, number>();
  for (const item of root.list('endpoints')) {
    const fields = Fields.open(source, item);
    if (!fields) continue;
    const before = source.mistakes.length;
    const endpoint = readEndpoint(fields, source, options);
    if (endpoint && source.mistakes.length === before) endpoints.push(endpoint);
    const id = fields.plain('id');
    if (typeof id !== 'string') continue;
    const first = lineOfId.get(id);
    if (first === undefined) lineOfId.set(id, item.line);
    else fields.mistake('id', `is taken already by the endpoint at line ${first}; an id names one endpoint`);
  }
  root.finish();
  return endpoints;
}

function readEndpoint(fields: Fields, source: YamlSource, options: ParseOptions): Endpoint | undefined {
  const idForm = 'must be 1 to 63 lower case letters, digits and hyphens';
  fields.require('id', idForm);
  const id = fields.text('id', idForm, (text) => /^[a-z0-9-]{1,63}$/.test(text));
  fields.require('dealership', 'the id of the dealership');
  const dealership = fields.integer('dealership', { min: 1, max: Number.MAX_SAFE_INTEGER, unit: 'a dealership id' });
  const allow = readAllow(fields);
  const url = readUrl(fields, allow.http);
  const version = readVersion(fields, options.emittedVersions);
  const on = fields.choice('on', ['change', 'create']) ?? 'change';
  const filters = readFilters(fields);
  const auth = readAuth(fields, options.secrets);
  const signing = readSigning(fields, source, options.secrets);
  if (fields.boolean('supersede') === false) fields.mistake('supersede', `false ${NOT_YET}; leave it at true`);
  const limits = readLimits(fields);
  const retry = readRetry(fields);
  const outcomes = readOutcomes(fields);
  refuseBreaker(fields);
  const tls = readTls(fields, options.secrets);
  const enabled = fields.boolean('enabled') ?? true;
  fields.finish();
  if (id === undefined || dealership === undefined || url === undefined || version === undefined) return undefined;
  const rest = { on, filters, auth, signing, limits, retry, outcomes, tls, enabled };
  return { id, dealership: String(dealership), url, version, ...rest };
}

function readAllow(fields: Fields): { http: boolean } {
  const allow = fields.fields('allow');
  if (!allow) return { http: false };
  const http = allow.boolean('http') ?? false;
  for (const item of allow.list('addresses')) {
    const text = scalarValue(item);
    const valid = typeof text === 'string' && ipaddr.isValidCIDR(text);
    allow.mistake('addresses', valid ? `${item.path} ${NOT_YET}` : `${item.path} must be a CIDR such as 10.1.0.0/16`);
  }
  allow.finish();
  return { http };
}

function readUrl(fields: Fields, http: boolean): URL | undefined {
  const form = 'must be an absolute https URL';
  fields.require('url', form);
  const text = fields.text('url', form, (value) => URL.canParse(value));
  if (text === undefined) return undefined;
  const url = new URL(text);
  const plain = url.protocol === 'http:';
  if (!plain && url.protocol !== 'https:') fields.mistake('url', form);
  else if (plain && !http) fields.mistake('url', `${form}; http needs allow: { http: true }`);
  if (url.username !== '' || url.password !== '')
    fields.mistake('url', 'must not contain a user or password; use auth');
  if (url.hash !== '') fields.mistake('url', 'must not contain a fragment (#…): it is never sent');
  return url;
}

function readVersion(fields: Fields, emitted: readonly string[]): string | undefined {
  fields.require('version', `one of ${ALL_VERSIONS.join(', ')}`);
  const version = fields.choice('version', ALL_VERSIONS);
  if (version === undefined || emitted.includes(version)) return version;
  fields.mistake('version', `${version} is not emitted here; emitted are ${emitted.join(', ')}`);
  return undefined;
}

function readFilters(fields: Fields): EndpointFilters {
  const filters = fields.fields('filters');
  if (!filters) return { websites: new Set(), locations: new Set(), categories: new Set() };
  const names = (name: string): Set<string> => {
    const isName = (value: unknown): value is string => typeof value === 'string' && value !== '';
    return new Set(entries(filters, name, { isEntry: isName, allowed: 'must be a list of texts' }));
  };
  const isId = (value: unknown): value is number => Number.isSafeInteger(value);
  const websites = entries(filters, 'websites', { isEntry: isId, allowed: 'must be a list of website ids' });
  const read = {
    websites: new Set(websites.map(String)),
    locations: names('locations'),
    categories: names('categories'),
  };
  filters.finish();
  return read;
}

function entries<T>(
  fields: Fields,
  name: string,
  rule: { isEntry: (value: unknown) => value is T; allowed: string },
): T[] {
  const values: T[] = [];
  for (const item of fields.list(name)) {
    const value = scalarValue(item);
    if (rule.isEntry(value)) values.push(value);
    else fields.mistake(name, `${rule.allowed}; ${item.path} is something else`);
  }
  return values;
}

function readAuth(fields: Fields, secrets: SecretSource): EndpointAuth {
  const auth = fields.fields('auth');
  if (!auth) return { type: 'none' };
  const kinds = ['bearer', 'x-authorization', 'oauth2-client-credentials', 'none'] as const;
  auth.require('type', `one of ${kinds.join(', ')}`);
  const type = auth.choice('type', kinds);
  if (type === 'oauth2-client-credentials') {
    auth.mistake('type', `oauth2-client-credentials ${NOT_YET}; use bearer, x-authorization or none`);
    return { type: 'none' };
  }
  const withToken = type === 'bearer' || type === 'x-authorization';
  if (withToken) auth.require('token', '{ file: PATH } or { env: NAME }');
  const token = withToken ? secretField(auth, 'token', secrets) : undefined;
  if (token && !HEADER_TOKEN.test(token.reveal())) {
    auth.mistake('token', 'the secret must be one line of printable ASCII without blanks around it');
  }
  if (type !== undefined) auth.finish();
  return withToken && token ? { type, token } : { type: 'none' };
}

function readSigning(fields: Fields, source: YamlSource, secrets: SecretSource): Secret[] {
  const signing = fields.fields('signing');
  if (!signing) return [];
  const items: Item[] = signing.list('secrets');
  if (items.length > 2) signing.mistake('secrets', 'must be at most two secrets: the new one and the old one');
  const read: Secret[] = [];
  for (const item of items) {
    const reference = Fields.open(source, item);
    const secret = reference && readReference(reference, secrets);
    if (!secret) continue;
    if (signingKey(secret) === null) signing.mistake('secrets', `${item.path} ${SIGNING_SECRET_FORM}`);
    read.push(secret);
  }
  signing.finish();
  return read;
}

function readLimits(fields: Fields): Endpoint['limits'] {
  const limits = fields.fields('limits');
  const concurrency = limits?.integer('concurrency', { min: 1, max: 1000, unit: 'requests in flight' }) ?? 16;
  const timeoutMs = limits?.integer('timeoutMs', { min: 100, max: 25_000, unit: 'milliseconds' }) ?? 15_000;
  if (limits?.item('ratePerSecond')) limits.mistake('ratePerSecond', `${NOT_YET}; leave it at null`);
  limits?.finish();
  return { concurrency, timeoutMs };
}

function readRetry(fields: Fields): Endpoint['retry'] {
  const retry = fields.fields('retry');
  const unit = 'milliseconds';
  const baseMs = retry?.integer('baseMs', { min: 1, max: 3_600_000, unit }) ?? 5000;
  const capMs = retry?.integer('capMs', { min: 1, max: DAY_MS, unit }) ?? Math.max(3_600_000, baseMs);
  const giveUpAfterMs = retry?.integer('giveUpAfterMs', { min: 0, max: 30 * DAY_MS, unit }) ?? 3 * DAY_MS;
  if (capMs < baseMs) retry?.mistake('capMs', `must not be below baseMs (${baseMs})`);
  retry?.finish();
  return { baseMs, capMs, giveUpAfterMs };
}

function readOutcomes(fields: Fields): Map<number, Override> {
  const outcomes = fields.fields('outcomes');
  const read = new Map<number, Override>();
  for (const name of outcomes?.names() ?? []) {
    const outcome = outcomes?.choice(name, OVERRIDES);
    if (!/^[2-5]\d\d$/.test(name)) outcomes?.mistake(name, 'must be an HTTP status from 200 to 599');
    else if (outcome !== undefined) read.set(Number(name), outcome);
  }
  return read;
}

function refuseBreaker(fields: Fields): void {
  const breaker = fields.fields('breaker');
  for (const [name, value] of Object.entries(BREAKER_DEFAULT)) {
    const given = breaker?.plain(name);
    if (given !== undefined && given !== value) breaker?.mistake(name, `${NOT_YET}; leave it at ${value}`);
  }
  breaker?.finish();
}

function readTls(fields: Fields, secrets: SecretSource): EndpointTls {
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
