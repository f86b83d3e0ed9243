/**
 * `run`: the stages, until SIGTERM. It creates and registers nothing: what is missing or wrong is named together with the command
 * that mends it, before anything starts.
 */
import type { PayloadVersion } from '../../core/payload/versions.ts';
import type { Endpoint } from '../../delivery/endpoint.ts';
import { parseEndpoints } from '../../delivery/endpoints.ts';
import { createKafka } from '../../kafka/client.ts';
import { Fetcher } from '../../kafka/fetcher.ts';
import { frameOf } from '../../kafka/framing.ts';
import { agreeOnFacts } from '../../kafka/meta.ts';
import type { Stage as StageName } from '../../kafka/own-topics.ts';
import { Registry } from '../../kafka/registry.ts';
import { SourceCodec } from '../../kafka/source-codec.ts';
import { planTopics } from '../../kafka/topic-plan.ts';
import { Topics } from '../../kafka/topics.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { StartRefused } from '../../lib/start-refused.ts';
import { AdminServer } from '../../ops/admin-server.ts';
import type { Config } from '../../ops/config.ts';
import { Health } from '../../ops/health.ts';
import { Lifecycle } from '../../ops/lifecycle.ts';
import { createLog } from '../../ops/log.ts';
import { Metrics } from '../../ops/metrics.ts';
import { observeProcess } from '../../ops/process-metrics.ts';
import { readArguments } from '../arguments.ts';
import { type Command, ConfigInvalid, type Context, loadConfig } from '../command.ts';
import { kafkaOptions, registryOptions } from '../connections.ts';
import { outboundSchemas } from '../outbound-schemas.ts';
import { type ComposedStage, deliverStage, joinStage, producerOf, type Runtime, rekeyStage } from '../runtime.ts';
import { parseStages } from '../stages.ts';
import { wantedNames, wantedTopics } from '../wanted-topics.ts';
import { secretSource } from './endpoints.ts';

