/**
 * A program that lives until it is told to stop, made of the real lifecycle, log, admin server and process events: the frame of `run`
 * without Kafka. `waiting-program.ts PORT [reject|throw|bug|hang]`: what goes wrong once it is up.
 */
import process from 'node:process';
import { processEvents } from '../../src/bin/process-events.ts';
import { assert } from '../../src/lib/assert.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { AdminServer } from '../../src/ops/admin-server.ts';
import { Health } from '../../src/ops/health.ts';
import { Lifecycle } from '../../src/ops/lifecycle.ts';
import { createLog } from '../../src/ops/log.ts';
import { Metrics } from '../../src/ops/metrics.ts';

const [, , port = '0', fault] = process.argv;
const log = createLog('info');
const exit = (code: number): void => process.exit(code);
const lifecycle = new Lifecycle({ log, clock: systemClock, exit }, { stopTimeoutMs: 30_000 });
processEvents(process)(lifecycle);
const admin = new AdminServer({ log, health: new Health(), metrics: new Metrics() });
lifecycle.onStop('admin', () => admin.stop());

const code = await lifecycle.run(async (signal) => {
  await admin.start({ host: '127.0.0.1', port: Number(port) });
  if (fault === 'reject') void Promise.reject(new Error('nobody awaited this'));
  if (fault === 'throw') setImmediate(() => JSON.parse('{'));
  if (fault === 'bug') setImmediate(() => assert(false, 'offsets must rise'));
  if (fault === 'hang') await new Promise(() => {});
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
});
process.exit(code);
