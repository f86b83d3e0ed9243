/** What each user needs, and what of it is missing. That it suffices, and that nothing of it is too much, is shown on a real broker. */
import { expect, test } from 'vitest';
import type { TopicOperation } from '../../src/kafka/authorized-operations.ts';
import { KAFKA_USERS, lackingRights, neededRights } from '../../src/kafka/rights.ts';
import { parseConfig } from '../../src/ops/config.ts';

function config(env: Readonly<Record<string, string>> = {}) {
  const parsed = parseConfig({ KAFKA_BROKERS: 'kafka:9092', ...env }, () => '');
  if (!('config' in parsed)) throw new Error(parsed.problems.join());
  return parsed.config;
}

const texts = (user: (typeof KAFKA_USERS)[number], env?: Readonly<Record<string, string>>): string[] =>
  neededRights(user, config(env)).map(
    ({ resource, name, prefix, operations }) => `${operations.join(' ')} ${resource} ${name}${prefix ? '*' : ''}`,
  );

test('the names are those of the configuration', () => {
  const env = {
    LEAD_WEBHOOKS_APP_ID: 'crm',
    LEAD_WEBHOOKS_OUTBOUND_TOPIC: 'payloads',
    LEAD_WEBHOOKS_ENDPOINTS_TOPIC: 'who',
  };
  expect(texts('deliver', env)).toEqual([
    'READ DESCRIBE_CONFIGS topic payloads',
    'READ WRITE DESCRIBE_CONFIGS topic crm.delivery-state',
    'READ WRITE DESCRIBE_CONFIGS topic crm.endpoint-health',
    'READ DESCRIBE_CONFIGS topic crm.redrives',
    'WRITE DESCRIBE_CONFIGS topic crm.dead-letters',
    'READ DESCRIBE_CONFIGS topic who',
    'READ group crm.deliver',
    'WRITE transactional id crm.deliver.*',
  ]);
});

test('nobody but rekey has to do with the sources or the facts, but for setup and operators, who write neither', () => {
  for (const user of KAFKA_USERS) {
    const about = texts(user).filter((text) => /dealerstudio|\.meta$/.test(text));
    expect(
      about.some((text) => text.includes('WRITE')),
      user,
    ).toBe(user === 'rekey');
    if (user === 'join' || user === 'deliver') expect(about).toEqual([]);
  }
});

test('no user has a group or a transactional id that another one has', () => {
  const names = KAFKA_USERS.flatMap((user) => neededRights(user, config()))
    .filter(({ resource }) => resource !== 'topic')
    .map(({ resource, name }) => `${resource} ${name}`);
  expect(names).toHaveLength(7);
  expect(new Set(names).size).toBe(names.length);
});

test('what lacks is told by topic; what the broker does not tell is not', () => {
  const needed = [...neededRights('join', config()), ...neededRights('rekey', config())];
  const allowed = new Map<string, ReadonlySet<TopicOperation> | null>(
    needed.map(({ name }) => [name, new Set<TopicOperation>(['READ', 'WRITE', 'DESCRIBE', 'DESCRIBE_CONFIGS'])]),
  );
  expect(lackingRights(needed, allowed)).toEqual([]);
  allowed.set('lead-webhooks.outbound', new Set());
  allowed.set('lead-webhooks.cluster-changes', new Set(['READ', 'DESCRIBE', 'DESCRIBE_CONFIGS']));
  allowed.set('lead-webhooks.dead-letters', null);
  allowed.delete('lead-webhooks.meta');
  expect(lackingRights(needed, allowed)).toEqual([
    'WRITE topic lead-webhooks.cluster-changes',
    'WRITE, DESCRIBE_CONFIGS topic lead-webhooks.outbound',
  ]);
});
