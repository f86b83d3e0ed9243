/**
 * One process of Kafka, broker and controller in one JVM, from Maven's jars: its settings and its start. Its working folder goes
 * with it; its log lies where the plan says, and a node that is launched on the log of an earlier one goes on with that.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '../lib/assert.ts';
import type { Environment } from './environment.ts';
import type { Java } from './java.ts';
import { startTethered, type TetheredProcess } from './tethered-process.ts';

const CLUSTER_ID = 'bGVhZC13ZWJob29rcy0wMA'; // any 16 bytes in base64url; the same each time does no harm

/** Kafka's own quick-test settings; KAFKA_* variables of the container image are made from the same table. */
export const TEST_SETTINGS: Readonly<Record<string, string>> = {
  'allow.everyone.if.no.acl.found': 'true', // with the authorizer: rules of a test concern its own names alone
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
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

export interface NodePlan {
  /** 1, 2 … */
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
  /** `id@host:port` of every controller, this one's included. */
  readonly voters: readonly string[];
  /** Where its log is; null = in its working folder. */
  readonly logFolder: string | null;
  /** Go before TEST_SETTINGS. */
  readonly settings: Readonly<Record<string, string>>;
  /** SCRAM-SHA-512 logins by user name, known from the first start on. */
  readonly logins?: Readonly<Record<string, string>>;
}

export interface NodeDeps {
  readonly java: Java;
  /** Folder with Kafka's jars. */
  readonly jars: string;
  readonly env: Environment;
}

/** Starts a node; returns before it answers. Its log is formatted if that was not done yet. */
export async function launchNode({ java, jars, env }: NodeDeps, plan: NodePlan): Promise<TetheredProcess> {
  const logins = Object.entries(plan.logins ?? {}).map(([name, password]) => scramOption(name, password));
  const folder = await mkdtemp(join(tmpdir(), 'lead-webhooks-kafka-'));
  const logFolder = plan.logFolder ?? join(folder, 'log');
  await writeFile(join(folder, 'server.properties'), propertiesOf(plan, logFolder));
  const jvm = [java.path, '-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-cp', join(jars, '*')];
  jvm.push('-Dorg.slf4j.simpleLogger.defaultLogLevel=warn');
  const format = `kafka.tools.StorageTool format --cluster-id ${CLUSTER_ID} --config server.properties`;
  const formatted = 'test -e "$log/meta.properties"';
  const all = [format, ...logins].join(' ');
  const script = `log=$1; shift; { ${formatted} || "$@" ${all} >/dev/null; } && exec "$@" kafka.Kafka server.properties`;
  return startTethered({ command: ['/bin/sh', '-c', script, 'sh', logFolder, ...jvm], folder, env });
}

/** Goes through a shell. */
function scramOption(name: string, password: string): string {
  assert(/^[\w.-]+$/.test(name) && /^[\w.-]+$/.test(password), 'logins of a local node are plain words');
  return `--add-scram 'SCRAM-SHA-512=[name=${name},password=${password}]'`;
}

/** The text of a node's `server.properties`. */
export function propertiesOf(plan: NodePlan, logFolder: string): string {
  const settings: Record<string, string> = {
    ...TEST_SETTINGS,
    'process.roles': 'broker,controller',
    'node.id': String(plan.id),
    'controller.quorum.voters': plan.voters.join(','),
    listeners: `PLAINTEXT://127.0.0.1:${plan.port},CONTROLLER://127.0.0.1:${plan.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${plan.port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': logFolder,
    'num.network.threads': '2',
    'num.io.threads': '4',
    ...plan.settings,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
