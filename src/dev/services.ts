/**
 * A real Kafka and a real schema registry for the demo and the tests, from the first of: the environment
 * (KAFKA_BROKERS, SCHEMA_REGISTRY_URL), containers, local Java. Whoever starts them stops them; what the environment
 * names is never stopped. Both start at the same time.
 */
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { dockerAnswers } from './docker-socket.ts';
import type { Environment } from './environment.ts';
import { findJava, type Java, listJava } from './java.ts';
import { startLocalKafka } from './local-kafka.ts';
import { startLocalRegistry } from './local-registry.ts';
import { versionOf } from './maven.ts';
import { ServicesUnavailable } from './services-unavailable.ts';

/** Kafka 4 brokers need 17 (KIP-1013), Apicurio 3.3 is compiled for 21. */
const KAFKA_JAVA = 17;
const REGISTRY_JAVA = 21;

export interface ServicesOptions {
  readonly log: Log;
  /** False: no schema registry is started. One that the environment names is returned all the same. */
  readonly registry: boolean;
  /** Ends a start that is under way; nothing is left behind. Later it has no effect: call `stop`. */
  readonly signal?: AbortSignal;
  readonly env: Environment;
  readonly clock?: Clock;
}

export interface Services extends AsyncDisposable {
  readonly brokers: readonly string[];
  /** Of the Confluent-compatible API. */
  readonly registryUrl: string | null;
  readonly origin: 'environment' | 'containers' | 'java';
  /** Process groups of local JVMs; none of them lives after `stop`. */
  readonly pids: readonly number[];
  /** Returns when everything that was started is gone. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts what is needed and returns when both answer. Rejects with ServicesUnavailable when there is neither an engine
 * nor a fitting Java, and with the service's last output when one does not come up; then nothing is left running.
 */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const named = fromEnvironment(options);
  if (named !== null) return named;
  if (await dockerAnswers(options.env)) {
    try {
      return await inContainers(options);
    } catch (error) {
      options.signal?.throwIfAborted();
      options.log.warn({ reason: String(error) }, 'containers could not be started; trying local Java');
    }
  }
  return await withJava(options);
}

function fromEnvironment({ env, registry }: ServicesOptions): Services | null {
  const brokers = (env['KAFKA_BROKERS'] ?? '').split(',').map((broker) => broker.trim());
  const given = brokers.filter((broker) => broker !== '');
  if (given.length === 0) return null;
  const registryUrl = env['SCHEMA_REGISTRY_URL'] || null;
  if (registry && registryUrl === null) {
    throw new ServicesUnavailable('KAFKA_BROKERS is set, but SCHEMA_REGISTRY_URL is not: set both, or neither.');
  }
  return services({ brokers: given, registryUrl, origin: 'environment', started: [] });
}

/** Something of ours that runs: `pid` only for local processes. */
interface Started {
  readonly address: string;
  readonly pid?: number;
  stop(): Promise<void>;
}

async function inContainers(options: ServicesOptions): Promise<Services> {
  const { startKafkaContainer, startRegistryContainer } = await import('./containers.ts');
  const [kafkaVersion, registryVersion] = [
    await versionOf('kafka', options.env),
    await versionOf('registry', options.env),
  ];
  const starts = [() => startKafkaContainer(kafkaVersion)];
  if (options.registry) starts.push(() => startRegistryContainer(registryVersion));
  return await together('containers', starts, options);
}

async function withJava(options: ServicesOptions): Promise<Services> {
  const { log, env, clock = systemClock } = options;
  const kafkaJava = await need(KAFKA_JAVA, 'Apache Kafka', env);
  const registryJava = options.registry ? await need(REGISTRY_JAVA, 'Apicurio Registry', env) : kafkaJava;
  const signal = options.signal ?? new AbortController().signal;
  const deps = { log, env, clock, signal };
  const kafka = async (): Promise<Started> => {
    const { broker, process } = await startLocalKafka({ ...deps, java: kafkaJava });
    return { address: broker, pid: process.pid, stop: () => process.stop() };
  };
  const registry = async (): Promise<Started> => {
    const { url, process } = await startLocalRegistry({ ...deps, java: registryJava });
    return { address: url, pid: process.pid, stop: () => process.stop() };
  };
  return await together('java', options.registry ? [kafka, registry] : [kafka], options);
}

async function need(major: number, what: string, env: Environment): Promise<Java> {
  const java = await findJava(major, env);
  if (java !== null) return java;
  const found = (await listJava(env)).map((one) => one.major);
  throw new ServicesUnavailable(missingJava(what, major, found));
}

/** The sentence for a machine without an engine whose Javas, of the major versions `found`, are all older than `major`. */
export function missingJava(what: string, major: number, found: readonly number[]): string {
  if (found.length > 0) {
    return `${what} needs Java ${major} or newer, and only ${found.join(', ')} is here: install Java ${REGISTRY_JAVA}, or start Docker.`;
  }
  return `Kafka and a schema registry are needed: start Docker, or install Java ${REGISTRY_JAVA} and Maven, or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL.`;
}

/** Kafka first, then the registry if it is wanted; all at once, and all or none. */
async function together(
  origin: 'containers' | 'java',
  starts: readonly (() => Promise<Started>)[],
  { signal, log }: ServicesOptions,
): Promise<Services> {
  const results = await Promise.allSettled(starts.map((start) => start()));
  const started = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined || signal?.aborted) {
    await Promise.all(started.map((one) => one.stop()));
    throw failed?.reason ?? signal?.reason;
  }
  const [kafka, registry] = started;
  log.info({ origin, broker: kafka?.address, registry: registry?.address }, 'Kafka is up');
  return services({ brokers: [kafka?.address ?? ''], registryUrl: registry?.address ?? null, origin, started });
}

interface Parts {
  readonly brokers: readonly string[];
  readonly registryUrl: string | null;
  readonly origin: Services['origin'];
  readonly started: readonly Started[];
}

function services({ brokers, registryUrl, origin, started }: Parts): Services {
  let stopped: Promise<unknown> | null = null;
  const stop = async (): Promise<void> => {
    stopped ??= Promise.all(started.map((one) => one.stop()));
    await stopped;
  };
  const pids = started.flatMap((one) => (one.pid === undefined ? [] : [one.pid]));
  return { brokers, registryUrl, origin, pids, stop, [Symbol.asyncDispose]: stop };
}
