/** parseConfig is pure: environment in, a frozen configuration or every problem out. Files are a Map here. */
import { expect, test } from 'vitest';
import { type Config, parseConfig, readSetting } from '../../src/ops/config.ts';
import { allSettings, SETTINGS } from '../../src/ops/config-table.ts';

const MINIMAL = { KAFKA_BROKERS: 'kafka-1:9092,kafka-2:9092' };
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';

function fileReader(files: Record<string, string>): (path: string) => string {
  return (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  };
}

function configOf(env: Record<string, string>, files: Record<string, string> = {}): Config {
  const parsed = parseConfig({ ...MINIMAL, ...env }, fileReader(files));
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.config;
}

function problemsOf(env: Record<string, string>, files: Record<string, string> = {}): readonly string[] {
  const parsed = parseConfig({ ...MINIMAL, ...env }, fileReader(files));
  return 'problems' in parsed ? parsed.problems : [];
}

test('brokers alone are enough: everything else has the documented default', () => {
  const config = configOf({});
  expect(config.kafka).toEqual({ brokers: ['kafka-1:9092', 'kafka-2:9092'], ssl: null, sasl: null });
  expect(config.registry).toBeNull();
  expect(config.sources).toMatchObject({
    leads: 'dealerstudio.public.leads',
    announceSince: { rule: 'first-start' },
    jsonTimeUnit: 'micros',
    unavailableValue: '__debezium_unavailable_value',
    testDrivePurposes: null,
    epoch: 0,
  });
  expect(config.topics.outbound).toBe('lead-webhooks.outbound');
  expect(config.layout).toEqual({ partitions: 12, outboundPartitions: 12, replicationFactor: 3 });
  expect(config.payload).toEqual({ versions: ['v1', 'v2', 'v3'], framing: 'registry' });
  expect(config.tasks).toMatchObject({ sessionTimeoutMs: 30_000, transactionTimeoutMs: 15_000, commitIntervalMs: 25 });
  expect(config.admin).toEqual({ host: '127.0.0.1', port: 8080 });
});

test('every default passes its own parser', () => {
  for (const { env, fallback, parser } of allSettings()) {
    if (fallback !== null) expect(parser.parse(fallback.replace('<app id>', 'x')), env).not.toBeNull();
  }
});

test('own topics follow the app id unless they are named', () => {
  const config = configOf({ LEAD_WEBHOOKS_APP_ID: 'crm', LEAD_WEBHOOKS_META_TOPIC: 'elsewhere' });
  expect(config.topics).toMatchObject({ outbound: 'crm.outbound', deadLetters: 'crm.dead-letters', meta: 'elsewhere' });
});

test('all problems are reported at once, each with its name first', () => {
  const problems = problemsOf({
    KAFKA_BROKERS: '',
    LEAD_WEBHOOKS_PARTITIONS: '0',
    LEAD_WEBHOOKS_LOG_LEVEL: 'loud',
    LEAD_WEBHOOKS_ANNOUNCE_SINCE: '2026-02-30T00:00:00Z',
    LEAD_WEBHOOKS_PAYLOAD_VERSIONS: 'v1,v4',
    LEAD_WEBHOOKS_APP_ID: 'no spaces',
  });
  expect(problems.map((problem) => problem.split(':')[0])).toEqual([
    'KAFKA_BROKERS',
    'LEAD_WEBHOOKS_APP_ID',
    'LEAD_WEBHOOKS_ANNOUNCE_SINCE',
    'LEAD_WEBHOOKS_PARTITIONS',
    'LEAD_WEBHOOKS_PAYLOAD_VERSIONS',
    'LEAD_WEBHOOKS_LOG_LEVEL',
  ]);
  expect(problems[0]).toBe('KAFKA_BROKERS: is required: host:port, comma separated, none twice');
  expect(problems[3]).toBe('LEAD_WEBHOOKS_PARTITIONS: must be a whole number, 1 to 10000, is "0"');
});

test('an empty value counts as not set', () => {
  expect(configOf({ LEAD_WEBHOOKS_INSTANCE_ID: '', LEAD_WEBHOOKS_PARTITIONS: '' })).toEqual(configOf({}));
});

