/** How the commands of operation answer a wrong call, before anything is connected to, and how lag is judged. */
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/bin/command.ts';
import { command as deadLetters } from '../../../src/bin/commands/dead-letters.ts';
import { command as deliveries } from '../../../src/bin/commands/deliveries.ts';
import { command as endpoints } from '../../../src/bin/commands/endpoints.ts';
import { command as lag, problemOf } from '../../../src/bin/commands/lag.ts';
import { command as sources } from '../../../src/bin/commands/sources.ts';
import { runCommand } from '../../support/command-context.ts';

const ENV = { KAFKA_BROKERS: 'localhost:1', LEAD_WEBHOOKS_OUTBOUND_FRAMING: 'plain' };

test.each([
  [deadLetters, [], 'list or show or redrive must come first'],
  [deadLetters, ['--json', 'list'], 'list or show or redrive must come first'],
  [deadLetters, ['lst'], 'did you mean "list"?'],
  [deadLetters, ['show'], 'PARTITION/OFFSET is missing'],
  [deadLetters, ['show', '12'], 'is no dead letter'],
  [deadLetters, ['list', '--limit', '0'], '--limit needs a whole number'],
  [deadLetters, ['redrive'], 'a place, a filter or --all is needed'],
  [deadLetters, ['redrive', '--all', '--code', 'gone'], '--all takes no place and no filter'],
  [deadLetters, ['redrive', '1/2', '3/4'], 'unexpected argument "3/4"'],
  [deadLetters, ['redrive', '1/2', '--rate', '0'], '--rate needs a whole number'],
  [deliveries, ['show', 'crm'], 'LEAD is missing'],
  [deliveries, ['list', '--body'], 'unknown option --body'],
  [lag, ['--max-seconds', 'x'], '--max-seconds needs a whole number'],
  [sources, ['chek'], 'did you mean "check"?'],
  [sources, ['check', '--last', '0'], '--last needs a whole number'],
  [endpoints, ['pause', 'No Id'], 'is no id of an endpoint'],
  [endpoints, ['pause', 'crm', '--json'], '--json has no meaning for pause'],
  [endpoints, ['resume', 'crm'], 'no endpoint "crm" is defined'],
])('%o %j is refused: %s', async (command, args, message) => {
  const run = runCommand(command, args, { env: ENV });
  await expect(run).rejects.toThrow(UsageError);
  await expect(run).rejects.toThrow(message);
});

test('a test needs definitions, and a file without mistakes', async () => {
  await expect(runCommand(endpoints, ['test', 'crm'], { env: ENV })).rejects.toThrow(
    'one of them is required to test an endpoint',
  );
  const env = { ...ENV, LEAD_WEBHOOKS_ENDPOINTS_FILE: 'e.yaml' };
  await expect(runCommand(endpoints, ['test', 'crm'], { env })).rejects.toThrow('e.yaml cannot be read');
  const files = { 'e.yaml': 'endpoints: [{ id: crm, dealership: 3, url: "https://crm.example.com/", version: v9 }]\n' };
  await expect(runCommand(endpoints, ['test', 'crm'], { env, files })).rejects.toThrow('e.yaml:1:');
});

test('lag is a problem beyond a limit, and whatever the limits when the task cannot run', () => {
  const at = {
    stage: 'join',
    partition: 0,
    topic: 't',
    position: 1,
    end: 9,
    records: 8,
    seconds: 60,
    problem: null,
  } as const;
  expect(problemOf(at, { records: null, seconds: null })).toBeNull();
  expect(problemOf(at, { records: 8, seconds: 60 })).toBeNull();
  expect(problemOf(at, { records: 7, seconds: null })).toBe('behind');
  expect(problemOf(at, { records: null, seconds: 59 })).toBe('behind');
  expect(problemOf({ ...at, problem: 'outside' }, { records: null, seconds: null })).toBe('outside');
});
