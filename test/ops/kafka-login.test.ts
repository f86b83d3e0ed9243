/** The login to Kafka: what each mechanism needs, and what it does not use. Through the whole configuration, as an operator meets it. */
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/ops/config.ts';
import type { KafkaLogin } from '../../src/ops/kafka-login.ts';
import { KAFKA_SETTINGS } from '../../src/ops/kafka-settings.ts';

type Env = Readonly<Record<string, string>>;

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB';
const OAUTH = { KAFKA_SASL_MECHANISM: 'oauthbearer' };
const ENDPOINT = {
  ...OAUTH,
  KAFKA_SASL_OAUTH_TOKEN_URL: 'https://id.example/token',
  KAFKA_SASL_OAUTH_CLIENT_ID: 'us',
  KAFKA_SASL_OAUTH_CLIENT_SECRET: 's3cret',
};
const MSK = { KAFKA_SASL_MECHANISM: 'aws-msk-iam', KAFKA_SASL_AWS_REGION: 'ap-southeast-2', KAFKA_SSL: 'true' };

const parse = (env: Env) => parseConfig({ KAFKA_BROKERS: 'a:1', ...env }, () => PEM);

function loginOf(env: Env): KafkaLogin | null {
  const parsed = parse(env);
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.config.kafka.sasl;
}

function problemsOf(env: Env): readonly string[] {
  const parsed = parse(env);
  return 'problems' in parsed ? parsed.problems : [];
}

test('a token endpoint comes with what to ask it, and its secret is not printed', () => {
  const login = loginOf({
    ...ENDPOINT,
    KAFKA_SASL_OAUTH_CA_FILE: '/run/ca.pem',
    KAFKA_SASL_OAUTH_CREDENTIALS: 'body',
    KAFKA_SASL_OAUTH_SCOPE: 'kafka.read kafka.write',
    KAFKA_SASL_OAUTH_PARAMETERS: 'audience=https://kafka?a=b, resource=x',
    KAFKA_SASL_EXTENSIONS: 'logicalCluster=lkc-1,identityPoolId=pool-2',
  });
  expect(login).toEqual({
    mechanism: 'oauthbearer',
    source: {
      kind: 'endpoint',
      url: 'https://id.example/token',
      ca: PEM,
      clientId: 'us',
      clientSecret: expect.anything(),
      credentials: 'body',
      scope: 'kafka.read kafka.write',
      parameters: new Map([
        ['audience', 'https://kafka?a=b'],
        ['resource', 'x'],
      ]),
    },
    extensions: new Map([
      ['logicalCluster', 'lkc-1'],
      ['identityPoolId', 'pool-2'],
    ]),
  });
  expect(JSON.stringify(login)).not.toContain('s3cret');
});

test('the least of a token endpoint is its URL, a name and a secret', () => {
  expect(loginOf(ENDPOINT)).toMatchObject({
    source: { ca: null, credentials: 'header', scope: null, parameters: new Map() },
  });
  expect(problemsOf({ ...OAUTH, KAFKA_SASL_OAUTH_TOKEN_URL: 'https://id.example/token' })).toEqual([
    'KAFKA_SASL_OAUTH_CLIENT_ID: is required with KAFKA_SASL_OAUTH_TOKEN_URL',
    'KAFKA_SASL_OAUTH_CLIENT_SECRET: is required with KAFKA_SASL_OAUTH_TOKEN_URL',
  ]);
});

test('a token comes from a file or from an endpoint, and from one of them', () => {
  expect(loginOf({ ...OAUTH, KAFKA_SASL_TOKEN_FILE: '/run/token' })).toEqual({
    mechanism: 'oauthbearer',
    source: { kind: 'file', path: '/run/token' },
    extensions: new Map(),
  });
  const one = [
    'KAFKA_SASL_TOKEN_FILE, KAFKA_SASL_OAUTH_TOKEN_URL: set one of them with KAFKA_SASL_MECHANISM=oauthbearer',
  ];
  expect(problemsOf(OAUTH)).toEqual(one);
  expect(problemsOf({ ...ENDPOINT, KAFKA_SASL_TOKEN_FILE: '/run/token' })).toEqual(one);
});

test('MSK with IAM needs a region and TLS', () => {
  expect(loginOf(MSK)).toEqual({ mechanism: 'aws-msk-iam', region: 'ap-southeast-2' });
  expect(problemsOf({ KAFKA_SASL_MECHANISM: 'aws-msk-iam' })).toEqual([
    'KAFKA_SASL_AWS_REGION: is required with KAFKA_SASL_MECHANISM=aws-msk-iam',
    'KAFKA_SSL: must be true with KAFKA_SASL_MECHANISM=aws-msk-iam',
  ]);
});

test.each([
  ['a password with MSK IAM', { ...MSK, KAFKA_SASL_PASSWORD: 'p' }, 'KAFKA_SASL_PASSWORD'],
  ['a user name with a token', { ...ENDPOINT, KAFKA_SASL_USERNAME: 'u' }, 'KAFKA_SASL_USERNAME'],
  ['a token file without a mechanism', { KAFKA_SASL_TOKEN_FILE: '/t' }, 'KAFKA_SASL_TOKEN_FILE'],
  [
    'a scope with a token file',
    { ...OAUTH, KAFKA_SASL_TOKEN_FILE: '/t', KAFKA_SASL_OAUTH_SCOPE: 's' },
    'KAFKA_SASL_OAUTH_SCOPE',
  ],
  ['a region with a token', { ...ENDPOINT, KAFKA_SASL_AWS_REGION: 'eu-west-1' }, 'KAFKA_SASL_AWS_REGION'],
] as const)('a setting that would do nothing is a problem: %s', (_what, env, name) => {
  expect(problemsOf(env)).toEqual([expect.stringMatching(new RegExp(`^${name}: has no effect without KAFKA_SASL_`))]);
});

test('a mechanism that is not one is the only problem told of the login', () => {
  expect(problemsOf({ ...ENDPOINT, KAFKA_SASL_MECHANISM: 'oauth' })).toEqual([
    expect.stringMatching(/^KAFKA_SASL_MECHANISM: must be plain or .* or aws-msk-iam, is "oauth"$/),
  ]);
});

test.each(['auth=x', 'a b=c', 'a=1,a=2', 'a=', '=b', 'a', 'a=b,', 'a=\x01'])('%j are no extensions', (text) => {
  expect(KAFKA_SETTINGS.saslExtensions.parser.parse(text)).toBe(null);
});
