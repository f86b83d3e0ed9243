/**
 * A subscriber of the outbound topic as documented in docs/payloads.md: the usual client and the usual registry client, nothing of
 * ours. What `run` writes must be found by key, read by its registered schema, and be the body byte for byte.
 */
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { expect, inject, test } from 'vitest';
import { SourceDatabase } from '../support/change-events.ts';
import { Installation } from '../support/installation.ts';
import { sourceLead } from '../support/source-rows.ts';

test('a subscriber with the usual registry client reads each version by its registered schema', async () => {
  const registryUrl = inject('registryUrl');
  await using installation = new Installation({ brokers: inject('kafkaBrokers'), registryUrl });
  await installation.install();
  await installation.pipe([new SourceDatabase().insert('lead', sourceLead())]);
  const program = installation.start('rekey,join');
  const records = await installation.until(installation.topic('outbound'), ({ length }) => length === 3);
  expect(await program.stop()).toBe(0);

  // Not strict: a postcode may be a number or a string, which its strict mode would remark on for each field.
  const registry = new SchemaRegistry({ host: registryUrl }, { [SchemaType.JSON]: { strict: false } });
  const read: string[] = [];
  for (const { key, value, headers } of records) {
    const version = headers['version']?.toString();
    if (value === null) throw new Error('a payload has a value');
    const payload = (await registry.decode(value)) as Record<string, unknown>;
    expect(payload).toEqual(JSON.parse(value.subarray(5).toString()));
    expect(key?.toString()).toBe(String(payload['id']));
    expect(await registry.getLatestSchemaId(`${installation.topic('outbound')}-${version}`)).toBe(value.readInt32BE(1));
    read.push(`${version} ${'appointments' in payload}`);
  }
  expect(read.sort()).toEqual(['v1 false', 'v2 false', 'v3 true']);
});
