/** `schemas/openapi.yaml` against the program: every header of the POST, every body, and what each answer leads to. */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { outcomeOf } from '../../src/core/attempt.ts';
import { VERSIONS } from '../../src/core/payload/versions.ts';
import { RequestHeaders } from '../../src/delivery/request-headers.ts';
import { Secret } from '../../src/lib/secret.ts';
import { contractText, mistakesIn } from '../support/contract-lint.ts';
import { contract, type Part, part, referencesOf, resolved } from '../support/contracts.ts';
import { testEndpoint } from '../support/deliver-world.ts';
import { DOCUMENTS, projectFile } from '../support/documents.ts';
import { traceparent } from '../support/recorded-spans.ts';

const API = contract('openapi.yaml');
const SCHEMES = part(API, 'components', 'securitySchemes');
const RECEIVERS = DOCUMENTS.find(({ path }) => path === 'docs/receivers.md')?.text ?? '';

const postOf = (version: string): Part => part(API, 'webhooks', `leadWebhook${version.toUpperCase()}`, 'post');
const parametersOf = (version: string): Part[] =>
  (postOf(version)['parameters'] as unknown[]).map((parameter) => resolved(API, parameter));
const responsesOf = (version: string): [string, Part][] =>
  Object.entries(part(postOf(version), 'responses')).map(([status, response]) => [status, resolved(API, response)]);

/** Headers of one request of each kind that there is. */
function requests(version: string): Record<string, string>[] {
  const token = new Secret('tok');
  const signing = [
    new Secret(Buffer.alloc(32, 5).toString('base64')),
    new Secret(Buffer.alloc(32, 6).toString('base64')),
  ];
  const request = { leadId: '9', version, revision: 12, attempt: 1, body: Buffer.from('{}') };
  const of = (flat: readonly string[]): Record<string, string> =>
    Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])));
  const plain = new RequestHeaders(testEndpoint(), '1.0.0');
  return [
    of(plain.of(request, 0)),
    of(plain.of(request, 0, token)),
    of(plain.of({ ...request, traceparent: traceparent(7) }, 0)),
    of(plain.of({ ...request, trial: { onBody: () => {} } }, 0)),
    of(new RequestHeaders(testEndpoint({ signing, on: 'create' }), '1.0.0').of(request, 0)),
    of(new RequestHeaders(testEndpoint({ auth: { type: 'bearer', token } }), '1.0.0').of(request, 0)),
    of(new RequestHeaders(testEndpoint({ auth: { type: 'x-authorization', token } }), '1.0.0').of(request, 0)),
  ];
}

/** The headers that security schemes stand for. OpenAPI has no parameter for `authorization`, `accept` and `content-type`. */
function securityHeaders(): string[] {
  return Object.values(SCHEMES).map((scheme) => {
    const { type, name } = part(scheme);
    return type === 'apiKey' ? String(name) : 'authorization';
  });
}

describe('schemas/openapi.yaml', () => {
  test('is valid by the schema of OpenAPI 3.1, and the linter finds nothing', async () => {
    expect(await mistakesIn('openapi.yaml')).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['no title', '  title: lead-webhooks, the POST to a receiver\n', ''],
    ['a field that does not exist', '\nwebhooks:\n', '\nwebhook:\n'],
    ['an answer that is no status', '        2XX:', '        2xx:'],
    ['a reference to nothing', "'#/components/responses/gone'", "'#/components/responses/gon'"],
    ['a schema file that is not there', './outbound/lead-webhook.v3.json', './outbound/lead-webhook.v9.json'],
    ['a way to authenticate that is not defined', '- bearer: []', '- barer: []'],
    ['a parameter in no place', 'in: header', 'in: head'],
    ['a type that does not exist', 'type: string', 'type: text'],
  ])('would not pass with %s', async (_what, right, wrong) => {
    const text = contractText('openapi.yaml');
    expect(text).toContain(right);
    expect(await mistakesIn('openapi.yaml', text.replace(right, wrong))).not.toEqual([]);
  });

  test('has the version of the program', () => {
    const program = JSON.parse(projectFile('package.json') ?? '{}') as Part;
    expect(part(API, 'info')['version']).toBe(program['version']);
  });

  test('refers to nothing that is not there, and uses all that it defines', () => {
    const references = referencesOf(API);
    for (const $ref of references) expect(Object.keys(resolved(API, { $ref })), $ref).not.toEqual([]);
    const defined = ['parameters', 'headers', 'responses'].flatMap((kind) =>
      Object.keys(part(API, 'components', kind)).map((name) => `#/components/${kind}/${name}`),
    );
    expect(defined.filter((name) => !references.includes(name))).toEqual([]);
  });

  test('has a webhook for each version, and no other', () => {
    expect(Object.keys(part(API, 'webhooks'))).toEqual(
      VERSIONS.map(({ version }) => `leadWebhook${version.toUpperCase()}`),
    );
  });
});

