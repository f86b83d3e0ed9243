/**
 * The endpoints file: YAML in, checked Endpoints out, or every mistake in it with line, path and what is allowed. What the
 * product does not do yet is refused by name, never ignored. Reads no file and no environment itself.
 */
import { Document, LineCounter, parseDocument } from 'yaml';
import { OVERRIDES, type Override } from '../core/attempt.ts';
import type { Secret } from '../lib/secret.ts';
import { readAllow, readAuth, readTls, readUrl } from './edge-fields.ts';
import type { Endpoint, EndpointFilters } from './endpoint.ts';
import { type EndpointSecrets, readReference, type SecretSource, secretsOf } from './secret-reference.ts';
import { SIGNING_SECRET_FORM, signingKey } from './signature.ts';
import { Fields, type Item, type Mistake, scalarValue, type YamlSource } from './yaml-fields.ts';

const ALL_VERSIONS = ['v1', 'v2', 'v3'] as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const BREAKER_DEFAULT = { failures: 10, baseMs: 5000, capMs: 300_000 };
const NOT_YET = 'is not supported yet';

export interface ParseOptions {
  readonly secrets: SecretSource;
  /** The payload versions that the join emits; an endpoint that wants another one is a mistake. */
  readonly emittedVersions: readonly string[];
  /** CIDRs within which `allow.addresses` must lie; absent = wherever, as in a file of the operator. */
  readonly allowedRanges?: readonly string[];
}

/** What a file holds. */
export interface ParsedEndpoints {
  /** Those without a mistake of their own. Complete only when there are no mistakes. */
  readonly endpoints: readonly Endpoint[];
  /** In the order of their lines. */
  readonly mistakes: readonly Mistake[];
  /** The ids of definitions with mistakes, as far as they have one. */
  readonly refused: ReadonlySet<string>;
}

/** Parses an endpoints file. */
export function parseEndpoints(yamlText: string, options: ParseOptions): ParsedEndpoints {
  const lines = new LineCounter();
  const document = parseDocument(yamlText, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const mistakes = document.errors.map((error) => {
      return { line: lines.linePos(error.pos[0]).line, path: '', message: `is not YAML: ${error.code}` };
    });
    return { endpoints: [], mistakes, refused: new Set() };
  }
  const source: YamlSource = { document, lines, mistakes: [] };
  const refused = new Set<string>();
  const root = Fields.open(source, { node: document.contents, path: '', line: 1 });
  const endpoints = root ? readRoot(root, source, options, refused) : [];
  source.mistakes.sort((a, b) => a.line - b.line);
  return { endpoints: endpoints.filter(({ id }) => !refused.has(id)), mistakes: source.mistakes, refused };
}

/**
 * Reads one definition that is no part of a file, such as a record's: an object with the same fields.
 * @returns the endpoint, or its mistakes, whose lines say nothing.
 */
export function parseEndpoint(
  value: unknown,
  options: ParseOptions,
): { readonly endpoint: Endpoint } | { readonly mistakes: readonly Mistake[] } {
  const document = new Document(value);
  const source: YamlSource = { document, lines: new LineCounter(), mistakes: [] };
  const fields = Fields.open(source, { node: document.contents, path: '', line: 0 });
  const endpoint = fields && readEndpoint(fields, source, options);
  return endpoint && source.mistakes.length === 0 ? { endpoint } : { mistakes: source.mistakes };
}

function readRoot(root: Fields, source: YamlSource, options: ParseOptions, refused: Set<string>): Endpoint[] {
  root.require('endpoints', 'a list of endpoints');
  const endpoints: Endpoint[] = [];
  const lineOfId = new Map<string, number>();
  for (const item of root.list('endpoints')) {
    const fields = Fields.open(source, item);
    if (!fields) continue;
    const before = source.mistakes.length;
    const endpoint = readEndpoint(fields, source, options);
    const id = fields.plain('id');
    if (typeof id !== 'string') continue;
    const first = lineOfId.get(id);
    if (first === undefined) lineOfId.set(id, item.line);
    else fields.mistake('id', `is taken already by the endpoint at line ${first}; an id names one endpoint`);
    if (source.mistakes.length > before) refused.add(id);
    else if (endpoint) endpoints.push(endpoint);
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
  const secrets = secretsOf(options.secrets, id);
  const allow = readAllow(fields, { ranges: options.allowedRanges ?? null });
  const url = readUrl(fields, 'url', allow);
  const version = readVersion(fields, options.emittedVersions);
  const on = fields.choice('on', ['change', 'create']) ?? 'change';
  const filters = readFilters(fields);
  const auth = readAuth(fields, secrets, allow);
  const signing = readSigning(fields, source, secrets);
  if (fields.boolean('supersede') === false) fields.mistake('supersede', `false ${NOT_YET}; leave it at true`);
  const limits = readLimits(fields);
  const retry = readRetry(fields);
  const outcomes = readOutcomes(fields);
  refuseBreaker(fields);
  const tls = readTls(fields, secrets);
  const enabled = fields.boolean('enabled') ?? true;
  fields.finish();
  if (id === undefined || dealership === undefined || url === undefined || version === undefined) return undefined;
  const rest = { on, filters, auth, signing, limits, retry, outcomes, tls, enabled };
  const { addresses } = allow;
  return { id, dealership: String(dealership), url, version, allow: { addresses }, ...rest };
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

function readSigning(fields: Fields, source: YamlSource, secrets: EndpointSecrets): Secret[] {
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
