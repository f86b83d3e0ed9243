/**
 * The jars of Kafka and of the registry, resolved by Maven from pom.xml beside this file into a per-user cache outside
 * the repository. A folder of the cache is complete or absent: it is filled under another name and renamed, so an
 * interrupted download is repeated and two processes at once do not harm each other. Its name holds a digest of the pom.
 */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../lib/log.ts';
import type { Environment } from './environment.ts';
import { ServicesUnavailable } from './services-unavailable.ts';

const POM = new URL('pom.xml', import.meta.url);

/** A slow line may need this long for the registry's 158 MB. */
const DOWNLOAD_TIMEOUT_MS = 20 * 60_000;
const OUTPUT_BYTES_MAX = 8 * 1024 * 1024;

export type Artifact = 'kafka' | 'registry';

const GOALS: Record<Artifact, string> = {
  kafka: 'dependency:copy-dependencies@kafka',
  registry: 'dependency:unpack@registry',
};
const NAMES: Record<Artifact, string> = {
  kafka: 'Apache Kafka (43 MB)',
  registry: 'Apicurio Registry (158 MB)',
};

export interface MavenDeps {
  readonly log: Log;
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** The version that pom.xml names; for Kafka, KAFKA_VERSION in the environment goes before it. */
export async function versionOf(artifact: Artifact, env: Environment): Promise<string> {
  const wanted = artifact === 'kafka' ? env['KAFKA_VERSION'] : undefined;
  if (wanted) return wanted;
  const match = new RegExp(`<${artifact}\\.version>([^<]+)<`).exec(await readFile(POM, 'utf8'));
  if (match?.[1] === undefined) throw new Error(`pom.xml names no version of ${artifact}`);
  return match[1];
}

/** The folder with the artifact's files, fetched if it is not there. Rejects with one sentence when Maven fails or is missing. */
export async function fetchArtifact(artifact: Artifact, deps: MavenDeps): Promise<string> {
  const version = await versionOf(artifact, deps.env);
  const digest = createHash('sha256')
    .update(await readFile(POM))
    .digest('hex');
  const folder = join(cacheFolder(deps.env), `${artifact}-${version}-${digest.slice(0, 12)}`);
  if (await exists(folder)) return folder;
  deps.log.info({ artifact, version }, `fetching ${NAMES[artifact]} with Maven, once`);
  const part = `${folder}.${randomUUID()}.part`;
  await mkdir(part, { recursive: true });
  try {
    await maven([GOALS[artifact], `-D${artifact}.version=${version}`, `-Dinto=${part}`], deps);
    await rename(part, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error; // else another process was faster
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return folder;
}

function cacheFolder(env: Environment): string {
  const base = env['XDG_CACHE_HOME'] || join(env['HOME'] || '.', '.cache');
  return join(base, 'lead-webhooks');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const NO_MAVEN =
  'Maven (mvn) fetches Kafka and the registry, and is not on the PATH: install it, or start Docker, or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL.';

function failure(output: string, error: Error): string {
  const first = output.split('\n').find((line) => line.includes('[ERROR]'));
  return `Maven could not fetch Kafka or the registry: ${first ?? error.message}`;
}

function maven(args: readonly string[], deps: MavenDeps): Promise<void> {
  const all = ['--batch-mode', '--quiet', '-Dstyle.color=never', '--file', POM.pathname, ...args];
  const options = {
    env: { ...deps.env },
    signal: deps.signal,
    timeout: DOWNLOAD_TIMEOUT_MS,
    maxBuffer: OUTPUT_BYTES_MAX,
  };
  return new Promise((resolve, reject) => {
    execFile('mvn', all, options, (error, stdout) => {
      if (error === null) return resolve();
      if (deps.signal.aborted) return reject(deps.signal.reason);
      reject(new ServicesUnavailable(error.code === 'ENOENT' ? NO_MAVEN : failure(stdout, error)));
    });
  });
}
