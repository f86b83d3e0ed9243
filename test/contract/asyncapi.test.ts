/** `schemas/asyncapi.yaml` against the program: every topic as it is made, every header as it is written, every payload as it is. */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, test } from 'vitest';
import { partitionOf } from '../../src/core/partition.ts';
import { VERSIONS } from '../../src/core/payload/versions.ts';
import { deliveryDeadLetter } from '../../src/kafka/outbound-record.ts';
import { ownTopics } from '../../src/kafka/own-topics.ts';
import { type Config, parseConfig } from '../../src/ops/config.ts';
import { announcement } from '../support/announcement.ts';
import { SourceDatabase } from '../support/change-events.ts';
import { contractText, mistakesIn } from '../support/contract-lint.ts';
import { contract, type Part, part, referencesOf, resolved } from '../support/contracts.ts';
import { projectFile } from '../support/documents.ts';
import { sourceLead } from '../support/source-rows.ts';
import { TopologyDriver } from '../support/topology-driver.ts';

const API = contract('asyncapi.yaml');
const CHANNELS = part(API, 'channels');
const SOURCES = ['leads', 'appointments', 'testDrives'] as const;

/** The configuration with nothing set but what has no default. */
function defaults(): Config {
  const parsed = parseConfig({ KAFKA_BROKERS: 'kafka:9092', SCHEMA_REGISTRY_URL: 'http://registry:8081' }, () => '');
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.config;
}

const CONFIG = defaults();

function messagesOf(channel: string): [string, Part][] {
  return Object.entries(part(CHANNELS, channel, 'messages')).map(([name, at]) => [name, resolved(API, at)]);
}

/** The header schemas of a message, joined: what `allOf` names counts as its own. */
function headersOf(message: Part): { known: string[]; required: string[] } {
  const schema = resolved(API, message['headers']);
  const parts = [schema, ...((schema['allOf'] ?? []) as unknown[]).map((at) => resolved(API, at))];
  return {
    known: [...new Set(parts.flatMap((at) => Object.keys(part(at, 'properties'))))].sort(),
    required: parts.flatMap((at) => (at['required'] ?? []) as string[]).sort(),
  };
}

function headerValidator(message: Part): ValidateFunction {
  const { components } = API;
  return new Ajv({ strict: false, formats: { 'date-time': true } }).compile({
    ...message,
    ...resolved(API, message['headers']),
    components,
  });
}

const texts = (headers: Readonly<Record<string, Buffer | string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.toString()]));

describe('schemas/asyncapi.yaml', () => {
  test('is valid by the schema of AsyncAPI 3.0.0, and the linter finds nothing', async () => {
    expect(await mistakesIn('asyncapi.yaml')).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['no title', '  title: lead-webhooks, its topics\n', ''],
    ['a field that does not exist', '\nchannels:\n', '\nchanels:\n'],
    ['an action that does not exist', 'action: send', 'action: publish'],
    ['a reference to nothing', "'#/channels/meta'", "'#/channels/mata'"],
    ['a version of the bindings that does not exist', 'bindingVersion: 0.5.0', 'bindingVersion: 0.5.9'],
    ['a number of partitions that is a text', 'partitions: 12', 'partitions: twelve'],
  ])('would not pass with %s', async (_what, right, wrong) => {
    const text = contractText('asyncapi.yaml');
    expect(text).toContain(right);
    expect(await mistakesIn('asyncapi.yaml', text.replace(right, wrong))).not.toEqual([]);
  });

  test('has the version of the program', () => {
    const program = JSON.parse(projectFile('package.json') ?? '{}') as Part;
    expect(part(API, 'info')['version']).toBe(program['version']);
  });

  test('refers to nothing that is not there, and takes every payload from its own file', () => {
    const references = referencesOf(API);
    expect(references.length).toBeGreaterThan(40);
    for (const $ref of references) expect(Object.keys(resolved(API, { $ref })), $ref).not.toEqual([]);
  });

  test('uses every part that it defines, and every schema file of the topics', () => {
    const references = new Set(referencesOf(API));
    const components = ['messages', 'schemas', 'tags'].flatMap((kind) =>
      Object.keys(part(API, 'components', kind)).map((name) => `#/components/${kind}/${name}`),
    );
    const files = ['internal', 'outbound', 'sources'].flatMap((folder) =>
      readdirSync(new URL(`../../schemas/${folder}`, import.meta.url))
        .filter((name) => /\.avsc$|^lead-webhook\..*\.json$/.test(name))
        .map((name) => `./${folder}/${name}`),
    );
    expect([...components, ...files].filter((name) => !references.has(name))).toEqual([]);
  });
});

