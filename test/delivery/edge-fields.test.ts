/** Where requests go and how they are let in, read from definitions of one endpoint. */
import { expect, test } from 'vitest';
import type { Endpoint } from '../../src/delivery/endpoint.ts';
import { parseEndpoint, parseEndpoints } from '../../src/delivery/endpoints.ts';

/** An endpoints file with one endpoint that has the four required fields and `more`. */
function one(...more: string[]): string {
  const required = ['id: crm', 'dealership: 3', 'url: https://h.example/x', 'version: v3'];
  return `endpoints:\n  - ${[...required, ...more].join('\n    ')}\n`;
}

function parse(yaml: string): ReturnType<typeof parseEndpoints> {
  const env = (name: string): string | null => (name === 'ORANGE' ? 'tok-env' : null);
  return parseEndpoints(yaml, { secrets: { file: () => null, env }, emittedVersions: ['v3'] });
}

function good(yaml: string): Endpoint {
  const { endpoints, mistakes } = parse(yaml);
  expect(mistakes).toEqual([]);
  return endpoints[0] ?? expect.unreachable('no endpoint');
}

const told = (yaml: string): string[] => {
  return parse(yaml).mistakes.map(({ line, path, message }) => `${line} ${path}: ${message}`);
};

test('OAuth2 client credentials are read, the secret by reference', () => {
  const more = 'tokenUrl: "https://id.example/token?x=1", clientId: us, clientSecret: { env: ORANGE }';
  const { auth } = good(one(`auth: { type: oauth2-client-credentials, ${more} }`));
  expect(auth).toMatchObject({ type: 'oauth2-client-credentials', clientId: 'us', scope: null, credentials: 'header' });
  if (auth.type !== 'oauth2-client-credentials') return;
  expect([auth.tokenUrl.href, auth.clientSecret.reveal()]).toEqual(['https://id.example/token?x=1', 'tok-env']);
  const full = good(one(`auth: { type: oauth2-client-credentials, ${more}, scope: "a b", credentials: body }`));
  expect(full.auth).toMatchObject({ scope: 'a b', credentials: 'body' });
});

test.each([
  ['clientId: us, clientSecret: { env: ORANGE }', ['tokenUrl is missing: must be an absolute https URL']],
  ['tokenUrl: "http://id.example/", clientId: us, clientSecret: { env: ORANGE }', ['http needs allow: { http: true }']],
  ['tokenUrl: "https://10.0.0.1/", clientId: us, clientSecret: { env: ORANGE }', ['10.0.0.1 is not a public address']],
  ['tokenUrl: "https://id.example/"', ['clientId is missing', 'clientSecret is missing']],
  ['tokenUrl: "https://id.example/", clientId: us, clientSecret: { env: ORANGE }, scope: "a  b"', ['must be scopes']],
  ['tokenUrl: "https://id.example/", clientId: us, clientSecret: { env: ORANGE }, token: { env: ORANGE }', ['token']],
])('what is wrong with OAuth2 is named: %s', (more, messages) => {
  const mistakes = told(one(`auth: { type: oauth2-client-credentials, ${more} }`));
  expect(mistakes).toEqual(messages.map((message) => expect.stringContaining(message)));
});

test.each([
  [
    'https://127.0.0.1/',
    '127.0.0.1 is not a public address (loopback); it needs allow: { addresses: ["127.0.0.1/32"] }',
  ],
  ['https://0x7f.1/', '127.0.0.1 is not a public address (loopback)'],
  [
    'https://[fd12::1]/',
    'fd12::1 is not a public address (uniqueLocal); it needs allow: { addresses: ["fd12::1/128"] }',
  ],
  ['https://169.254.169.254/', '169.254.169.254 is link-local or belongs to a cloud platform'],
])('an address that could not be called is a mistake at once: %s', (url, message) => {
  expect(told(one().replace('https://h.example/x', url))).toEqual(
    [`4 endpoints[0].url: ${message}`].map((start) => {
      return expect.stringContaining(start);
    }),
  );
});

test('an address that the endpoint allows may be called', () => {
  const yaml = one('allow: { addresses: [10.0.0.0/8] }').replace('https://h.example/x', 'https://10.1.2.3/');
  expect(good(yaml).url.hostname).toBe('10.1.2.3');
});

test('where the operator sets bounds, nothing is allowed beyond them', () => {
  const secrets = { file: () => null, env: () => null };
  const value = (range: string) => ({
    id: 'a',
    dealership: 3,
    url: 'https://a.example',
    version: 'v3',
    allow: { addresses: [range] },
  });
  const options = { secrets, emittedVersions: ['v3'], allowedRanges: ['10.1.0.0/16'] };
  expect(parseEndpoint(value('10.1.2.0/24'), options)).toMatchObject({
    endpoint: { allow: { addresses: ['10.1.2.0/24'] } },
  });
  for (const range of ['10.0.0.0/8', '10.2.0.0/16', 'fd00::/8']) {
    expect(parseEndpoint(value(range), options)).toMatchObject({ mistakes: [{ path: 'allow.addresses' }] });
  }
});

test('a sealed secret is opened for the endpoint that it stands in', () => {
  const secrets = { file: () => null, env: () => null, sealed: (text: string, id: string) => `${text} of ${id}` };
  const yaml = one('auth: { type: bearer, token: { sealed: opened } }');
  const { endpoints } = parseEndpoints(yaml, { secrets, emittedVersions: ['v3'] });
  expect(endpoints[0]?.auth.type === 'bearer' && endpoints[0].auth.token.reveal()).toBe('opened of crm');
});
