import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import type { Endpoint } from '../../src/delivery/endpoint.ts';
import { parseEndpoints } from '../../src/delivery/endpoints.ts';
import { selfSigned } from '../support/self-signed.ts';

const WHSEC = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const { cert, key } = selfSigned();
const FILES: Record<string, string> = {
  '/run/secrets/orange': 'tok-file\n',
  '/run/secrets/empty': '\n',
  '/tls/cert.pem': cert,
  '/tls/key.pem': key,
};
const ENV: Record<string, string> = {
  ORANGE: 'tok-env',
  ORANGE_WHSEC: WHSEC,
  BAD_WHSEC: 'whsec_short',
  TWO_LINES: 'a\nb',
};

function parse(yaml: string, emittedVersions = ['v1', 'v2', 'v3']): ReturnType<typeof parseEndpoints> {
  const secrets = { file: (path: string) => FILES[path] ?? null, env: (name: string) => ENV[name] ?? null };
  return parseEndpoints(yaml, { secrets, emittedVersions });
}

/** An endpoints file with one endpoint that has the four required fields and `more`. */
function one(...more: string[]): string {
  return [
    'endpoints:',
    '  - id: crm',
    '    dealership: 3',
    '    url: https://h.example/x',
    '    version: v3',
    ...more.map((line) => `    ${line}`),
    '',
  ].join('\n');
}

function good(yaml: string): Endpoint {
  const { endpoints, mistakes } = parse(yaml);
  expect(mistakes).toEqual([]);
  const [endpoint] = endpoints;
  if (!endpoint) throw new Error('no endpoint');
  return endpoint;
}

const told = (yaml: string): string[] => {
  return parse(yaml).mistakes.map(({ line, path, message }) => `${line} ${path}: ${message}`);
};

test('four fields are enough; the rest has the documented defaults', () => {
  expect(good(one())).toEqual({
    id: 'crm',
    dealership: '3',
    url: new URL('https://h.example/x'),
    version: 'v3',
    on: 'change',
    filters: { websites: new Set(), locations: new Set(), categories: new Set() },
    auth: { type: 'none' },
    signing: [],
    supersede: true,
    limits: { concurrency: 16, ratePerSecond: null, timeoutMs: 15_000 },
    retry: { baseMs: 5000, capMs: 3_600_000, giveUpAfterMs: 259_200_000 },
    outcomes: new Map(),
    breaker: { failures: 10, baseMs: 5000, capMs: 300_000 },
    tls: { ca: null, cert: null, key: null },
    allow: { addresses: [] },
    enabled: true,
  });
});

test('every key of the documented example is understood', () => {
  const endpoint = good(`endpoints:
  - id: orange-crm
    dealership: 3
    url: https://crm.example.com/hooks/leads
    version: v3
    on: create
    filters: { websites: [794], locations: ["Orange Motor Group"], categories: ["Sell My Car Enquiry"] }
    auth: { type: bearer, token: { file: /run/secrets/orange } }
    signing: { secrets: [{ env: ORANGE_WHSEC }] }
    supersede: true
    limits: { concurrency: 16, ratePerSecond: null, timeoutMs: 9000 }
    retry: { baseMs: 5000, capMs: 3600000, giveUpAfterMs: 259200000 }
    outcomes: { 404: retry, 409: delivered, 5xx: refused, tls: unauthorized }
    breaker: { failures: 10, baseMs: 5000, capMs: 300000 }
    tls: { ca: { file: /tls/cert.pem }, cert: { file: /tls/cert.pem }, key: { file: /tls/key.pem } }
    allow: { http: false, addresses: [10.1.0.0/16, fd12::/16] }
    enabled: false
`);
  expect(endpoint).toMatchObject({
    on: 'create',
    enabled: false,
    limits: { timeoutMs: 9000 },
    tls: { cert: cert.trimEnd() },
    allow: { addresses: ['10.1.0.0/16', 'fd12::/16'] },
  });
  expect(endpoint.filters.websites).toEqual(new Set(['794']));
  expect(endpoint.filters.locations).toEqual(new Set(['Orange Motor Group']));
  expect(endpoint.outcomes).toEqual(
    new Map<unknown, string>([
      [404, 'retry'],
      [409, 'delivered'],
      ['5xx', 'refused'],
      ['tls', 'unauthorized'],
    ]),
  );
  expect(endpoint.auth.type === 'bearer' && endpoint.auth.token.reveal()).toBe('tok-file');
});