describe('the topics', () => {
  const wanted = new Map(ownTopics(CONFIG).map((topic) => [topic.name, topic]));
  const own = Object.entries(CONFIG.topics);

  test('are the own ones, the sources and the endpoints, and no other', () => {
    expect(Object.keys(CHANNELS).sort()).toEqual([...own.map(([key]) => key), ...SOURCES, 'endpoints'].sort());
  });

  test.each(own)('%s is described as it is made', (key, name) => {
    const { partitions, replicas, topicConfiguration, topic, ...rest } = part(CHANNELS, key, 'bindings', 'kafka');
    const spelled = Object.entries(part(topicConfiguration)).map(([setting, value]) => [setting, String(value)]);
    const made = wanted.get(name);

    expect(part(CHANNELS, key)['address']).toBe(name);
    expect(topic).toBe(name);
    expect(partitions ?? rest['x-partitions']).toBe(made?.partitions);
    expect(replicas).toBe(made?.replicationFactor);
    expect(Object.fromEntries(spelled)).toEqual(
      Object.fromEntries(Object.entries(made?.settings ?? {}).map(([setting, { value }]) => [setting, value])),
    );
  });

  test.each(SOURCES)('the source %s has its default name', (key) => {
    expect(part(CHANNELS, key)['address']).toBe(CONFIG.sources[key]);
    expect(part(CHANNELS, key, 'bindings', 'kafka')['topic']).toBe(CONFIG.sources[key]);
  });

  test('are named by the settings that the channels say', () => {
    const names = Object.entries(CHANNELS).map(([key, at]) => [key, String(part(at)['x-setting'])] as const);
    for (const [key, setting] of names) {
      const parsed = parseConfig(
        {
          KAFKA_BROKERS: 'kafka:9092',
          SCHEMA_REGISTRY_URL: 'http://registry:8081',
          [setting]: 'another-name',
        },
        () => '',
      );
      const config: Part = 'config' in parsed ? { ...parsed.config } : {};
      const groups = {
        ...part(config, 'topics'),
        ...part(config, 'sources'),
        endpoints: part(config, 'deliver')['endpointsTopic'],
      };
      expect([setting, groups[key as keyof typeof groups]]).toEqual([setting, 'another-name']);
    }
  });

  test('are read and written: the own ones both, the others read only', () => {
    const operations = Object.values(part(API, 'operations')).map((at) => {
      return `${String(part(at)['action'])} ${String(part(at, 'channel')['$ref']).replace('#/channels/', '')}`;
    });
    const both = own.flatMap(([key]) => [`receive ${key}`, `send ${key}`]);
    expect(operations.sort()).toEqual([...both, ...SOURCES.map((key) => `receive ${key}`), 'receive endpoints'].sort());
  });
});

/** A lead with and one without a trace, the first removed afterwards: all that the stages write headers for. */
async function written(): Promise<TopologyDriver> {
  const db = new SourceDatabase();
  const driver = new TopologyDriver({ partitions: 1 });
  const traced = db.insert('lead', sourceLead());
  const key = `{"id":${traced.id}}`;
  const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  driver.kafka.append({ topic: 'source.lead', partition: 0, key, value: traced.value, headers });
  driver.pipe(db.insert('lead', sourceLead({ id: 7, lead_cluster_id: 290 })));
  await driver.drain();
  driver.pipe(...db.remove('lead', traced.id));
  driver.kafka.append({ topic: 'source.lead', partition: 0, key: '{"id":8}', value: 'no JSON' });
  await driver.drain();
  return driver;
}

