/** Which schemas are registered under which subjects. */
import { expect, test } from 'vitest';
import { outboundSchemas } from '../../src/bin/outbound-schemas.ts';
import { parseConfig } from '../../src/ops/config.ts';
import { outboundSchema } from '../support/outbound-schemas.ts';

function schemasFor(env: Record<string, string>) {
  const parsed = parseConfig({ KAFKA_BROKERS: 'a:1', ...env }, () => '');
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return outboundSchemas(parsed.config);
}

test('each emitted version has its own schema, under the outbound topic and the version', () => {
  const found = schemasFor({ LEAD_WEBHOOKS_OUTBOUND_TOPIC: 'crm' });
  expect(found.map(({ subject }) => subject)).toEqual(['crm-v1', 'crm-v2', 'crm-v3']);
  for (const { version, schema } of found) expect(schema, version).toEqual(outboundSchema(version));
});

test('a version that is not emitted has none', () => {
  expect(schemasFor({ LEAD_WEBHOOKS_PAYLOAD_VERSIONS: 'v3' }).map(({ version }) => version)).toEqual(['v3']);
});