test('an unknown name under the own prefix is refused with the nearest known name', () => {
  expect(problemsOf({ LEAD_WEBHOOKS_PARTITION: '12' })).toEqual([
    'LEAD_WEBHOOKS_PARTITION: is not a known name, did you mean LEAD_WEBHOOKS_PARTITIONS?',
  ]);
  expect(problemsOf({ LEAD_WEBHOOKS_SOMETHING_ELSE_ALTOGETHER: 'x' })).toEqual([
    'LEAD_WEBHOOKS_SOMETHING_ELSE_ALTOGETHER: is not a known name',
  ]);
});

test('other names, those of Kafka tools included, are nobody’s mistake', () => {
  expect(problemsOf({ PATH: '/bin', KAFKA_HEAP_OPTS: '-Xmx1g', SCHEMA_REGISTRY_HOST_NAME: 'x' })).toEqual([]);
});

test('what Kubernetes injects for a Service of our name is ignored', () => {
  const links = {
    LEAD_WEBHOOKS_SERVICE_HOST: '10.0.0.1',
    LEAD_WEBHOOKS_SERVICE_PORT: '8080',
    LEAD_WEBHOOKS_SERVICE_PORT_HTTP: '8080',
    LEAD_WEBHOOKS_PORT: 'tcp://10.0.0.1:8080',
    LEAD_WEBHOOKS_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
    LEAD_WEBHOOKS_PORT_8080_TCP_ADDR: '10.0.0.1',
    LEAD_WEBHOOKS_JOIN_PORT_8080_TCP_PROTO: 'tcp',
  };
  expect(problemsOf(links)).toEqual([]);
  expect(problemsOf({ LEAD_WEBHOOKS_PORT: '8080' })).toHaveLength(1);
});

test('a Kubernetes service link on a name of ours is explained', () => {
  const [problem] = problemsOf({ LEAD_WEBHOOKS_ADMIN_PORT: 'tcp://10.0.0.1:8080' });
  expect(problem).toContain('enableServiceLinks: false');
});

test('a secret may come from a file, whose last newline is cut', () => {
  const config = configOf(
    { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD_FILE: '/run/p' },
    { '/run/p': 'pass word\r\n' },
  );
  const { sasl } = config.kafka;
  expect([sasl?.mechanism, sasl?.mechanism === 'plain' && sasl.password.reveal()]).toEqual(['plain', 'pass word']);
});

test('every secret setting has a _FILE twin', () => {
  for (const { env, secret, fileTwin } of allSettings()) if (secret) expect(fileTwin, env).toBe(true);
});

test('a secret given twice, an unreadable file and an empty file are problems', () => {
  const sasl = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD_FILE: '/run/p' };
  expect(problemsOf({ ...sasl, KAFKA_SASL_PASSWORD: 'x' }, { '/run/p': 'y' })).toEqual([
    'KAFKA_SASL_PASSWORD: is set twice: as it is and as KAFKA_SASL_PASSWORD_FILE',
  ]);
  expect(problemsOf(sasl)).toEqual([
    'KAFKA_SASL_PASSWORD: the file of KAFKA_SASL_PASSWORD_FILE cannot be read (ENOENT): /run/p',
  ]);
  expect(problemsOf(sasl, { '/run/p': '\n' })).toEqual([
    'KAFKA_SASL_PASSWORD: the file of KAFKA_SASL_PASSWORD_FILE is empty: /run/p',
  ]);
});

test('no problem and no printed setting shows a secret', () => {
  const env = {
    ...MINIMAL,
    KAFKA_SSL: 'true',
    KAFKA_SSL_CERT: CERTIFICATE,
    KAFKA_SSL_KEY: 'hunter2 is no PEM',
    SCHEMA_REGISTRY_URL: 'http://user:hunter2@registry:8081',
  };
  expect(JSON.stringify(parseConfig(env, fileReader({})))).not.toContain('hunter2');
  const good = {
    ...MINIMAL,
    SCHEMA_REGISTRY_URL: 'http://r',
    SCHEMA_REGISTRY_USERNAME: 'u',
    SCHEMA_REGISTRY_PASSWORD: 'hunter2',
  };
  const parsed = parseConfig(good, fileReader({}));
  expect(JSON.stringify(parsed)).not.toContain('hunter2');
  expect(parsed).toMatchObject({
    effective: expect.arrayContaining([{ name: 'SCHEMA_REGISTRY_PASSWORD', value: '[secret]', origin: 'environment' }]),
  });
});