/** All names that occur, and those that are on every record. */
function seen(records: readonly { headers: Readonly<Record<string, unknown>> }[]): {
  known: string[];
  required: string[];
} {
  const all = records.map(({ headers }) => Object.keys(headers));
  const known = [...new Set(all.flat())].sort();
  return { known, required: known.filter((name) => all.every((names) => names.includes(name))) };
}

describe('the headers', () => {
  test('of outbound are those that the join writes, on every record or on some as it is said, with values that fit', async () => {
    const records = (await written()).kafka.committed('outbound');
    for (const { version } of VERSIONS) {
      const mine = records.filter(({ headers }) => headers['version']?.toString() === version);
      const [, message = {}] =
        messagesOf('outbound').find(([name]) => name === `leadWebhook${version.toUpperCase()}`) ?? [];
      const fits = headerValidator(message);

      expect(mine.length).toBeGreaterThan(1);
      expect(headersOf(message)).toEqual(seen(mine));
      for (const { headers } of mine) expect(fits(texts(headers)), JSON.stringify(fits.errors)).toBe(true);
      expect(fits({ ...texts(mine[0]?.headers ?? {}), version: 'v9' })).toBe(false);
      expect(fits({ ...texts(mine[0]?.headers ?? {}), revision: 'one' })).toBe(false);
    }
  });

  test('of cluster-changes are those that rekey writes', async () => {
    const records = (await written()).kafka.committed('cluster-changes');
    for (const [, message] of messagesOf('clusterChanges'))
      expect(headersOf(message)).toEqual({ ...seen(records), required: [] });
  });

  test('of dead letters are those that stages and deliveries write', async () => {
    const letter = {
      endpointId: 'crm',
      code: 'gave-up' as const,
      message: 'tried for 72 h',
      attempts: 3,
      firstFailureAt: 1,
      lastFailureAt: 2,
    };
    const record = announcement();
    const target = { topic: 'dead-letters', partitions: 1 };
    const dead = deliveryDeadLetter({ ...letter, record, status: 503 }, { topic: 'outbound', partition: 0 }, target);
    const records = [...(await written()).kafka.committed('dead-letters'), { headers: dead.headers ?? {} }];
    const ours = records.map(({ headers }) => ({
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('lead-webhooks.errors.'))),
    }));
    const [[, message = {}] = []] = messagesOf('deadLetters');
    const fits = headerValidator(message);

    expect(records.length).toBe(2);
    expect(headersOf(message)).toEqual(seen(ours));
    for (const { headers } of records) expect(fits(texts(headers)), JSON.stringify(fits.errors)).toBe(true);
  });
});

describe.each(VERSIONS)('the outbound message of $version', ({ version }) => {
  const [, message = {}] =
    messagesOf('outbound').find(([name]) => name === `leadWebhook${version.toUpperCase()}`) ?? [];

  test('has the golden payloads as values', () => {
    const folder = new URL('../golden/', import.meta.url);
    const schema = resolved(API, part(message, 'payload')['schema']);
    const fits = new Ajv({ strict: true, allowUnionTypes: true }).compile(schema);
    const files = readdirSync(folder).filter((name) => name.endsWith(`.${version}.json`));

    expect(schema['title']).toBe(`Lead webhook ${version}`);
    expect(files.length).toBeGreaterThan(10);
    for (const name of files) expect(fits(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))), name).toBe(true);
    expect(fits({})).toBe(false);
  });

  test('has the key of the records, and the framing of the registry', async () => {
    const binding = part(message, 'bindings', 'kafka');
    const { pattern } = part(binding, 'key');
    const [record] = (await written()).kafka.committed('outbound');

    expect(record?.key?.toString()).toMatch(new RegExp(String(pattern)));
    expect(record?.partition).toBe(partitionOf(record?.key?.toString() ?? '', 1));
    expect(binding).toMatchObject({ schemaIdLocation: 'payload', schemaIdPayloadEncoding: 'confluent' });
  });
});
