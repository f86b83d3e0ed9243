/**
 * One Apicurio Registry from Maven's archive, on a free port of the loopback address, in memory. It speaks Confluent's
 * API at `/apis/ccompat/v7`, which is the address returned. It forgets everything when it ends.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';
import type { LocalDeps } from './local-kafka.ts';
import { fetchArtifact, versionOf } from './maven.ts';
import { untilReady } from './readiness.ts';
import { startTethered, type TetheredProcess } from './tethered-process.ts';

const START_TIMEOUT_MS = 60_000;
const STARTS_MAX = 3;
const ANSWER_TIMEOUT_MS = 1_000;

/** Where Apicurio answers as a Confluent registry. */
export const CONFLUENT_PATH = '/apis/ccompat/v7';

export interface LocalRegistry {
  readonly url: string;
  readonly process: TetheredProcess;
}

/** Starts a registry and returns when it lists its subjects. Rejects, leaving nothing behind, when it does not come up. */
export async function startLocalRegistry(deps: LocalDeps): Promise<LocalRegistry> {
  const what = `Apicurio Registry ${await versionOf('registry', deps.env)}`;
  const files = await fetchArtifact('registry', deps);
  for (let start = 1; ; start += 1) {
    const [port = 0, managementPort = 0] = await freePorts(2);
    const url = `http://127.0.0.1:${port}${CONFLUENT_PATH}`;
    const process = await launch(files, { port, managementPort }, deps);
    try {
      const ask = (): Promise<boolean> => listsSubjects(url);
      await untilReady(process, { what, ask, timeoutMs: START_TIMEOUT_MS, clock: deps.clock, signal: deps.signal });
      return { url, process };
    } catch (error) {
      await process.stop();
      if (start === STARTS_MAX || !/already in use|already bound/i.test(String(error))) throw error;
    }
  }
}

interface Ports {
  readonly port: number;
  /** Health and metrics: Quarkus opens it in any case, on 9000 unless told otherwise. */
  readonly managementPort: number;
}

async function launch(files: string, ports: Ports, deps: LocalDeps): Promise<TetheredProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'lead-webhooks-registry-'));
  const jvm = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Djava.io.tmpdir=${folder}`];
  const settings = [
    '-Dquarkus.http.host=127.0.0.1',
    `-Dquarkus.http.port=${ports.port}`,
    '-Dquarkus.management.host=127.0.0.1',
    `-Dquarkus.management.port=${ports.managementPort}`,
    '-Dquarkus.log.level=WARN',
  ];
  return startTethered({
    command: [deps.java.path, ...jvm, ...settings, '-jar', join(files, 'quarkus-run.jar')],
    folder,
    env: deps.env,
  });
}

async function listsSubjects(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  await answer.body?.cancel();
  return answer.ok;
}
