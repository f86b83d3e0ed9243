/**
 * One Kafka node, broker and controller in one JVM, from Maven's jars, on free ports of the loopback address. Its folder
 * is a temporary one and goes with it. The settings make tests quick: no rebalance delay, hung transactions aborted within a
 * second of their timeout, compaction running all the time, few internal partitions. It is as durable as the process.
 */
import { connect } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { freePorts } from './free-ports.ts';
import type { Java } from './java.ts';
import { launchNode } from './kafka-node.ts';
import { fetchArtifact, type MavenDeps, versionOf } from './maven.ts';
import { untilReady } from './readiness.ts';
import type { TetheredProcess } from './tethered-process.ts';

const START_TIMEOUT_MS = 60_000;
/** Another program may take a port between our choice and Kafka's bind. */
const STARTS_MAX = 3;
const ANSWER_TIMEOUT_MS = 1_000;

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
    const voters = [`1@127.0.0.1:${controllerPort}`];
    const plan = { id: 1, port, controllerPort, voters, logFolder: null, settings: {} };
    const process = await launchNode({ ...deps, jars }, plan);
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
