/** What `run` and the demo share, where the start is refused: nothing runs, and the line says what mends it. */
import { expect, inject, test } from 'vitest';
import { fixedEndpoints } from '../../src/bin/endpoint-feed.ts';
import { runStages } from '../../src/bin/run-stages.ts';
import { STAGES } from '../../src/bin/stages.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { StartRefused } from '../../src/lib/start-refused.ts';
import { parseConfig } from '../../src/ops/config.ts';
import { Health } from '../../src/ops/health.ts';

test('stages without their topics do not start, and the command that makes them is named', async () => {
  const env = {
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    SCHEMA_REGISTRY_URL: inject('registryUrl'),
    LEAD_WEBHOOKS_APP_ID: `refused-${process.pid}`,
    LEAD_WEBHOOKS_LEADS_TOPIC: `refused-${process.pid}.leads`,
  };
  const parsed = parseConfig(env, () => '');
  if (!('config' in parsed)) throw new Error(parsed.problems.join());
  const health = new Health();
  const common = { version: '0.0.0', log: silentLog, meter: silentMeter, onEnded: () => undefined };
  const running = runStages(
    { config: parsed.config, stages: STAGES, endpoints: fixedEndpoints([]), health, ...common },
    new AbortController().signal,
  );
  await expect(running).rejects.toThrow(StartRefused);
  await expect(running).rejects.toThrow('Mend it with: lead-webhooks topics apply');
  expect(health.ready().ok).toBe(false);
});
