/**
 * `run`: the stages, until SIGTERM. It creates and registers nothing: what is missing or wrong is named together with the command
 * that mends it, before anything starts.
 */
import { systemClock as clock } from '../../lib/clock.ts';
import { AdminServer } from '../../ops/admin-server.ts';
import { Health } from '../../ops/health.ts';
import { Lifecycle } from '../../ops/lifecycle.ts';
import { createLog } from '../../ops/log.ts';
import { Metrics } from '../../ops/metrics.ts';
import { observeProcess } from '../../ops/process-metrics.ts';
import { openTraces } from '../../ops/traces.ts';
import { readArguments } from '../arguments.ts';
import { type Command, loadConfig } from '../command.ts';
import { EndpointFeed, fixedEndpoints } from '../endpoint-feed.ts';
import { watchEventLoop } from '../loop-watchdog.ts';
import { runStages } from '../run-stages.ts';
import { parseStages } from '../stages.ts';

const USAGE = `
Usage: lead-webhooks run [--stages STAGES]

Runs the stages until SIGTERM or SIGINT. Creates no topic and registers no schema: it refuses to start when one is
missing or wrong, and names the command that mends it.

  rekey     source topics → cluster-changes: each row to its lead cluster
  join      cluster-changes → outbound: the payloads of every lead whose payload changed
  deliver   outbound → POST to the endpoints of LEAD_WEBHOOKS_ENDPOINTS_FILE and _TOPIC

Options:
  --stages STAGES   rekey, join, deliver, comma separated, or all (the default)
  --help            this text

Exit codes: 0 stopped cleanly after a signal, 1 something failed (one clear line says what), 2 wrong usage or
configuration.

Examples:
  lead-webhooks run
  lead-webhooks run --stages rekey,join
`;

export const command: Command = {
  name: 'run',
  summary: 'run the stages',
  usage: USAGE,
  async run(context) {
    const args = readArguments(context.args, { words: [], options: { stages: 'value' } });
    const stages = parseStages(args.value('stages'));
    const config = loadConfig(context);
    const endpoints = stages.includes('deliver') ? new EndpointFeed(context, config) : fixedEndpoints([]);
    const log = createLog(config.log.level);
    const lifecycle = new Lifecycle(
      { log, clock, exit: context.exit },
      { stopTimeoutMs: config.app.shutdownTimeoutMs },
    );
    const detach = context.attach(lifecycle);
    try {
      return await lifecycle.run(async (signal) => {
        const metrics = new Metrics();
        const health = new Health();
        const admin = new AdminServer({ log, health, metrics });
        await admin.start({ host: config.admin.host, port: config.admin.port });
        lifecycle.onStop('admin server', () => admin.stop());
        const unobserve = observeProcess(metrics, { version: context.version, stages });
        lifecycle.onStop('process metrics', async () => unobserve());
        const unwatch = watchEventLoop({ limitMs: config.tasks.stallTimeoutMs });
        lifecycle.onStop('event loop watchdog', async () => unwatch());
        const { version } = context;
        const { tracer, flush } = openTraces(version);
        if (tracer.active) log.info({ event: 'traces' }, 'an OpenTelemetry SDK is loaded: spans are made');
        lifecycle.onStop('traces', () => flush(clock));
        const onEnded = (): void => lifecycle.requestStop('a stage ended');
        await runStages({ config, stages, endpoints, version, log, meter: metrics, tracer, health, onEnded }, signal);
      });
    } finally {
      detach();
    }
  },
};
