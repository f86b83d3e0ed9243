/** What commands that read Kafka do when it is not as they need it. */
import { expect, inject, test } from 'vitest';
import { reading } from '../../src/bin/reading.ts';
import { StartRefused } from '../../src/lib/start-refused.ts';
import { parseConfig } from '../../src/ops/config.ts';
import { Installation } from '../support/installation.ts';

const env = (brokers: readonly string[]) => ({
  KAFKA_BROKERS: brokers.join(','),
  LEAD_WEBHOOKS_APP_ID: `nobody-${process.pid}`,
  LEAD_WEBHOOKS_OUTBOUND_FRAMING: 'plain',
});

test('topics that are missing are named, each once, with the command that shows more', async () => {
  const parsed = parseConfig(env(inject('kafkaBrokers')), () => '');
  if (!('config' in parsed)) throw new Error(parsed.problems.join(' '));
  const ran = reading(parsed.config, 'test', ['not-there', 'not-there', 'nor-there'], () => Promise.resolve());
  await expect(ran).rejects.toThrow(StartRefused);
  await expect(ran).rejects.toThrow('missing: not-there, nor-there. See: lead-webhooks topics plan');
});

test('brokers that cannot be reached end the command with a line that names the setting', {
  timeout: 120_000,
}, async () => {
  await using installation = new Installation({ brokers: ['127.0.0.1:1'], registryUrl: null });
  const { code, err } = await installation.run('deliveries', 'list');
  expect(code).toBe(1);
  expect(err).toContain('lead-webhooks: no broker of KAFKA_BROKERS can be used');
});