test('secrets come from files or the environment, lose a trailing newline, and show themselves to nobody', () => {
  const endpoint = good(one('auth: { type: x-authorization, token: { env: ORANGE } }'));
  expect(endpoint.auth.type === 'x-authorization' && endpoint.auth.token.reveal()).toBe('tok-env');
  expect(inspect(endpoint, { depth: 9 }) + JSON.stringify(endpoint)).not.toContain('tok-env');
});

test('anchors may be used', () => {
  const yaml = `${one('limits: &limits { concurrency: 2 }')}${one('limits: *limits').replace('endpoints:\n', '').replace('id: crm', 'id: two')}`;
  expect(parse(yaml).endpoints.map(({ limits }) => limits.concurrency)).toEqual([2, 2]);
});

test('all mistakes of a file are named at once, in the order of their lines', () => {
  const yaml = `endpoints:
  - id: Orange_CRM
    dealership: three
    url: http://h.example/x
    version: v9
    colour: red
  - id: crm
    dealership: 3
    url: https://user:pw@h.example/x
    version: v3
    limits: { concurency: 5 }
  - id: crm
    dealership: 3
    url: https://h.example/x
more: 1
`;
  expect(told(yaml)).toEqual([
    '2 endpoints[0].id: must be 1 to 63 lower case letters, digits and hyphens',
    '3 endpoints[0].dealership: must be a whole number of a dealership id from 1 to 9007199254740991',
    '4 endpoints[0].url: must be an absolute https URL; http needs allow: { http: true }',
    '5 endpoints[0].version: must be one of v1, v2, v3',
    expect.stringMatching(/^6 endpoints\[0\]\.colour: is not known; allowed here: id, dealership, /),
    '9 endpoints[1].url: must not contain a user or password; use auth',
    '11 endpoints[1].limits.concurency: is not known; allowed here: concurrency, timeoutMs, ratePerSecond; did you mean concurrency?',
    '12 endpoints[2]: version is missing: one of v1, v2, v3',
    '12 endpoints[2].id: is taken already by the endpoint at line 7; an id names one endpoint',
    expect.stringMatching(/^15 more: is not known; allowed here: endpoints/),
  ]);
});

test('order, rate and breaker are as they are given', () => {
  const lines = ['supersede: false', 'limits: { ratePerSecond: 0.5 }', 'breaker: { failures: 3, capMs: 9000 }'];
  expect(good(one(...lines))).toMatchObject({
    supersede: false,
    limits: { ratePerSecond: 0.5 },
    breaker: { failures: 3, baseMs: 5000, capMs: 9000 },
  });
});

test('a timeout is bounded by what the session timeout of the group allows, and so is its default', () => {
  const secrets = { file: () => null, env: () => null };
  const options = { secrets, emittedVersions: ['v1', 'v2', 'v3'], timeoutMsMax: 4200 };
  expect(parseEndpoints(one(), options).endpoints[0]?.limits.timeoutMs).toBe(4200);
  const { mistakes } = parseEndpoints(one('limits: { timeoutMs: 5000 }'), options);
  expect(mistakes).toMatchObject([
    {
      line: 6,
      path: 'endpoints[0].limits.timeoutMs',
      message: 'must be a whole number of milliseconds from 100 to 4200',
    },
  ]);
});