describe.each(VERSIONS)('the POST of $version', ({ version }) => {
  const sent = requests(version);
  const parameters = parametersOf(version);

  test('has the headers that are written, and no other', () => {
    const inContent = ['content-type', 'accept'];
    const documented = [...parameters.map(({ name }) => String(name)), ...securityHeaders(), ...inContent];
    expect([...new Set(documented)].sort()).toEqual(
      [...new Set(sent.flatMap((headers) => Object.keys(headers)))].sort(),
    );
    expect(parameters.map((parameter) => parameter['in'])).toEqual(parameters.map(() => 'header'));
  });

  test('says which headers are on every request', () => {
    const always = parameters.filter(({ name }) => sent.every((headers) => String(name) in headers));
    expect(parameters.filter(({ required }) => required === true)).toEqual(always);
  });

  test('has values that fit', () => {
    for (const { name, schema } of parameters) {
      const fits = new Ajv({ strict: true }).compile(part(schema));
      const values = sent.flatMap((headers) => headers[String(name)] ?? []);
      expect(values.length, String(name)).toBeGreaterThan(0);
      for (const value of values) expect(fits(value), `${String(name)}: ${value}`).toBe(true);
      expect(fits('?'), String(name)).toBe(false);
    }
  });

  test('names the media types of both bodies as they are sent', () => {
    const [first] = sent;
    const accepted = responsesOf(version).flatMap(([, response]) => Object.keys(part(response, 'content')));
    expect(Object.keys(part(postOf(version), 'requestBody', 'content'))).toEqual([first?.['content-type']]);
    expect([...new Set(accepted)]).toEqual([first?.['accept']]);
  });

  test('has the golden payloads as bodies', () => {
    const folder = new URL('../golden/', import.meta.url);
    const { schema } = part(postOf(version), 'requestBody', 'content', 'application/json');
    const fits = new Ajv({ strict: true, allowUnionTypes: true }).compile(resolved(API, schema));
    const files = readdirSync(folder).filter((name) => name.endsWith(`.${version}.json`));

    expect(part(schema)['$ref']).toBe(`./outbound/lead-webhook.${version}.json`);
    expect(files.length).toBeGreaterThan(10);
    for (const name of files) expect(fits(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))), name).toBe(true);
    expect(fits({})).toBe(false);
  });

  test('allows any one of the ways to authenticate, or none', () => {
    const ways = (postOf(version)['security'] as Part[]).map((way) => Object.keys(way));
    expect(ways).toEqual([[], ...Object.keys(SCHEMES).map((name) => [name])]);
  });

  test('says of every answer what it leads to', () => {
    const responses = new Map(responsesOf(version));
    const said = (status: number): unknown => {
      const exact = responses.get(String(status)) ?? responses.get(`${Math.floor(status / 100)}XX`);
      return (exact ?? responses.get('default'))?.['x-outcome'];
    };
    for (let status = 100; status <= 699; status++) {
      const { kind } = outcomeOf({ kind: 'answer', status, retryAfter: null }, new Map());
      expect([status, said(status)]).toEqual([status, kind]);
    }
    const { kind } = outcomeOf({ kind: 'timeout' }, new Map());
    expect(responses.get('default')?.['x-outcome']).toBe(kind);
  });
});

describe('docs/receivers.md', () => {
  test('lists the headers that the contract lists', () => {
    const table = RECEIVERS.slice(0, RECEIVERS.indexOf('There are no others'));
    const rows = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    const documented = [...parametersOf('v3').map(({ name }) => name), ...securityHeaders(), 'content-type', 'accept'];
    expect(rows.sort()).toEqual([...new Set(documented)].sort());
  });

  test('names the statuses that the contract names one by one', () => {
    const table = RECEIVERS.slice(RECEIVERS.indexOf('## What your answer means'), RECEIVERS.indexOf('## Signatures'));
    const rows = [...table.matchAll(/^\| ([^|]+) \| /gm)].map(([, answer = '']) => answer).join(', ');
    const named = [...rows.matchAll(/\b\d{3}\b/g)].map(([status]) => status);
    expect(named.sort()).toEqual(
      responsesOf('v3')
        .flatMap(([status]) => (/^\d{3}$/.test(status) ? [status] : []))
        .sort(),
    );
  });
});
