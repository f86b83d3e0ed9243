/**
 * An installation of the product for the demo, made the way an operator makes one: Kafka and a registry, the source topics,
 * `topics apply`, `schemas register`, and the three stages, here in one process, with their metrics on a free port. Everything
 * that was started is stopped by `close`, newest first; on brokers of somebody else the topics and groups of the demo are deleted too.
 */
import type { Endpoint } from '../delivery/endpoint.ts';
import { parseEndpoints } from '../delivery/endpoints.ts';
import { endpointsFile, TOKEN, TOKEN_NAME } from '../dev/demo/cast.ts';
import type { Notices } from '../dev/demo/notices.ts';
import { OutboundReader } from '../dev/outbound-reader.ts';
import { type Services, startServices } from '../dev/services.ts';
import { SourceEncoder } from '../dev/source-encoder.ts';
import { SourcePublisher } from '../dev/source-publisher.ts';
import { createTopics, deleteApplication, SOURCE_SETTINGS } from '../dev/topics.ts';
import { createKafka } from '../kafka/client.ts';
import { Registry } from '../kafka/registry.ts';
import { assert } from '../lib/assert.ts';
import { systemClock as clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { AdminServer } from '../ops/admin-server.ts';
import type { Config, Env } from '../ops/config.ts';
import { Health } from '../ops/health.ts';
import { lineOf } from '../ops/lifecycle.ts';
import { Metrics } from '../ops/metrics.ts';
import { observeProcess } from '../ops/process-metrics.ts';
import { type Command, type Context, loadConfig } from './command.ts';
import { command as schemas } from './commands/schemas.ts';
import { command as topics } from './commands/topics.ts';
import { kafkaOptions, registryOptions } from './connections.ts';
import { fixedEndpoints } from './endpoint-feed.ts';
import { runStages } from './run-stages.ts';
import { STAGES } from './stages.ts';

const PARTITIONS = 4;
const ADMIN_HOST = '127.0.0.1';
const READY_MS = 60_000;
/** Room for a random part of the application's name. */
const NAME_RANGE = 36 ** 4;

export interface InstallationDeps {
  readonly context: Context;
  readonly notices: Notices;
  /** Tells the person who waits what is being done. */
  readonly say: (text: string) => void;
}

export interface DemoInstallation {
  readonly config: Config;
  readonly publisher: SourcePublisher;
  readonly outbound: OutboundReader;
  /** Partitions of the outbound topic. */
  readonly partitions: number;
  /** Rejects when a stage fails; resolves when the stages were stopped. */
  readonly ended: Promise<void>;
}

/**
 * Makes and starts everything; returns when the stages are ready.
 * @param stack gets what has to be undone, also of a start that fails half way.
 * @param receiver base URL of the receiver that the endpoints point to.
 * @throws ServicesUnavailable when there is no Kafka and no registry to be had, the reason of `signal` when that aborts, and
 *   whatever keeps a stage from starting.
 */
export async function install(
  deps: InstallationDeps,
  stack: AsyncDisposableStack,
  receiver: string,
  signal: AbortSignal,
): Promise<DemoInstallation> {
  const { context, say } = deps;
  say('Starting Kafka and a schema registry ...');
  const log = servicesLog(deps);
  const services = stack.use(await startServices({ log, registry: true, signal, env: context.env, clock }));
  say(`Kafka at ${services.brokers.join(', ')}, registry at ${services.registryUrl}: ${ORIGIN[services.origin]}.`);
  const env = environment(context.env, services);
  const config = loadConfig({ ...context, env });
  const kafka = createKafka(kafkaOptions(config, 'demo'), deps.notices);
  if (services.origin === 'environment') stack.defer(() => tidy(kafka, config.app.id, deps));

  const { leads, appointments, testDrives } = config.sources;
  const sources = { partitions: PARTITIONS, settings: SOURCE_SETTINGS };
  await createTopics({ kafka, clock }, [leads, appointments, testDrives], sources);
  await carryOut(topics, 'apply', { ...context, env });
  await carryOut(schemas, 'register', { ...context, env });
  say(`Topics of ${config.app.id} are made, schemas are registered.`);

  const publisher = await connectPublisher(config, kafka);
  stack.defer(() => publisher.close());
  const outbound = new OutboundReader({ kafka, clock, log: deps.notices });
  stack.defer(() => outbound.close());
  const { ended, adminPort } = await start(config, deps, { stack, receiver, signal });
  say(`The stages rekey, join and deliver are ready. Their metrics: http://${ADMIN_HOST}:${adminPort}/metrics`);
  return { config, publisher, outbound, partitions: PARTITIONS, ended };
}

const ORIGIN: Readonly<Record<Services['origin'], string>> = {
  environment: 'yours',
  containers: 'containers of this demo',
  java: 'processes of this demo',
};

/** Only what a person who waits wants to know: a download, a fallback. */
function servicesLog({ notices, say }: InstallationDeps): Log {
  return {
    debug: () => notices.debug(),
    info: (_fields, message) => {
      if (message.startsWith('fetching')) say(`${message} ...`);
    },
    warn: (fields, message) => notices.warn(fields, message),
    error: (fields, message) => notices.error(fields, message),
  };
}

/** The environment of the demo's installation: nothing of the caller's but how to reach its brokers and registry. */
function environment(given: Env, { brokers, registryUrl, origin }: Services): Env {
  const foreign = origin === 'environment';
  const connections = Object.entries(given).filter(([name]) => /^(KAFKA|SCHEMA_REGISTRY)_/.test(name));
  const random = Math.floor(Math.random() * NAME_RANGE).toString(36);
  const appId = foreign ? `demo-${clock.now().toString(36)}-${random}` : 'demo';
  return {
    ...(foreign ? Object.fromEntries(connections) : {}),
    KAFKA_BROKERS: brokers.join(','),
    SCHEMA_REGISTRY_URL: registryUrl ?? '',
    LEAD_WEBHOOKS_APP_ID: appId,
    LEAD_WEBHOOKS_LEADS_TOPIC: `${appId}.public.leads`,
    LEAD_WEBHOOKS_APPOINTMENTS_TOPIC: `${appId}.public.appointments`,
    LEAD_WEBHOOKS_TEST_DRIVES_TOPIC: `${appId}.public.test_drives`,
    LEAD_WEBHOOKS_PARTITIONS: String(PARTITIONS),
    LEAD_WEBHOOKS_OUTBOUND_PARTITIONS: String(PARTITIONS),
    LEAD_WEBHOOKS_REPLICATION_FACTOR: '1',
    LEAD_WEBHOOKS_ANNOUNCE_SINCE: 'beginning',
  };
}

/** Runs a command of the program in this process; what it finds is shown only when it is not good. */
async function carryOut(command: Command, word: string, context: Context): Promise<void> {
  const lines: string[] = [];
  const code = await command.run({ ...context, args: [word], out: (text) => lines.push(text) });
  if (code !== 0) throw new Error(`${command.name} ${word} failed: ${lines.join('; ')}`);
}

async function connectPublisher(config: Config, kafka: ReturnType<typeof createKafka>): Promise<SourcePublisher> {
  if (config.registry === null) throw new Error('the demo needs a schema registry');
  const registry = new Registry({ clock }, registryOptions(config.registry));
  const { leads, appointments, testDrives } = config.sources;
  const encoder = await SourceEncoder.register(registry, {
    lead: { topic: leads, partitions: PARTITIONS },
    appointment: { topic: appointments, partitions: PARTITIONS },
    test_drive: { topic: testDrives, partitions: PARTITIONS },
  });
  const publisher = new SourcePublisher({ kafka, encoder, clock });
  await publisher.connect();
  return publisher;
}

async function start(
  config: Config,
  { context, notices }: InstallationDeps,
  at: { stack: AsyncDisposableStack; receiver: string; signal: AbortSignal },
): Promise<{ readonly ended: Promise<void>; readonly adminPort: number }> {
  const stop = new AbortController();
  const { health, metrics, port: adminPort } = await serveMetrics({ context, notices }, at.stack);
  notices.hold();
  const stages = runStages(
    {
      config,
      stages: STAGES,
      endpoints: fixedEndpoints(endpointsOf(config, at.receiver)),
      version: context.version,
      log: notices,
      meter: metrics,
      health,
      onEnded: () => stop.abort(),
    },
    stop.signal,
  );
  const ended = stages.catch(() => undefined); // whoever waits for the stages is told of a failure
  at.stack.defer(async () => {
    stop.abort();
    await ended;
  });
  const tooLate = AbortSignal.timeout(READY_MS);
  const ready = notices.until(() => health.ready().ok, AbortSignal.any([at.signal, tooLate]));
  try {
    await Promise.race([ready, stages]);
    notices.release(false);
  } catch (error) {
    notices.release(!at.signal.aborted);
    if (tooLate.aborted) throw new Error(`the stages were not ready within ${READY_MS / 1000} s`, { cause: error });
    throw error;
  }
  return { ended: stages, adminPort };
}

/** What a process of the stages serves to a platform, on a port that is free. */
async function serveMetrics(
  { context, notices }: Pick<InstallationDeps, 'context' | 'notices'>,
  stack: AsyncDisposableStack,
): Promise<{ readonly health: Health; readonly metrics: Metrics; readonly port: number }> {
  const [health, metrics] = [new Health(), new Metrics()];
  stack.defer(observeProcess(metrics, { version: context.version, stages: STAGES }));
  const server = new AdminServer({ log: notices, health, metrics });
  stack.defer(() => server.stop());
  const { port } = await server.start({ host: ADMIN_HOST, port: 0 });
  return { health, metrics, port };
}

function endpointsOf(config: Config, receiver: string): readonly Endpoint[] {
  const secrets = { env: (name: string) => (name === TOKEN_NAME ? TOKEN : null), file: () => null };
  const { endpoints, mistakes } = parseEndpoints(endpointsFile(receiver), {
    secrets,
    emittedVersions: config.payload.versions,
  });
  assert(mistakes.length === 0, 'the endpoints of the demo have mistakes');
  return endpoints;
}

/** Leaves nothing behind on brokers that belong to somebody; a failure is told and does no harm. */
async function tidy(
  kafka: ReturnType<typeof createKafka>,
  appId: string,
  { say, notices }: InstallationDeps,
): Promise<void> {
  try {
    await deleteApplication(kafka, appId);
    say(`The topics and groups of ${appId} are deleted.`);
  } catch (error) {
    notices.warn({}, `topics or groups of ${appId} are left: ${lineOf(error)}`);
  }
}
