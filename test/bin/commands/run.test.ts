/** `run` as far as it needs no Kafka: what is wrong with the call or the configuration is told before anything starts. */
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/bin/command.ts';
import { command } from '../../../src/bin/commands/run.ts';
import { runCommand } from '../../support/command-context.ts';

const BROKERS = { KAFKA_BROKERS: '127.0.0.1:1' };
const FILE = { ...BROKERS, LEAD_WEBHOOKS_ENDPOINTS_FILE: 'endpoints.yaml' };

test('a stage that does not exist is wrong usage', async () => {
  await expect(runCommand(command, ['--stages', 'rekey,jion'], { env: BROKERS })).rejects.toThrow(UsageError);
});

test('the stage deliver wants an endpoints file or topic, and a file that is there', async () => {
  await expect(runCommand(command, [], { env: BROKERS })).rejects.toThrow(
    'LEAD_WEBHOOKS_ENDPOINTS_FILE, LEAD_WEBHOOKS_ENDPOINTS_TOPIC: one of them is required for the stage deliver',
  );
  await expect(runCommand(command, [], { env: FILE })).rejects.toThrow(
    'LEAD_WEBHOOKS_ENDPOINTS_FILE: cannot be read (ENOENT): endpoints.yaml',
  );
});

test('every mistake of the endpoints file is named with its line', async () => {
  const files = {
    'endpoints.yaml': 'endpoints:\n  - id: Not An Id\n    dealership: 3\n    url: http://x.example\n    version: v3\n',
  };
  const running = runCommand(command, ['--stages', 'deliver'], { env: FILE, files });
  await expect(running).rejects.toThrow(
    /^endpoints\.yaml:2: endpoints\[0\]\.id .*\nendpoints\.yaml:4: endpoints\[0\]\.url /,
  );
});
