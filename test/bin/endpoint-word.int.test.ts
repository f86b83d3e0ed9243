/** The operator's word in `endpoint-health`, beside what the topic says already. */
import { expect, inject, test } from 'vitest';
import { command } from '../../src/bin/commands/endpoints.ts';
import { type EndpointHealth, HEALTHY } from '../../src/core/endpoint-health.ts';
import { decodeHealth, encodeHealth } from '../../src/kafka/internal-codec.ts';
import { runCommand } from '../support/command-context.ts';
import { Installation } from '../support/installation.ts';

const FILE = 'endpoints: [{ id: crm, dealership: 3, url: "https://crm.example.com/", version: v3 }]\n';

test('a pause keeps what is known of the endpoint, and resuming ends it and every other hold', {
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
  expect(await last()).toMatchObject({ retryAfterUntil: 0, gone: null, operator: { paused: false } });
});

test('an endpoint of the topic of definitions need not stand in the file', { timeout: 120_000 }, async () => {
  await using installation = new Installation({ brokers: inject('kafkaBrokers'), registryUrl: null });
  await installation.install();
  const env = { ...installation.env, LEAD_WEBHOOKS_ENDPOINTS_FILE: '', LEAD_WEBHOOKS_ENDPOINTS_TOPIC: 'endpoints' };
  expect((await runCommand(command, ['pause', 'elsewhere'], { env })).code).toBe(0);
});

test('a resume counts though its clock is behind all that is known, and says what holds the endpoint all the same', {
  timeout: 120_000,
}, async () => {
  await using installation = new Installation({ brokers: inject('kafkaBrokers'), registryUrl: null });
  await installation.install();
  const topic = installation.topic('endpoint-health');
  const ahead = Date.now() + 3_600_000;
  const hold = { since: ahead, until: ahead + 1000, pauseMs: 1000 };
  const known: EndpointHealth = {
    ...HEALTHY,
    ...{ breaker: hold, unauthorized: { ...hold, since: ahead + 1 } },
    ...{ gone: { definition: 'd1', at: ahead + 2 }, operator: { paused: true, at: ahead + 3 } },
    ...{ retryAfterUntil: ahead + 1000, openedAt: ahead + 4 },
  };
  await installation.append([{ topic, partition: 0, key: 'crm', value: encodeHealth(known) }]);
  const text = FILE.replace(' }', ', limits: { timeoutMs: 40000 } }');
  const off = FILE.replace(' }', ', enabled: false }');
  const around = (file: string) => ({
    env: { ...installation.env, LEAD_WEBHOOKS_ENDPOINTS_FILE: 'e.yaml', LEAD_WEBHOOKS_SESSION_TIMEOUT_MS: '60000' },
    files: { 'e.yaml': file },
  });
  expect(await runCommand(command, ['resume', 'crm'], around(text))).toEqual({ code: 0, out: 'crm: resumed' });
  const last = async () => {
    const value = (await installation.committed(topic)).at(-1)?.value;
    return value ? decodeHealth(value) : null;
  };
  expect(await last()).toMatchObject({
    ...{ breaker: null, unauthorized: null, gone: null, operator: { paused: false }, retryAfterUntil: 0 },
  });
  expect((await runCommand(command, ['pause', 'crm'], around(text))).code).toBe(0);
  expect(await last()).toMatchObject({ operator: { paused: true } });
  expect((await runCommand(command, ['resume', 'crm'], around(off))).out).toBe(
    'crm: resumed, and still held: disabled',
  );
  expect(await last()).toMatchObject({ operator: { paused: false } });
});

test('an endpoint is paused though its file has mistakes, as long as its id can be read; deliveries tells them', {
  timeout: 120_000,
}, async () => {
  const endpoints = FILE.replace(' }', ', on: never }');
  await using installation = new Installation({ brokers: inject('kafkaBrokers'), registryUrl: null, endpoints });
  await installation.install();
  expect((await installation.run('endpoints', 'pause', 'crm')).code).toBe(0);
  const wrong = expect.stringContaining(':1: endpoints[0].on must be one of change, create');
  expect(await installation.run('endpoints', 'pause', 'other')).toMatchObject({ code: 2, err: wrong });
  expect(await installation.run('deliveries', 'list')).toMatchObject({ code: 0, err: wrong });
});
