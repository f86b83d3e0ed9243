/**
 * The connector of docs/sources.md: its blocks are JSON, every setting in them is explained in a table beside them, and what one step makes
 * is what the next one names: tables, publication, role, topics.
 */
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/ops/config.ts';
import { blocksOf, DOCUMENTS, withoutBlocks } from '../support/documents.ts';

const SOURCES = DOCUMENTS.filter(({ path }) => path === 'docs/sources.md');
const blocks = SOURCES.flatMap(blocksOf);
const [connector = {}, ...others] = blocks
  .filter(({ language }) => language === 'json')
  .map(({ text }) => JSON.parse(text) as Record<string, string>);
const sql = blocks.filter(({ language }) => language === 'sql').map(({ text }) => text);

/** Names in the first cells of all tables. */
const explained = new Set(
  SOURCES.flatMap(({ text }) => [...withoutBlocks(text).matchAll(/^\| ([^|]+) \|/gm)])
    .flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)])
    .map(([, name = '']) => name),
);
/** The converters' settings stand in the table without what is in front of them. */
const short = (name: string): string => name.replace(/^(key|value)\.converter\./, '');

test('every setting in the blocks is explained in a table', () => {
  const names = [connector, ...others].flatMap((block) => Object.keys(block));
  expect(Object.keys(connector).length).toBeGreaterThan(30);
  expect(others).toHaveLength(2);
  expect(names.map(short).filter((name) => !explained.has(name))).toEqual([]);
});

test('the topics of the connector have the names that the program reads by default', () => {
  const tables = connector['table.include.list']?.split(',').map((table) => `${connector['topic.prefix']}.${table}`);
  const parsed = parseConfig({ KAFKA_BROKERS: 'kafka:9092', SCHEMA_REGISTRY_URL: 'http://registry:8081' }, () => '');
  const { leads, appointments, testDrives } = 'config' in parsed ? parsed.config.sources : Object.create(null);
  expect(tables).toEqual([leads, appointments, testDrives]);
});

test('the SQL publishes the tables and the signalling table, and lets the connector read them', () => {
  const tables = connector['table.include.list']?.split(',') ?? [];
  const signal = connector['signal.data.collection'] ?? '';
  const role = connector['database.user'] ?? '';
  const [text = ''] = sql;
  expect(sql).toHaveLength(1);
  expect(connector['publication.autocreate.mode']).toBe('disabled');
  expect(text).toContain(
    `CREATE PUBLICATION ${connector['publication.name']} FOR TABLE ${[...tables, signal].join(', ')};`,
  );
  expect(text).toContain(`CREATE TABLE ${signal} (`);
  expect(text).toContain(`CREATE ROLE ${role} LOGIN REPLICATION `);
  expect(text).toContain(`GRANT SELECT ON ${tables.join(', ')} TO ${role};`);
  expect(text).toContain(`GRANT SELECT, INSERT ON ${signal} TO ${role};`);
});

test('key and value are converted alike in each block, and nothing sets another key than the primary one', () => {
  for (const block of [connector, ...others]) {
    const of = (part: string) =>
      Object.entries(block).flatMap(([name, value]) =>
        name.startsWith(part) ? [[name.slice(part.length), value]] : [],
      );
    expect(of('key.converter')).toEqual(of('value.converter'));
    expect(of('key.converter').length).toBeGreaterThan(1);
    expect(block).not.toHaveProperty(['message.key.columns']);
  }
});