const USAGE = `
Usage: lead-webhooks run [--stages STAGES]

Runs the stages until SIGTERM or SIGINT. Creates no topic and registers no schema: it refuses to start when one is missing
or wrong, and names the command that mends it.

  rekey     source topics → cluster-changes: each row to its lead cluster
  join      cluster-changes → outbound: the payloads of every lead whose payload changed
  deliver   outbound → POST to the endpoints of LEAD_WEBHOOKS_ENDPOINTS_FILE

Options:
  --stages STAGES   rekey, join, deliver, comma separated, or all (the default)
  --help            this text

Exit codes: 0 stopped cleanly after a signal, 1 something failed (one clear line says what), 2 wrong usage or configuration.

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
    const endpoints = stages.includes('deliver') ? loadEndpoints(context, config) : [];
    const log = createLog(config.log.level);
    const lifecycle = new Lifecycle(
      { log, clock, exit: context.exit },
      { stopTimeoutMs: config.app.shutdownTimeoutMs },
    );
    const detach = context.attach(lifecycle);
    try {
      return await lifecycle.run((signal) => runStages({ context, config, stages, endpoints, log, lifecycle }, signal));
    } finally {
      detach();
    }
  },
};

interface Process {
  readonly context: Context;
  readonly config: Config;
  readonly stages: readonly StageName[];
  readonly endpoints: readonly Endpoint[];
  readonly log: Log;
  readonly lifecycle: Lifecycle;
}

async function runStages(process: Process, signal: AbortSignal): Promise<void> {
  const { context, config, stages, log, lifecycle } = process;
  const metrics = new Metrics();
  const health = new Health();
  const admin = new AdminServer({ log, health, metrics });
  await admin.start({ host: config.admin.host, port: config.admin.port });
  lifecycle.onStop('admin server', () => admin.stop());
  const unobserve = observeProcess(metrics, { version: context.version });
  lifecycle.onStop('process metrics', async () => unobserve());
  const partitions = await checkTopics(config, stages, log);
  const runtime: Runtime = { config, version: context.version, log, meter: metrics, partitions };
  const composed: ComposedStage[] = [];
  for (const name of stages) composed.push(await composeStage(name, process, { runtime, health, signal }));
  for (const { stage } of composed) health.onReady(stage.name, () => stage.readiness());
  health.started();
  signal.addEventListener('abort', () => health.stopping(), { once: true });
  log.info({ event: 'started', version: context.version, stages: [...stages] }, 'the stages join their groups');
  try {
    await Promise.all(composed.map(({ stage }) => stage.run(signal)));
  } finally {
    lifecycle.requestStop('a stage ended');
    await Promise.allSettled(composed.map(({ close }) => close()));
  }
}

async function composeStage(
  name: StageName,
  process: Process,
  deps: { runtime: Runtime; health: Health; signal: AbortSignal },
): Promise<ComposedStage> {
  const { runtime, health, signal } = deps;
  const { config, log, meter } = runtime;
  if (name === 'deliver') return deliverStage(runtime, process.endpoints);
  const registry = config.registry === null ? null : new Registry({ clock }, registryOptions(config.registry));
  if (name === 'join') return joinStage(runtime, await framings(config, registry));
  const { epoch, unavailableValue, jsonTimeUnit } = config.sources;
  const rules = { sourceEpoch: epoch, unavailablePlaceholder: unavailableValue, jsonTimeUnit };
  const decoder = new SourceCodec({ registry, clock, log, meter }, rules);
  health.onReady('registry', () => {
    const away = decoder.away;
    return away === null
      ? { ok: true, reason: 'not waited for' }
      : { ok: false, reason: `waits for it: ${away.reason}` };
  });
  return rekeyStage(runtime, decoder, { announceSince: await announceSince(runtime, signal) });
}

/** From when on changes are loud; the first start of all is agreed upon with every other rekey process. */
async function announceSince(runtime: Runtime, signal: AbortSignal): Promise<number | 'beginning'> {
  const { config, log } = runtime;
  const kafka = createKafka(kafkaOptions(config, 'meta'), log);
  const fetcher = new Fetcher({ kafka, log, clock });
  const { leads, appointments, testDrives } = config.sources;
  const sources = new Map(
    [leads, appointments, testDrives].map((topic) => [topic, runtime.partitions.get(topic) ?? 0]),
  );
  try {
    const deps = { log: fetcher, producer: () => producerOf(runtime, kafka, 'meta'), now: () => clock.now() };
    const { firstStart } = await agreeOnFacts(deps, config.topics.meta, sources, signal);
    const { announceSince: rule } = config.sources;
    const since = rule.rule === 'beginning' ? 'beginning' : rule.rule === 'instant' ? rule.atMs : firstStart;
    const shown = typeof since === 'number' ? new Date(since).toISOString() : since;
    log.info(
      { event: 'announce_since', rule: rule.rule, since: shown },
      'changes committed before this announce nothing',
    );
    return since;
  } finally {
    await fetcher.stop();
  }
}

/** Partition counts of all topics that the stages use. */
async function checkTopics(config: Config, stages: readonly StageName[], log: Log): Promise<Map<string, number>> {
  const wanted = wantedTopics(config, stages);
  const topics = new Topics({ kafka: createKafka(kafkaOptions(config, 'topics'), log), clock });
  try {
    const existing = await topics.describe(wantedNames(wanted));
    const findings = planTopics(existing, wanted);
    for (const { topic, kind, message, severity } of findings) {
      if (severity === 'warning') log.warn({ event: 'topic', topic, kind }, message);
    }
    const errors = findings.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) {
      const lines = errors.map(({ message }) => message).join('; ');
      const hint = errors.some(({ fix }) => fix !== null) ? '. Mend it with: lead-webhooks topics apply' : '';
      throw new StartRefused(`${lines}${hint}`);
    }
    return new Map(Array.from(existing, ([name, topic]) => [name, topic?.partitions ?? 0]));
  } finally {
    await topics.close();
  }
}

/** The bytes before each version's body: the frame of its registered schema, or none. */
async function framings(config: Config, registry: Registry | null): Promise<ReadonlyMap<PayloadVersion, Buffer>> {
  if (config.payload.framing === 'plain') return new Map();
  if (registry === null) {
    throw new StartRefused(
      'SCHEMA_REGISTRY_URL: is required for the join with LEAD_WEBHOOKS_OUTBOUND_FRAMING=registry',
    );
  }
  const frames = new Map<PayloadVersion, Buffer>();
  for (const { version, subject, schema } of outboundSchemas(config)) {
    const found = await registry.check(subject, schema);
    if (found.state !== 'same') {
      const what = found.state === 'missing' ? 'is not registered' : 'holds other schemas only';
      throw new StartRefused(`schema ${subject} ${what}. Mend it with: lead-webhooks schemas register`);
    }
    frames.set(version, frameOf(found.id));
  }
  return frames;
}

function loadEndpoints(context: Context, config: Config): readonly Endpoint[] {
  const { endpointsFile } = config.deliver;
  if (endpointsFile === null) {
    throw new ConfigInvalid(['LEAD_WEBHOOKS_ENDPOINTS_FILE: is required for the stage deliver']);
  }
  let text: string;
  try {
    text = context.readFile(endpointsFile);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConfigInvalid([`LEAD_WEBHOOKS_ENDPOINTS_FILE: cannot be read (${code}): ${endpointsFile}`]);
  }
  const options = { secrets: secretSource(context), emittedVersions: config.payload.versions };
  const { endpoints, mistakes } = parseEndpoints(text, options);
  if (mistakes.length === 0) return endpoints;
  throw new ConfigInvalid(
    mistakes.map(({ line, path, message }) => `${endpointsFile}:${line}: ${path === '' ? '' : `${path} `}${message}`),
  );
}
