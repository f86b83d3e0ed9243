/** The stages as they are put together, as far as no Kafka is needed; the rest is proved by the tests that run the program. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { deliverStage } from '../../src/bin/deliver-stage.ts';
import { fixedEndpoints } from '../../src/bin/endpoint-feed.ts';
import { type ComposedStage, joinStage, type Runtime, rekeyStage } from '../../src/bin/runtime.ts';
import { SourceCodec } from '../../src/kafka/source-codec.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { parseConfig } from '../../src/ops/config.ts';
import { testEndpoint } from '../support/deliver-world.ts';

let broker: Server;
let connections = 0;

beforeEach(async () => {
  connections = 0;
  broker = createServer((socket) => {
    connections++;
    broker.emit('called');
    socket.destroy(); // a broker that is starting up: it takes the call and hangs up
    socket.on('error', () => {});
  });
  broker.listen(0, '127.0.0.1');
  await once(broker, 'listening');
});

afterEach(async () => {
  broker.close();
  await once(broker, 'close');
});

function stages(): ComposedStage[] {
  const env = {
    KAFKA_BROKERS: `127.0.0.1:${(broker.address() as AddressInfo).port}`,
    LEAD_WEBHOOKS_OUTBOUND_FRAMING: 'plain',
  };
  const parsed = parseConfig(env, () => '');
  if (!('config' in parsed)) throw new Error(parsed.problems.join());
  const { config } = parsed;
  const runtime: Runtime = { config, version: '0.0.0', log: silentLog, meter: silentMeter, partitions: new Map() };
  const { epoch, unavailableValue, jsonTimeUnit } = config.sources;
  const rules = { sourceEpoch: epoch, unavailablePlaceholder: unavailableValue, jsonTimeUnit };
  const decoder = new SourceCodec({ registry: null, clock, log: silentLog, meter: silentMeter }, rules);
  return [
    rekeyStage(runtime, decoder, { announceSince: 0 }),
    joinStage(runtime, new Map()),
    deliverStage(runtime, fixedEndpoints([testEndpoint()])),
  ];
}

test('stages that were put together and never ran have called no broker and leave nothing behind', async () => {
  const composed = stages();
  expect(composed.map(({ stage }) => [stage.name, stage.readiness()])).toEqual(
    ['rekey', 'join', 'deliver'].map((name) => [name, { ok: false, reason: 'waits for the group' }]),
  );
  await Promise.all(composed.map(({ close }) => close()));
  expect(connections).toBe(0);
});

test('stages that cannot reach their group are not ready, keep calling, and end when they are told to', async () => {
  const composed = stages();
  const stop = new AbortController();
  const running = composed.map(({ stage }) => stage.run(stop.signal));
  while (connections < composed.length) await once(broker, 'called');
  expect(composed.map(({ stage }) => stage.readiness().ok)).toEqual([false, false, false]);
  stop.abort();
  await Promise.all(running);
  await Promise.all(composed.map(({ close }) => close()));
});
