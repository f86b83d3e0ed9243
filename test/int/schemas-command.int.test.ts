/** schemas register and check, as an operator calls them, against a real registry. */
import { randomUUID } from 'node:crypto';
import { expect, inject, test } from 'vitest';
import { command } from '../../src/bin/commands/schemas.ts';
import { runCommand } from '../support/command-context.ts';

test('the outbound schemas are missing, are registered, are there, and may be registered again', async () => {
  const env = {
    KAFKA_BROKERS: 'not-used:9092',
    SCHEMA_REGISTRY_URL: inject('registryUrl'),
    LEAD_WEBHOOKS_OUTBOUND_TOPIC: `schemas-command-${randomUUID()}`,
  };
  const states = async (word: string): Promise<[number, unknown[]]> => {
    const { code, out } = await runCommand(command, [word, '--json'], { env });
    const { schemas } = JSON.parse(out) as { schemas: { state: string }[] };
    return [code, schemas.map(({ state }) => state)];
  };
  expect(await states('check')).toEqual([1, ['missing', 'missing', 'missing']]);
  expect(await states('register')).toEqual([0, ['registered', 'registered', 'registered']]);
  expect(await states('check')).toEqual([0, ['same', 'same', 'same']]);
  expect(await states('register')).toEqual([0, ['same', 'same', 'same']]);
});
