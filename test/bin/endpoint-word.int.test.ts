/** The operator's word in `endpoint-health`, beside what the topic says already. */
import { expect, inject, test } from 'vitest';
import { command } from '../../src/bin/commands/endpoints.ts';
import { HEALTHY } from '../../src/core/endpoint-health.ts';
import { decodeHealth, encodeHealth } from '../../src/kafka/internal-codec.ts';
import { runCommand } from '../support/command-context.ts';
import { Installation } from '../support/installation.ts';

const FILE = 'endpoints: [{ id: crm, dealership: 3, url: "https://crm.example.com/", version: v3 }]\n';

test('a pause keeps what is known of the endpoint, and resuming ends it and what waits for a probe', {
  timeout: 120_000,
}, async () => {
  await using installation = new Installation({ brokers: inject('kafkaBrokers'), registryUrl: null });
  await installation.install();
  const topic = installation.topic('endpoint-health');
  const gone = { definition: 'd1', at: 5 };
  const known = { ...HEALTHY, retryAfterUntil: 99, gone };
  await installation.append([
    { topic, partition: 0, key: 'crm', value: encodeHealth(known) },
    { topic, partition: 0, key: 'erp', value: encodeHealth({ ...HEALTHY, retryAfterUntil: 7 }) },
  ]);
  const around = { env: { ...installation.env, LEAD_WEBHOOKS_ENDPOINTS_FILE: 'e.yaml' }, files: { 'e.yaml': FILE } };
  const last = async () => {
    const record = (await installation.committed(topic)).filter(({ key }) => key?.toString() === 'crm').at(-1);
    return record?.value ? decodeHealth(record.value) : null;
  };
  expect(await runCommand(command, ['pause', 'crm'], around)).toEqual({
    code: 0,
    out: 'crm: paused, until it is resumed',
  });
  expect(await last()).toMatchObject({ retryAfterUntil: 99, gone, operator: { paused: true } });
  expect(await runCommand(command, ['resume', 'crm'], around)).toEqual({ code: 0, out: 'crm: resumed' });
  expect(await last()).toMatchObject({ retryAfterUntil: 99, gone: null, operator: { paused: false } });
});

test('an endpoint of the topic of definitions need not stand in the file', { timeout: 120_000 }, async () => {
  await using installation = new Installation({ brokers: inject('kafkaBrokers'), registryUrl: null });
  await installation.install();
  const env = { ...installation.env, LEAD_WEBHOOKS_ENDPOINTS_FILE: '', LEAD_WEBHOOKS_ENDPOINTS_TOPIC: 'endpoints' };
  expect((await runCommand(command, ['pause', 'elsewhere'], { env })).code).toBe(0);
});
