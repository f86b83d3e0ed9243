/**
 * The short form of the chaos suite, on the Kafka of this run, which is left alone: processes of the real program are killed,
 * frozen until they are fenced, restarted, and joined by others. The long form (`npm run chaos`) also breaks brokers.
 */
import { expect, inject, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { chaos } from '../chaos/chaos.ts';
import { usualCounts } from '../chaos/schedule.ts';
import { Installation } from '../support/installation.ts';

/** As short as brokers allow by default. */
const FENCED_AFTER_MS = 6_000;

test('processes that are killed, frozen, restarted and joined by others at random moments lose nothing, repeat nothing and keep the order', async () => {
  await using installation = new Installation({
    brokers: inject('kafkaBrokers'),
    registryUrl: null,
    env: { LEAD_WEBHOOKS_TRANSACTION_TIMEOUT_MS: String(FENCED_AFTER_MS) },
  });
  await installation.install();
  const { verdict, events, ends } = await chaos(
    { installation, world: null, clock: systemClock, say: () => undefined },
    {
      seed: 20_260_302,
      changes: 6_000,
      counts: usualCounts(3, 0),
      processes: 2,
      scale: { leads: 700, clusters: 300, appointments: 600, testDrives: 400 },
      fencedAfterMs: FENCED_AFTER_MS + 2_000,
      settleMs: 60_000,
      frameBytes: 0,
    },
  );
  expect(verdict).toEqual({
    records: expect.any(Number),
    missing: 0,
    wrong: 0,
    duplicates: 0,
    backwards: 0,
    repeated: 0,
    examples: [],
  });
  expect(verdict.records).toBeGreaterThan(2_000);
  expect(events.task_running).toBeGreaterThanOrEqual(8); // all four tasks at least twice
  expect(ends).toEqual([]);
}, 240_000);
