/** config print and config check. */
import { expect, test } from 'vitest';
import { ConfigInvalid } from '../../../src/bin/command.ts';
import { command } from '../../../src/bin/commands/config.ts';
import { runCommand } from '../../support/command-context.ts';

const GOOD = {
  KAFKA_BROKERS: 'a:1',
  KAFKA_SASL_MECHANISM: 'plain',
  KAFKA_SASL_USERNAME: 'u',
  KAFKA_SASL_PASSWORD_FILE: '/run/p',
};
const BAD = { LEAD_WEBHOOKS_PARTITIONS: 'many', LEAD_WEBHOOKS_COLOUR: 'red' };
const files = { '/run/p': 'hunter2\n' };

test('print shows every setting with its origin, and secrets as [secret]', async () => {
  const { code, out } = await runCommand(command, ['print'], { env: GOOD, files });
  expect(code).toBe(0);
  expect(out).not.toContain('hunter2');
  const lines = out.split('\n');
  expect(lines).toContain('KAFKA_BROKERS=a:1  # environment');
  expect(lines).toContain('KAFKA_SASL_PASSWORD=[secret]  # file');
  expect(lines).toContain('LEAD_WEBHOOKS_PARTITIONS=12');
});

test('print --json is one document with the same', async () => {
  const { out } = await runCommand(command, ['print', '--json'], { env: GOOD, files });
  expect(JSON.parse(out)).toContainEqual({ name: 'KAFKA_SASL_PASSWORD', value: '[secret]', origin: 'file' });
});

test('print refuses a wrong configuration with all of its problems', async () => {
  const failure = await runCommand(command, ['print'], { env: BAD }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ConfigInvalid);
  expect((failure as ConfigInvalid).problems).toHaveLength(3);
});

test('check names every problem on stdout, with 2', async () => {
  const { code, out } = await runCommand(command, ['check'], { env: BAD });
  expect(code).toBe(2);
  expect(out.split('\n').map((line) => line.split(':')[0])).toEqual([
    'LEAD_WEBHOOKS_COLOUR',
    'KAFKA_BROKERS',
    'LEAD_WEBHOOKS_PARTITIONS',
  ]);
  const json = await runCommand(command, ['check', '--json'], { env: BAD });
  expect(JSON.parse(json.out)).toEqual({ ok: false, problems: out.split('\n') });
});

test('check of a good configuration says so, with 0', async () => {
  expect(await runCommand(command, ['check'], { env: GOOD, files })).toEqual({ code: 0, out: 'configuration: good' });
});
