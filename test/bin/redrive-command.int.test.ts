/** `dead-letters redrive` against a real broker, without a deliver stage: what it asks for, and what it says it cannot. */
import { expect, inject, test } from 'vitest';
import { command } from '../../src/bin/commands/dead-letters.ts';
import { deadLetter } from '../../src/kafka/dead-letter.ts';
import { decodeRedrive } from '../../src/kafka/internal-codec.ts';
import { deliveryDeadLetter } from '../../src/kafka/outbound-record.ts';
import { runCommand } from '../support/command-context.ts';
import { outbound } from '../support/deliver-world.ts';
import { Installation } from '../support/installation.ts';

test('each dead letter is asked for once, in the partition of its lead, or says why not', {
  timeout: 120_000,
}, async () => {
  await using installation = new Installation({ brokers: inject('kafkaBrokers'), registryUrl: null });
  await installation.install();
  const target = { topic: installation.topic('dead-letters'), partitions: installation.partitions };
  const failure = { endpointId: 'crm', code: 'refused', message: 'endpoint answered http-422', attempts: 1 } as const;
  const letterOf = (leadId: string, revision: number) => {
    const times = { firstFailureAt: 1, lastFailureAt: 2, status: 422 };
    const record = outbound({ leadId, revision, offset: revision });
    return deliveryDeadLetter({ record, ...failure, ...times }, { topic: 'outbound', partition: 0 }, target);
  };
  const source = {
    topic: 'leads',
    partition: 0,
    offset: 3,
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: {},
  };
  await installation.append([
    ...[letterOf('1', 4), letterOf('1', 6), letterOf('2', 5)],
    deadLetter(source, { stage: 'rekey', code: 'undecodable', message: 'value' }, target),
  ]);
  const env = installation.env;
  const { code, out } = await runCommand(command, ['redrive', '--all', '--wait', '1'], { env });
  expect(code).toBe(1);
  expect(out).toContain('is a source record: mend it upstream');
  expect(out).toContain('which is asked for');
  expect(out).toContain('2 asked for, 2 not');
  expect(out).toMatch(/^2 not-read$/m);

  const requests = await installation.committed(installation.topic('redrives'));
  const asked = requests.map(
    ({ key, value }) => [key?.toString(), value === null ? null : decodeRedrive(value)] as const,
  );
  expect(asked.map(([key, request]) => [key, request?.record.revision]).sort()).toEqual([
    ['crm|1', 6],
    ['crm|2', 5],
  ]);
  const letters = await installation.committed(installation.topic('dead-letters'));
  for (const [, request] of asked) {
    const letter = letters.find(
      ({ partition, offset }) => partition === request?.letter.partition && offset === request.letter.offset,
    );
    expect(letter?.value).toEqual(request?.record.value);
    expect(letter?.timestamp).toBe(request?.deadAt);
  }
  for (const { key, partition } of requests) {
    const lead = key?.toString().split('|')[1] ?? '';
    expect(letters.find((letter) => letter.key?.toString() === lead)?.partition).toBe(partition);
  }
});

test('a dry run of one writes nothing', { timeout: 120_000 }, async () => {
  await using installation = new Installation({ brokers: inject('kafkaBrokers'), registryUrl: null });
  await installation.install();
  const shown = await runCommand(command, ['redrive', '0/0', '--dry-run', '--json'], { env: installation.env });
  expect(JSON.parse(shown.out)).toEqual({ ok: true, dryRun: true, chosen: [], asked: [], left: [] });
  expect(await installation.committed(installation.topic('redrives'))).toEqual([]);
});
