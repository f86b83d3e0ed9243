/**
 * The stages of one process, from the checks before the start to their end: what `run` and the demo share. It creates and
 * registers nothing: what is missing or wrong is named together with the command that mends it, before anything starts.
 */
import { MOVES_PER_GENERATION } from '../core/emission.ts';
import type { PayloadVersion } from '../core/payload/versions.ts';
import { createKafka } from '../kafka/client.ts';
import { mayNot } from '../kafka/errors.ts';
import { Fetcher } from '../kafka/fetcher.ts';
import { frameOf } from '../kafka/framing.ts';
import { agreeOnFacts } from '../kafka/meta.ts';
import type { Stage as StageName } from '../kafka/own-topics.ts';
import { watchPartitions } from '../kafka/partition-watch.ts';
import { Registry } from '../kafka/registry.ts';
import { lackingRights, neededRights } from '../kafka/rights.ts';
import { SourceCodec } from '../kafka/source-codec.ts';
import { planTopics } from '../kafka/topic-plan.ts';
import { Topics } from '../kafka/topics.ts';
import { systemClock as clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { StartRefused } from '../lib/start-refused.ts';
import { silentTracer, type Tracer } from '../lib/tracer.ts';
import type { Config } from '../ops/config.ts';
import type { Health } from '../ops/health.ts';
import { kafkaOptions, registryOptions, withSettings } from './connections.ts';
import { deliverStage } from './deliver-stage.ts';
import type { EndpointSource } from './endpoint-feed.ts';
import { outboundSchemas } from './outbound-schemas.ts';
import { type ComposedStage, joinStage, producerOf, type Runtime, rekeyStage } from './runtime.ts';
import { wantedNames, wantedTopics } from './wanted-topics.ts';

export interface StagesToRun {
  readonly config: Config;
  readonly stages: readonly StageName[];
  /** Those that deliver sends to; not looked at without that stage, and closed in any case. */
  readonly endpoints: EndpointSource;
  readonly version: string;
  readonly log: Log;
  readonly meter: Meter;
  /** Absent = nobody takes spans. */
  readonly tracer?: Tracer;
  /** Told what the stages are ready for, and when the process is started. */
  readonly health: Health;
  /** Called when a stage ended, whatever the reason: the others have to stop as well. Must abort the signal. */
  readonly onEnded: () => void;
}

/**
 * Checks the topics and schemas, and runs the stages until `signal` aborts.
 * @throws StartRefused when something is missing or wrong, and whatever ends a stage that was not asked to stop.
 */
export async function runStages(run: StagesToRun, signal: AbortSignal): Promise<void> {
  try {
    await runAll(run, signal);
  } finally {
    await run.endpoints.close();
  }
}

async function runAll(run: StagesToRun, signal: AbortSignal): Promise<void> {
  const { config, stages, version, log, meter, tracer = silentTracer, health } = run;
  const partitions = await checkTopics(config, stages, log);
  const runtime: Runtime = { config, version, log, meter, tracer, partitions };
  const composed: ComposedStage[] = [];
  for (const name of stages) composed.push(await composeStage(name, run, { runtime, signal }));
  for (const { stage, checks = [] } of composed) {
    health.onReady(stage.name, () => stage.readiness());
    for (const [name, check] of checks) health.onReady(name, check);
  }
  health.started();
  signal.addEventListener('abort', () => health.stopping(), { once: true });
  log.info({ event: 'started', version, stages: [...stages] }, 'the stages join their groups');
  try {
    await Promise.all([...composed.map(({ stage }) => stage.run(signal)), watchSources(run, partitions, signal)]);
  } finally {
    run.onEnded();
    await Promise.allSettled(composed.map(({ close }) => close()));
  }
}

async function composeStage(
  name: StageName,
  { endpoints, health }: StagesToRun,
  { runtime, signal }: { runtime: Runtime; signal: AbortSignal },
): Promise<ComposedStage> {
  const { config, log, meter } = runtime;
  if (name === 'deliver') {
    await endpoints.follow({ log, meter }, signal);
    return deliverStage(runtime, endpoints);
  }
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
  const firstMoves = config.sources.generation * MOVES_PER_GENERATION;
  return rekeyStage(runtime, decoder, { announceSince: await announceSince(runtime, signal), firstMoves });
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

/** Ends rekey when a source has got more partitions: nobody would read them. */
async function watchSources(
  { config, stages, log }: StagesToRun,
  partitions: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<void> {
  if (!stages.includes('rekey')) return;
  const { leads, appointments, testDrives } = config.sources;
  const counts = new Map([leads, appointments, testDrives].map((topic) => [topic, partitions.get(topic) ?? 0]));
  const topics = new Topics({ kafka: createKafka(kafkaOptions(config, 'topics'), log), clock });
  try {
    await watchPartitions({ countsOf: (names) => topics.partitionCounts(names), clock, log }, counts, signal);
  } finally {
    await topics.close();
  }
}

/** Partition counts of all topics that the stages use. */
async function checkTopics(config: Config, stages: readonly StageName[], log: Log): Promise<Map<string, number>> {
  const wanted = wantedTopics(config, stages);
  const topics = new Topics({ kafka: createKafka(kafkaOptions(config, 'topics'), log), clock });
  try {
    await checkRights(config, stages, topics);
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
  } catch (error) {
    throw withSettings(error);
  } finally {
    await topics.close();
  }
}

/** Also the rights that are seldom used, such as on the dead letters: they would be missed in the worst moment. */
async function checkRights(config: Config, stages: readonly StageName[], topics: Topics): Promise<void> {
  const needed = stages.flatMap((stage) => neededRights(stage, config));
  const names = needed.filter(({ resource }) => resource === 'topic').map(({ name }) => name);
  const lacking = lackingRights(needed, await topics.allowed([...new Set(names)]));
  if (lacking.length > 0) throw new StartRefused(mayNot(...lacking));
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
    const found = await registry.check(subject, schema).catch((error: unknown) => {
      throw withSettings(error);
    });
    if (found.state !== 'same') {
      const what = found.state === 'missing' ? 'is not registered' : 'holds other schemas only';
      throw new StartRefused(`schema ${subject} ${what}. Mend it with: lead-webhooks schemas register`);
    }
    frames.set(version, frameOf(found.id));
  }
  return frames;
}
