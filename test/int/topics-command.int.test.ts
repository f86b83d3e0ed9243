/** topics plan and apply, as an operator calls them, against a real broker. Each test has topic names of its own. */
import { randomUUID } from 'node:crypto';
import { expect, inject, test } from 'vitest';
import { command } from '../../src/bin/commands/topics.ts';
import { createTopics, SOURCE_SETTINGS } from '../../src/dev/topics.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { runCommand } from '../support/command-context.ts';

function environment(): Record<string, string> {
  const app = `topics-command-${randomUUID()}`;
  return {
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    LEAD_WEBHOOKS_APP_ID: app,
    LEAD_WEBHOOKS_LEADS_TOPIC: `${app}.leads`,
    LEAD_WEBHOOKS_APPOINTMENTS_TOPIC: `${app}.appointments`,
    LEAD_WEBHOOKS_TEST_DRIVES_TOPIC: `${app}.drives`,
    LEAD_WEBHOOKS_PARTITIONS: '2',
    LEAD_WEBHOOKS_OUTBOUND_PARTITIONS: '3',
    LEAD_WEBHOOKS_REPLICATION_FACTOR: '1',
  };
}

async function createSources(env: Record<string, string>): Promise<void> {
  const kafka = createKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }, silentLog);
  const names = Object.entries(env).flatMap(([name, topic]) =>
    /(LEADS|APPOINTMENTS|TEST_DRIVES)_TOPIC$/.test(name) ? [topic] : [],
  );
  await createTopics({ kafka, clock: systemClock }, names, { partitions: 2, settings: SOURCE_SETTINGS });
}

test('without sources plan names them, and apply creates what does not depend on them', async () => {
  const env = environment();
  const planned = await runCommand(command, ['plan', '--json'], { env });
  expect(planned.code).toBe(1);
  const { findings } = JSON.parse(planned.out) as { findings: { kind: string }[] };
  expect(findings.filter(({ kind }) => kind === 'source-missing')).toHaveLength(3);
  const applied = await runCommand(command, ['apply'], { env });
  expect(applied.code).toBe(1);
  expect(applied.out).toContain(`created: ${env['LEAD_WEBHOOKS_APP_ID']}.outbound, 3 partitions, 1 copies\n`);
  expect(applied.out).toContain('error: source topic');
});

test('apply creates every own topic, and doing it again finds nothing to do', async () => {
  const env = environment();
  await createSources(env);
  const first = await runCommand(command, ['apply'], { env });
  expect(first.code).toBe(0);
  expect(first.out.split('\n').filter((line) => line.startsWith('created: '))).toHaveLength(9);
  expect(await runCommand(command, ['apply'], { env })).toEqual({ code: 0, out: 'topics: good' });
  expect(await runCommand(command, ['plan'], { env })).toEqual({ code: 0, out: 'topics: good' });
});

test('a stage alone needs its own topics only, and no source', async () => {
  const env = environment();
  const { code, out } = await runCommand(command, ['apply', '--stages', 'deliver'], { env });
  expect(code).toBe(0);
  expect(out).not.toContain('cluster-changes');
});

test('a wrong number of partitions is named and left alone', async () => {
  const env = environment();
  await runCommand(command, ['apply', '--stages', 'deliver'], { env });
  const changed = { ...env, LEAD_WEBHOOKS_OUTBOUND_PARTITIONS: '5' };
  const { code, out } = await runCommand(command, ['apply', '--stages', 'deliver'], { env: changed });
  expect(code).toBe(1);
  expect(out).toMatch(/^error: topic \S+\.outbound has 3 partitions, the configuration says 5/m);
});
