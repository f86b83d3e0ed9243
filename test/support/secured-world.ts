/**
 * What the tests of rights stand on: one secured broker for the whole file, the default installation on it, made by the chart's setup
 * user, and the rules that the chart would make, for logins and for certificates. Any further principal gets the rights of a user of the
 * chart, or all of them but one.
 */
import type { AclEntry, Admin } from 'kafkajs';
import { COMMANDS } from '../../src/bin/commands.ts';
import { fixedEndpoints } from '../../src/bin/endpoint-feed.ts';
import { runStages } from '../../src/bin/run-stages.ts';
import { parseStages } from '../../src/bin/stages.ts';
import type { Kafka } from '../../src/kafka/client.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { Topics } from '../../src/kafka/topics.ts';
import { systemClock as clock, pause } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { silentMeter } from '../../src/lib/meter.ts';
import { parseConfig } from '../../src/ops/config.ts';
import { Health } from '../../src/ops/health.ts';
import { addRules } from './acl-rules.ts';
import { type ChartUser, chartUsers, type GrantedRight, ruleFor } from './chart-users.ts';
import { runCommand } from './command-context.ts';
import { Installation, type Ran } from './installation.ts';
import { testKafka } from './kafka-topics.ts';
import { type Access, type SecuredKafka, startSecuredKafka } from './secured-kafka.ts';

/** Users by SCRAM, with a Job that makes the topics; and users by certificate, where Strimzi makes them. */
export const BY_PASSWORD = chartUsers('users');
export const BY_CERTIFICATE = chartUsers('strimzi');

/** A user of the chart by its component: `rekey`, `setup` … */
export function userOf(users: readonly ChartUser[], component: string): ChartUser {
  const user = users.find((one) => one.component === component);
  if (user === undefined) throw new Error(`the chart has no user ${component}`);
  return user;
}

/** The topic of endpoints in the example by password. */
export const ENDPOINTS_TOPIC = 'crm.webhook-endpoints';

/** Who has all rights of a user but one. */
export interface Robbed {
  readonly user: ChartUser;
  readonly without: GrantedRight;
  /** Common name of the certificate. */
  readonly name: string;
}

/** One for each right of each of these users. */
export function robbed(components: readonly string[]): Robbed[] {
  return components.flatMap((component) => {
    const user = userOf(BY_PASSWORD, component);
    return user.rights.map((without, index) => ({ user, without, name: `${user.name}-without-${index}` }));
  });
}

const SOURCES = ['lead', 'appointment', 'test_drive'] as const;
const LOOK_MS = 20;

export class SecuredWorld implements AsyncDisposable {
  readonly kafka: SecuredKafka;
  readonly installation: Installation;
  /** May do everything. */
  readonly admin: Admin;
  readonly #admins: Kafka;

  private constructor(kafka: SecuredKafka, installation: Installation) {
    this.kafka = kafka;
    this.installation = installation;
    this.#admins = testKafka([kafka.broker]);
    this.admin = this.#admins.admin();
  }

  /** Starts the broker, makes the source topics and the rules of the chart, and of those who have all rights but one. */
  static async start(options: {
    registryUrl: string;
    endpoints: string;
    robbed: readonly Robbed[];
  }): Promise<SecuredWorld> {
    const kafka = await startSecuredKafka(BY_PASSWORD.map(({ name }) => name));
    const { registryUrl, endpoints } = options;
    const installation = new Installation({
      ...{ brokers: [kafka.broker], registryUrl, endpoints, names: 'default', partitions: 1 },
      env: {
        LEAD_WEBHOOKS_ROW_CACHE_BYTES: '0',
        LEAD_WEBHOOKS_ENDPOINTS_TOPIC: ENDPOINTS_TOPIC,
        LEAD_WEBHOOKS_ENDPOINTS_TOPIC_ADDRESSES: '127.0.0.1/32',
      },
    });
    const world = new SecuredWorld(kafka, installation);
    try {
      await world.#prepare(options.robbed);
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #prepare(robbed: readonly Robbed[]): Promise<void> {
    await this.admin.connect();
    const sources = SOURCES.map((table) => this.installation.source(table));
    await this.installation.createTopics([...sources, ENDPOINTS_TOPIC]);
    await addRules(this.admin, [
      ...BY_PASSWORD.flatMap(({ name, rights }) => rights.map((right) => ruleFor(`User:${name}`, right))),
      ...BY_CERTIFICATE.flatMap(({ name, rights }) => rights.map((right) => ruleFor(`User:CN=${name}`, right))),
      ...robbed.flatMap(rulesOf),
    ]);
  }

  /** Runs a command in a process of its own. */
  run(access: Access, ...args: readonly string[]): Promise<Ran> {
    return this.installation.runIn(access, ...args);
  }

  /** Runs a command in this process; rejects with what it throws. */
  async command(access: Access, ...[name = '', ...args]: readonly string[]): Promise<{ code: number; out: string }> {
    const load = COMMANDS[name];
    if (load === undefined) throw new Error(`no command ${name}`);
    const { command } = await load();
    const env: Access = { ...this.installation.env, LEAD_WEBHOOKS_LOG_LEVEL: 'error', ...access };
    const path = env['LEAD_WEBHOOKS_ENDPOINTS_FILE'] ?? '';
    return runCommand(command, args, { env, files: { [path]: this.installation.endpoints } });
  }

  /** Runs stages in this process until `signal` aborts; rejects with what ends them. No endpoints. */
  async stages(access: Access, stages: string, signal: AbortSignal): Promise<void> {
    const { SCHEMA_REGISTRY_URL: _, ...env } = this.installation.env;
    const parsed = parseConfig({ ...env, LEAD_WEBHOOKS_OUTBOUND_FRAMING: 'plain', ...access }, () => '');
    if (!('config' in parsed)) throw new Error(parsed.problems.join());
    const stop = new AbortController();
    await runStages(
      {
        ...{ config: parsed.config, stages: parseStages(stages), endpoints: fixedEndpoints([]) },
        ...{ version: '0.0.0', log: silentLog, meter: silentMeter, health: new Health() },
        onEnded: () => stop.abort(),
      },
      AbortSignal.any([signal, stop.signal]),
    );
  }

  /** A client for a principal by certificate. */
  client(name: string): Kafka {
    return createKafka({ brokers: [this.kafka.mtls], clientId: 'test', ssl: this.kafka.certificate(name) }, silentLog);
  }

  /** Deletes a topic; returns when no broker shows it any more. */
  async deleteTopic(topic: string): Promise<void> {
    await this.admin.deleteTopics({ topics: [topic] });
    const topics = new Topics({ kafka: this.#admins, clock });
    try {
      while ((await topics.partitionCounts([topic])).get(topic) !== null) await pause(clock, LOOK_MS);
    } finally {
      await topics.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.installation[Symbol.asyncDispose]();
    await this.admin.disconnect();
    await this.kafka[Symbol.asyncDispose]();
  }
}

function rulesOf({ user, without, name }: Robbed): AclEntry[] {
  return user.rights.filter((right) => right !== without).map((right) => ruleFor(`User:CN=${name}`, right));
}