test('TLS settings need TLS, and certificate and key need each other', () => {
  expect(problemsOf({ KAFKA_SSL_CA: CERTIFICATE })).toEqual(['KAFKA_SSL_CA: has no effect without KAFKA_SSL=true']);
  expect(problemsOf({ KAFKA_SSL: 'true', KAFKA_SSL_CERT: CERTIFICATE })).toEqual([
    'KAFKA_SSL_CERT, KAFKA_SSL_KEY: are set both or not at all',
  ]);
  const config = configOf({
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA: CERTIFICATE,
    KAFKA_SSL_CERT: CERTIFICATE,
    KAFKA_SSL_KEY: CERTIFICATE,
  });
  expect(config.kafka.ssl?.ca).toBe(CERTIFICATE);
  expect(config.kafka.ssl?.client?.key.reveal()).toBe(CERTIFICATE);
});

test('a login needs mechanism, user name and password together', () => {
  expect(problemsOf({ KAFKA_SASL_MECHANISM: 'scram-sha-512' })).toEqual([
    'KAFKA_SASL_USERNAME: is required with KAFKA_SASL_MECHANISM=scram-sha-512',
    'KAFKA_SASL_PASSWORD: is required with KAFKA_SASL_MECHANISM=scram-sha-512',
  ]);
  expect(problemsOf({ KAFKA_SASL_USERNAME: 'u' })).toEqual([
    'KAFKA_SASL_USERNAME: has no effect without KAFKA_SASL_MECHANISM',
  ]);
  expect(problemsOf({ SCHEMA_REGISTRY_USERNAME: 'u' })).toEqual([
    'SCHEMA_REGISTRY_USERNAME, SCHEMA_REGISTRY_PASSWORD: are set both or not at all',
    'SCHEMA_REGISTRY_USERNAME: has no effect without SCHEMA_REGISTRY_URL',
  ]);
});

test('no two settings may name the same topic', () => {
  expect(problemsOf({ LEAD_WEBHOOKS_LEADS_TOPIC: 'lead-webhooks.outbound' })).toEqual([
    'LEAD_WEBHOOKS_LEADS_TOPIC, LEAD_WEBHOOKS_OUTBOUND_TOPIC: both name the topic "lead-webhooks.outbound"',
  ]);
});

test('the configuration is frozen to its leaves', () => {
  const config = configOf({ KAFKA_SSL: 'true' });
  expect(() => Object.assign(config.admin, { port: 1 })).toThrow(TypeError);
  expect(() => Object.assign(config.kafka.ssl ?? {}, { ca: 'x' })).toThrow(TypeError);
  expect(() => Object.assign(config.payload.versions, { 0: 'v9' })).toThrow(TypeError);
});

test('the effective settings are all settings in the order of the table, with their origin', () => {
  const parsed = parseConfig({ ...MINIMAL, LEAD_WEBHOOKS_PARTITIONS: '24' }, fileReader({}));
  if ('problems' in parsed) throw new Error('unexpected problems');
  expect(parsed.effective.map(({ name }) => name)).toEqual(allSettings().map(({ env }) => env));
  expect(parsed.effective).toContainEqual({ name: 'LEAD_WEBHOOKS_PARTITIONS', value: '24', origin: 'environment' });
  expect(parsed.effective).toContainEqual({
    name: 'LEAD_WEBHOOKS_OUTBOUND_TOPIC',
    value: 'lead-webhooks.outbound',
    origin: 'default',
  });
});

const noFile = (): never => {
  throw new Error('there is no file');
};

test('one setting can be read alone, with the same problem as in the whole', () => {
  expect(readSetting(SETTINGS.payload.versions, {}, noFile)).toEqual({ value: ['v1', 'v2', 'v3'] });
  const env = { LEAD_WEBHOOKS_PAYLOAD_VERSIONS: 'v9' };
  expect([readSetting(SETTINGS.payload.versions, env, noFile)]).toEqual(
    problemsOf(env).map((problem) => ({ problem })),
  );
  expect(readSetting(SETTINGS.deliver.sealKeys, {}, noFile)).toEqual({ value: null });
  const twin = { LEAD_WEBHOOKS_SEAL_KEY_FILE: '/key' };
  expect(
    readSetting(SETTINGS.deliver.sealKeys, twin, () => `${Buffer.alloc(32, 7).toString('base64')}\n`),
  ).toMatchObject({
    value: [{}],
  });
});
