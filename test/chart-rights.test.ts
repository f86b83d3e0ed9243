/**
 * The rights in Kafka stand in three places: src/kafka/rights.ts, which the program checks before it starts; the chart, for Strimzi; and
 * the table of docs/operating.md, for everybody else. They are the same. With DOCS_UPDATE=1 the table is written instead of compared.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { KAFKA_USERS, type KafkaUser, neededRights, type Right } from '../src/kafka/rights.ts';
import { parseConfig } from '../src/ops/config.ts';
import { chartUsers } from './support/chart-users.ts';

const parsed = parseConfig(
  { KAFKA_BROKERS: 'kafka:9092', LEAD_WEBHOOKS_ENDPOINTS_TOPIC: 'crm.webhook-endpoints' },
  () => '',
);
if (!('config' in parsed)) throw new Error(parsed.problems.join());
const { config } = parsed;

const single = (rights: readonly Right[]): string[] =>
  rights
    .flatMap(({ resource, name, prefix, operations }) =>
      operations.map((operation) => `${operation} ${resource} ${name}${prefix ? '*' : ''}`),
    )
    .toSorted();

const granted = (example: string): Record<string, string[]> =>
  Object.fromEntries(
    chartUsers(example).map(({ component, rights }) => [
      component,
      rights
        .map(({ resource, name, prefix, operation }) => `${operation} ${resource} ${name}${prefix ? '*' : ''}`)
        .toSorted(),
    ]),
  );

test('the chart grants each user what the program says that it needs, and nothing else', () => {
  const wanted = KAFKA_USERS.map((user) => [user, single(neededRights(user, config))]);
  expect(granted('users')).toEqual(Object.fromEntries(wanted));
});

test('where Strimzi makes the topics nobody of ours may; without an endpoints topic nobody may read it; the rest is the same', () => {
  const { setup = [], ...others } = granted('strimzi');
  const { setup: all = [], deliver = [], ...same } = granted('users');
  expect(others).toEqual({ ...same, deliver: deliver.filter((right) => !right.endsWith(' crm.webhook-endpoints')) });
  const looking = all.filter((right) => !/^(CREATE|ALTER_CONFIGS) /.test(right));
  const settings = all
    .filter((right) => right.startsWith('ALTER_CONFIGS'))
    .map((right) => right.replace('ALTER', 'DESCRIBE'));
  expect(setup).toEqual([...looking, ...settings].toSorted());
});

const shown = (name: string): string =>
  `\`${name.replace(/^lead-webhooks\./, '<id>.').replace(/\.(rekey|join|deliver)(\.?)$/, '.<stage>$2')}\``;

function topicShown(name: string): string {
  if (name === config.deliver.endpointsTopic) return 'endpoints topic';
  return Object.values(config.sources).some((source) => source === name) ? 'source topics' : shown(name);
}

const isNoTopic = (where: string): boolean => /^(group|transactional)/.test(where);

/** One row for each resource; users in columns. */
function rightsTable(): string {
  const rows = new Map<string, Map<KafkaUser, string>>();
  // In the order of the topics, which setup has all of.
  for (const user of ['setup', ...KAFKA_USERS] as const) {
    for (const { resource, name, prefix, operations } of neededRights(user, config)) {
      const where =
        resource === 'topic'
          ? topicShown(name)
          : `${resource}${prefix ? 's' : ''} ${shown(name)}${prefix ? ' (prefix)' : ''}`;
      const row = rows.get(where) ?? new Map<KafkaUser, string>();
      row.set(user, operations.join(', '));
      rows.set(where, row);
    }
  }
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(['on', ...KAFKA_USERS]),
    line(['on', ...KAFKA_USERS].map(() => '---')),
    ...[...rows]
      .sort(([a], [b]) => Number(isNoTopic(a)) - Number(isNoTopic(b)))
      .map(([where, row]) => line([where, ...KAFKA_USERS.map((user) => row.get(user) ?? '')])),
  ].join('\n');
}

test('the table of rights in the documents is the one that the code makes', () => {
  const path = fileURLToPath(new URL('../docs/operating.md', import.meta.url));
  const docs = readFileSync(path, 'utf8');
  const block = /(?<=<!-- rights:begin -->\n)[\s\S]*?(?=\n<!-- rights:end -->)/;
  if (process.env['DOCS_UPDATE'] === '1') writeFileSync(path, docs.replace(block, rightsTable));
  else expect(block.exec(docs)?.[0]).toBe(rightsTable());
});
