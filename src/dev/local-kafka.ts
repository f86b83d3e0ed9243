/**
 * One Kafka node, broker and controller in one JVM, from Maven's jars, on free ports of the loopback address. Its folder
 * is a temporary one and goes with it. The settings make tests quick: no rebalance delay, hung transactions aborted within a
 * second of their timeout, compaction running all the time, few internal partitions. It is as durable as the process.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { freePorts } from './free-ports.ts';
import type { Java } from './java.ts';
import { fetchArtifact, type MavenDeps, versionOf } from './maven.ts';
import { untilReady } from './readiness.ts';
import { startTethered, type TetheredProcess } from './tethered-process.ts';

const CLUSTER_ID = 'bGVhZC13ZWJob29rcy0wMA'; // any 16 bytes in base64url; the same each time does no harm
const START_TIMEOUT_MS = 60_000;
/** Another program may take a port between our choice and Kafka's bind. */
const STARTS_MAX = 3;
const ANSWER_TIMEOUT_MS = 1_000;

/** Kafka's own quick-test settings; KAFKA_* variables of the container image are made from the same table. */
export const TEST_SETTINGS: Readonly<Record<string, string>> = {
  'auto.create.topics.enable': 'false',
  'controlled.shutdown.enable': 'false',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  'log.cleaner.backoff.ms': '500',
  'log.cleaner.dedupe.buffer.size': '16777216',
  'log.cleaner.min.cleanable.ratio': '0.01',
  'log.segment.delete.delay.ms': '1000',
  'offsets.topic.num.partitions': '4',
  'offsets.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
};

export interface LocalKafka {
  /** `host:port`. */
  readonly broker: string;
  readonly process: TetheredProcess;
}

export interface LocalDeps extends MavenDeps {
  readonly java: Java;
  readonly clock: Clock;
}

/** Starts a node and returns when it answers a client. Rejects, leaving nothing behind, when it does not come up. */
export async function startLocalKafka(deps: LocalDeps): Promise<LocalKafka> {
  const what = `Apache Kafka ${await versionOf('kafka', deps.env)}`;
  const jars = await fetchArtifact('kafka', deps);
  for (let start = 1; ; start += 1) {
    const [port = 0, controllerPort = 0] = await freePorts(2);
    const process = await launch(jars, { port, controllerPort }, deps);
    try {
      const ask = (): Promise<boolean> => answersApiVersions(port);
      await untilReady(process, { what, ask, timeoutMs: START_TIMEOUT_MS, clock: deps.clock, signal: deps.signal });
      return { broker: `127.0.0.1:${port}`, process };
    } catch (error) {
      await process.stop();
      if (start === STARTS_MAX || !String(error).includes('Address already in use')) throw error;
    }
  }
}

interface Ports {
  readonly port: number;
  readonly controllerPort: number;
}

async function launch(jars: string, ports: Ports, deps: LocalDeps): Promise<TetheredProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'lead-webhooks-kafka-'));
  await writeFile(join(folder, 'server.properties'), propertiesText(ports, join(folder, 'log')));
  const jvm = [deps.java.path, '-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-cp', join(jars, '*')];
  jvm.push('-Dorg.slf4j.simpleLogger.defaultLogLevel=warn');
  const format = `kafka.tools.StorageTool format --cluster-id ${CLUSTER_ID} --config server.properties`;
  const script = `"$@" ${format} >/dev/null && exec "$@" kafka.Kafka server.properties`;
  return startTethered({ command: ['/bin/sh', '-c', script, 'sh', ...jvm], folder, env: deps.env });
}

function propertiesText(ports: Ports, logFolder: string): string {
  const settings: Record<string, string> = {
    ...TEST_SETTINGS,
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${ports.port},CONTROLLER://127.0.0.1:${ports.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${ports.port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': logFolder,
    'num.network.threads': '2',
    'num.io.threads': '4',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** ApiVersions v0 (KIP-35): the one request that every broker answers, and only once it serves clients. */
const API_VERSIONS = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);

/** True when a broker at `port` answers; false when nothing listens or it stays silent for a second. */
export function answersApiVersions(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(false));
    socket.once('connect', () => socket.write(API_VERSIONS));
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}
