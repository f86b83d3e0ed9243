/** `demo` as far as it needs no Kafka; the rest is test/int/demo.int.test.ts. */
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/bin/command.ts';
import { command } from '../../../src/bin/commands/demo.ts';
import { runCommand } from '../../support/command-context.ts';

test('an unknown option is refused before anything starts', async () => {
  await expect(runCommand(command, ['--onec'])).rejects.toThrow(
    new UsageError('unknown option --onec, did you mean --once?'),
  );
});

test('a demo that cannot start says why in its last line, and ends with 1', async () => {
  const { code, out } = await runCommand(command, ['--once'], { env: { KAFKA_BROKERS: '127.0.0.1:1' } });
  expect(code).toBe(1);
  expect(out.split('\n').at(-1)).toBe(
    'demo: 0 changes, 0 deliveries, 0 retried, p50 0 ms, p99 0 ms, story wrong: ' +
      'KAFKA_BROKERS is set, but SCHEMA_REGISTRY_URL is not: set both, or neither.',
  );
});
