/**
 * Kafka nodes whose ends can be chosen: one, or three that copy everything to each other. A node is killed as by a power cut
 * and started again on its own log and ports. For chaos runs and benches; demo and tests use services.ts. The log folders go with
 * the cluster when it is closed; the nodes never outlive this process.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';
import { launchNode, type NodePlan } from './kafka-node.ts';
import { answersApiVersions, type LocalDeps } from './local-kafka.ts';
import { fetchArtifact, versionOf } from './maven.ts';
import { untilReady } from './readiness.ts';
import type { TetheredProcess } from './tethered-process.ts';

const START_TIMEOUT_MS = 120_000;

/** A broker that is gone is found out soon, and leaders go back to where they belong within seconds. */
const SEVERAL_NODES: Readonly<Record<string, string>> = {
  'authorizer.class.name': '', // controllers would refuse each other until their authorizer has heard from one of them
  'broker.heartbeat.interval.ms': '500',
  'broker.session.timeout.ms': '4000',
  'leader.imbalance.check.interval.seconds': '5',
  'leader.imbalance.per.broker.percentage': '0',
  'offsets.topic.replication.factor': '3',
  'replica.lag.time.max.ms': '5000',
  'share.coordinator.state.topic.replication.factor': '3',
  'transaction.state.log.min.isr': '2',
  'transaction.state.log.replication.factor': '3',
};

export class LocalCluster implements AsyncDisposable {
  /** Of Kafka, as Maven names it. */
  readonly version: string;
  readonly #deps: LocalDeps & { readonly jars: string };
  readonly #plans: readonly NodePlan[];
  readonly #folder: string;
  readonly #processes: (TetheredProcess | null)[] = [];

  private constructor(
    deps: LocalDeps & { readonly jars: string },
    options: { plans: readonly NodePlan[]; folder: string; version: string },
  ) {
    this.#deps = deps;
    this.#plans = options.plans;
    this.#folder = options.folder;
    this.version = options.version;
  }

  /**
   * Starts so many nodes; returns when all answer. Rejects, leaving nothing behind, when one does not come up.
   * @param nodes 1 or 3
   * @param settings of every node; go before the usual ones
   */
  static async start(
    deps: LocalDeps,
    nodes: 1 | 3,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<LocalCluster> {
    const jars = await fetchArtifact('kafka', deps);
    const version = await versionOf('kafka', deps.env);
    const ports = await freePorts(nodes * 2);
    const folder = await mkdtemp(join(tmpdir(), 'lead-webhooks-cluster-'));
    const ids = Array.from({ length: nodes }, (_, index) => index + 1);
    const voters = ids.map((id) => `${id}@127.0.0.1:${ports[nodes + id - 1]}`);
    const plans = ids.map((id) => ({
      id,
      port: ports[id - 1] ?? 0,
      controllerPort: ports[nodes + id - 1] ?? 0,
      voters,
      logFolder: join(folder, String(id)),
      settings: { ...(nodes === 1 ? {} : SEVERAL_NODES), ...settings },
    }));
    const cluster = new LocalCluster({ ...deps, jars }, { plans, folder, version });
    try {
      await Promise.all(plans.map((_, index) => cluster.start(index)));
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** `host:port` of every node, also of one that is down. */
  get brokers(): string[] {
    return this.#plans.map(({ port }) => `127.0.0.1:${port}`);
  }

  get nodes(): number {
    return this.#plans.length;
  }

  /** Kills a node with SIGKILL; returns when it is gone. One that is down stays so. */
  async kill(index: number): Promise<void> {
    await this.#processes[index]?.stop();
    this.#processes[index] = null;
  }

  /** Starts a node that is down on its log; returns when it answers. */
  async start(index: number): Promise<void> {
    const plan = this.#plans[index];
    if (plan === undefined || this.#processes[index]) throw new Error(`node ${index} cannot be started`);
    const process = await launchNode(this.#deps, plan);
    this.#processes[index] = process;
    const { clock, signal } = this.#deps;
    const what = `Apache Kafka ${this.version}, node ${plan.id}`;
    const ask = (): Promise<boolean> => answersApiVersions(plan.port);
    await untilReady(process, { what, ask, timeoutMs: START_TIMEOUT_MS, clock, signal });
  }

  /** Kills all nodes and deletes their logs. */
  async close(): Promise<void> {
    await Promise.all(this.#plans.map((_, index) => this.kill(index)));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
