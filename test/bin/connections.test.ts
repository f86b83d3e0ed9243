/** The configuration in the clients' shapes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kafkaOptions, registryOptions, withSettings } from '../../src/bin/connections.ts';
import { TokenFailure } from '../../src/kafka/bearer-login.ts';
import { KafkaFailure } from '../../src/kafka/errors.ts';
import { RegistryUnavailable } from '../../src/kafka/registry-http.ts';
import { type Config, parseConfig } from '../../src/ops/config.ts';
import { scratchFolder } from '../support/scratch.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB';

function configOf(env: Record<string, string>): Config {
  const parsed = parseConfig({ KAFKA_BROKERS: 'a:1', ...env }, () => '');
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.config;
}

test('plain brokers need nothing else, and the client id names app and part', () => {
  expect(kafkaOptions(configOf({}), 'join')).toEqual({ brokers: ['a:1'], clientId: 'lead-webhooks/join' });
});

test('an instance id is part of the client id', () => {
  expect(kafkaOptions(configOf({ LEAD_WEBHOOKS_INSTANCE_ID: 'pod-0' }), 'join').clientId).toBe(
    'lead-webhooks/join/pod-0',
  );
});

test('TLS without own authority is true, with PEM texts it is those', () => {
  expect(kafkaOptions(configOf({ KAFKA_SSL: 'true' }), 'x').ssl).toBe(true);
  const mutual = { KAFKA_SSL: 'true', KAFKA_SSL_CA: PEM, KAFKA_SSL_CERT: PEM, KAFKA_SSL_KEY: PEM };
  expect(kafkaOptions(configOf(mutual), 'x').ssl).toEqual({ ca: PEM, cert: PEM, key: PEM });
});

test('credentials are revealed to the clients', () => {
  const config = configOf({
    KAFKA_SASL_MECHANISM: 'scram-sha-256',
    KAFKA_SASL_USERNAME: 'u',
    KAFKA_SASL_PASSWORD: 'p',
    SCHEMA_REGISTRY_URL: 'http://r:8081',
    SCHEMA_REGISTRY_USERNAME: 'ru',
    SCHEMA_REGISTRY_PASSWORD: 'rp',
  });
  expect(kafkaOptions(config, 'x').sasl).toEqual({ mechanism: 'scram-sha-256', username: 'u', password: 'p' });
  expect(config.registry && registryOptions(config.registry)).toEqual({
    url: 'http://r:8081',
    username: 'ru',
    password: 'rp',
  });
});

test('a token file is read at every login', async () => {
  await using scratch = await scratchFolder();
  const path = join(scratch.folder, 'token');
  const { sasl } = kafkaOptions(configOf({ KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_TOKEN_FILE: path }), 'x');
  const token = async (): Promise<string> => (sasl?.mechanism === 'oauthbearer' ? sasl.token() : '');
  for (const value of ['first', 'second']) {
    await writeFile(path, `${value}\n`);
    expect(await token()).toBe(value);
  }
});

test('all connections of a configuration share one source of tokens', () => {
  const endpoint = configOf({
    KAFKA_SASL_MECHANISM: 'oauthbearer',
    KAFKA_SASL_OAUTH_TOKEN_URL: 'https://id.example/token',
    KAFKA_SASL_OAUTH_CLIENT_ID: 'us',
    KAFKA_SASL_OAUTH_CLIENT_SECRET: 's',
    KAFKA_SASL_EXTENSIONS: 'logicalCluster=lkc-1',
  });
  const { sasl } = kafkaOptions(endpoint, 'join');
  expect(sasl).toMatchObject({ mechanism: 'oauthbearer', extensions: new Map([['logicalCluster', 'lkc-1']]) });
  expect(sasl).toEqual(kafkaOptions(endpoint, 'rekey').sasl);
});

test('MSK with IAM logs in with a bearer token', () => {
  const aws = { KAFKA_SSL: 'true', KAFKA_SASL_MECHANISM: 'aws-msk-iam', KAFKA_SASL_AWS_REGION: 'eu-west-1' };
  expect(kafkaOptions(configOf(aws), 'x').sasl).toEqual({ mechanism: 'oauthbearer', token: expect.any(Function) });
});

test('a first contact that fails names the settings to look at', () => {
  const told = (error: unknown): string => String(withSettings(error));
  expect(told(new KafkaFailure('unavailable', 'Kafka request failed', 'ECONNREFUSED'))).toBe(
    'StartRefused: no broker of KAFKA_BROKERS can be used: Kafka request failed (ECONNREFUSED)',
  );
  expect(told(new TokenFailure('unavailable', 'the token endpoint id.example cannot be reached'))).toBe(
    'StartRefused: there is no token for Kafka, look at KAFKA_SASL_*: the token endpoint id.example cannot be reached',
  );
  expect(told(new KafkaFailure('authentication', 'Kafka request failed'))).toMatch(
    /KAFKA_SASL_\* and KAFKA_SSL_\*: Kafka/,
  );
  for (const type of ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID']) {
    expect(told(new KafkaFailure('authentication', 'Kafka request failed', type))).toContain(
      'look at KAFKA_SSL_CA and at',
    );
  }
  expect(told(new KafkaFailure('unavailable', 'Kafka request failed', 'KafkaJSConnectionClosedError'))).toContain(
    'hang up, which they do when a port wants TLS',
  );
  expect(told(new RegistryUnavailable('network', 'it is away'))).toBe(
    'StartRefused: SCHEMA_REGISTRY_URL cannot be used: it is away',
  );
});

test('any other failure stays as it is', () => {
  const bug = new TypeError('x is not a function');
  expect(withSettings(bug)).toBe(bug);
  const fenced = new KafkaFailure('fenced', 'fenced');
  expect(withSettings(fenced)).toBe(fenced);
});