test.each([
  ['url: ftp://h/x', 'must be an absolute https URL'],
  ['on: update', 'must be one of change, create'],
  ['filters: { websites: [a] }', 'must be a list of website ids'],
  ['filters: { locations: North }', 'must be a list'],
  ['filters: { categories: [1] }', 'must be a list of texts'],
  ['auth: { type: basic }', 'must be one of bearer'],
  ['auth: { token: { env: ORANGE } }', 'type is missing'],
  ['auth: { type: bearer }', 'token is missing'],
  ['auth: { type: none, token: { env: ORANGE } }', 'is not known'],
  ['auth: { type: bearer, token: abc }', 'must be a mapping'],
  ['auth: { type: bearer, token: {} }', 'none is given'],
  ['auth: { type: bearer, token: { env: ORANGE, file: /x } }', 'not several of them'],
  ['auth: { type: bearer, token: { sealed: abc } }', 'cannot be opened without LEAD_WEBHOOKS_SEAL_KEY'],
  ['auth: { type: bearer, token: { env: NOWHERE } }', 'the environment variable is not there'],
  ['auth: { type: bearer, token: { file: /nowhere } }', 'the file is not there'],
  ['auth: { type: bearer, token: { file: /run/secrets/empty } }', 'the file is empty'],
  ['auth: { type: bearer, token: { env: TWO_LINES } }', 'must be one line of printable ASCII'],
  ['signing: { secrets: [{ env: BAD_WHSEC }] }', 'must be whsec_ followed by'],
  ['signing: { secrets: [{ env: ORANGE_WHSEC }, { env: ORANGE_WHSEC }, { env: ORANGE_WHSEC }] }', 'at most two'],
  ['limits: { timeoutMs: 15s }', 'whole number of milliseconds from 100 to 21000'],
  ['limits: { concurrency: 0 }', 'from 1 to 1000'],
  ['limits: { ratePerSecond: 0 }', 'must be a number of requests from 0.001 to 10000'],
  ['breaker: { failures: 0 }', 'must be a whole number of failures from 1 to 10000'],
  ['breaker: { capMs: 10, baseMs: 20 }', 'must not be below baseMs'],
  ['supersede: 1', 'must be true or false'],
  ['retry: { baseMs: -5 }', 'whole number of milliseconds'],
  ['retry: { baseMs: 5000, capMs: 4000 }', 'must not be below baseMs'],
  ['outcomes: { 99: retry }', 'must be an HTTP status'],
  ['outcomes: { 404: ignore }', 'must be one of delivered, retry, refused, unauthorized, gone'],
  ['allow: { addresses: [10.0.0.300] }', 'must be a CIDR'],
  ['tls: { cert: { file: /tls/cert.pem } }', 'cert and key go together'],
  ['tls: { ca: { env: ORANGE } }', 'must be PEM'],
  ['enabled: yes please', 'must be true or false'],
  ['enabled: "true"', 'must be true or false'],
])('a wrong value is named with what is allowed: %s', (line, message) => {
  const yaml = line.startsWith('url') ? one().replace(/ {4}url.*/, `    ${line}`) : one(line);
  const { endpoints, mistakes } = parse(yaml);
  expect(endpoints).toEqual([]);
  expect(mistakes.map((mistake) => mistake.message)).toEqual([expect.stringContaining(message)]);
});

test('no message contains a secret', () => {
  const yaml = one('auth: { type: bearer, token: { env: TWO_LINES } }', 'signing: { secrets: [{ env: BAD_WHSEC }] }');
  expect(JSON.stringify(parse(yaml).mistakes)).not.toMatch(/short|a\\\\nb/);
});

test('http is allowed where the endpoint says so', () => {
  expect(good(one('allow: { http: true }').replace('https:', 'http:')).url.protocol).toBe('http:');
});

test('the ids of definitions with mistakes are told, and of one that stands twice neither is taken', () => {
  const yaml = `${one()}${one().replace('endpoints:\n', '')}${one('on: never').replace('endpoints:\n', '').replace('id: crm', 'id: two')}`;
  const { endpoints, refused } = parse(yaml);
  expect([endpoints, refused]).toEqual([[], new Set(['crm', 'two'])]);
});

test('a version that the join does not emit is a mistake by name', () => {
  const { mistakes } = parse(one(), ['v1', 'v2']);
  expect(mistakes).toMatchObject([
    { path: 'endpoints[0].version', message: 'v3 is not emitted here; emitted are v1, v2' },
  ]);
});

test('text that is not YAML, an empty file and a list are mistakes with a line', () => {
  expect(told('endpoints:\n  - {')).toEqual([expect.stringMatching(/^[23] : is not YAML/)]);
  expect(told('')).toEqual(['1 : must be a mapping of names to values']);
  expect(told('- 1')).toEqual(['1 : must be a mapping of names to values']);
  expect(told('a: 1\na: 2\n')).toEqual(['2 : is not YAML: DUPLICATE_KEY']);
  expect(told('endpoints: []')).toEqual([]);
});
