/** The connector of docs/sources.md: it is JSON, and every setting that a team has to think about is explained in the table beside it. */
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/ops/config.ts';
import { blocksOf, DOCUMENTS } from '../support/documents.ts';

const SOURCES = DOCUMENTS.filter(({ path }) => path === 'docs/sources.md');
const [block] = SOURCES.flatMap(blocksOf).filter(({ language }) => language === 'json');
const connector = JSON.parse(block?.text ?? '{}') as Record<string, string>;
const text = SOURCES.map((document) => document.text).join();

/** Where to log in, and what Kafka Connect and the converters are called. */
const PLAIN = /^(connector\.class|plugin\.name|database\.|(key|value)\.converter|topic\.creation\.default\.)/;

test('every setting of the connector is explained, and its topics have the default names', () => {
  const names = Object.keys(connector);
  expect(names.length).toBeGreaterThan(20);
  expect(
    names.filter((name) => !PLAIN.test(name) && !text.includes(`| \`${name}\``) && !text.includes(`, \`${name}\` |`)),
  ).toEqual([]);
  const tables = connector['table.include.list']?.split(',').map((table) => `${connector['topic.prefix']}.${table}`);
  const parsed = parseConfig({ KAFKA_BROKERS: 'kafka:9092', SCHEMA_REGISTRY_URL: 'http://registry:8081' }, () => '');
  const { leads, appointments, testDrives } = 'config' in parsed ? parsed.config.sources : Object.create(null);
  expect(tables).toEqual([leads, appointments, testDrives]);
});

test('key and value are converted alike, and nothing sets another key than the primary one', () => {
  const of = (part: string) =>
    Object.entries(connector).flatMap(([name, value]) =>
      name.startsWith(part) ? [[name.slice(part.length), value]] : [],
    );
  expect(of('key.converter')).toEqual(of('value.converter'));
  expect(of('key.converter').length).toBeGreaterThan(3);
  expect(connector).not.toHaveProperty(['message.key.columns']);
});
