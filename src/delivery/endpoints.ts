/**
 * The endpoints file: YAML in, checked Endpoints out, or every mistake in it with line, path and what is allowed. What the
 * product does not do yet is refused by name, never ignored. Reads no file and no environment itself.
 */
import { Document, LineCounter, parseDocument } from 'yaml';
import type { Secret } from '../lib/secret.ts';
import { readAllow, readAuth, readTls, readUrl } from './edge-fields.ts';
import type { Endpoint, EndpointFilters } from './endpoint.ts';
import { readOutcomes } from './outcome-fields.ts';
import { readBreaker, readLimits, readRetry } from './pace-fields.ts';
import { type EndpointSecrets, readReference, type SecretSource, secretsOf } from './secret-reference.ts';
import { SIGNING_SECRET_FORM, signingKey } from './signature.ts';
import { Fields, type Item, type Mistake, scalarValue, type YamlSource } from './yaml-fields.ts';

const ALL_VERSIONS = ['v1', 'v2', 'v3'] as const;

/** What an endpoint's id looks like, for messages. */
export const ENDPOINT_ID_FORM = 'must be 1 to 63 lower case letters, digits and hyphens';

/** Whether `text` may name an endpoint. */
export function isEndpointId(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text);
}

export interface ParseOptions {
  readonly secrets: SecretSource;
  /** The payload versions that the join emits; an endpoint that wants another one is a mistake. */
  readonly emittedVersions: readonly string[];
  /** CIDRs within which `allow.addresses` must lie; absent = wherever, as in a file of the operator. */
  readonly allowedRanges?: readonly string[];
  /** Longest `limits.timeoutMs`, ms: what the session timeout of the group allows; absent = for its default. */
  readonly timeoutMsMax?: number;
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
  fields.require('id', ENDPOINT_ID_FORM);
  const id = fields.text('id', ENDPOINT_ID_FORM, isEndpointId);
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
  const supersede = fields.boolean('supersede') ?? true;
  const limits = readLimits(fields, options.timeoutMsMax ?? null);
  const retry = readRetry(fields);
  const outcomes = readOutcomes(fields);
  const breaker = readBreaker(fields);
  const tls = readTls(fields, secrets);
  const enabled = fields.boolean('enabled') ?? true;
  fields.finish();
  if (id === undefined || dealership === undefined || url === undefined || version === undefined) return undefined;
  const rest = { on, filters, auth, signing, supersede, limits, retry, outcomes, breaker, tls, enabled };
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
