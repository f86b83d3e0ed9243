/**
 * The container engine, by its command line: what a person would type is what is tested. Nothing is retried, and nothing goes through a
 * shell.
 */
import { spawn } from 'node:child_process';

/** Label of every container of the suite; its value is the run. */
export const LABEL = 'lead-webhooks.image-test';

export interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, whatever its exit code. Rejects when it cannot be started. */
export function run(program: string, args: readonly string[]): Promise<Done> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DOCKER_BUILDKIT: '1' }, // older clients build without it otherwise, and know no cache mounts then
    });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code: code ?? -1, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() });
    });
  });
}

/** Runs `docker` with these arguments. */
export function docker(...args: readonly string[]): Promise<Done> {
  return run('docker', args);
}

/** The same, and gives what it printed; rejects with what it said when it fails. */
export async function mustDocker(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await docker(...args);
  if (code !== 0) throw new Error(`docker ${args[0]} ended with ${code}: ${err.slice(-2_000)}`);
  return out.trim();
}

/** What the engine knows of an image. */
export interface ImageFacts {
  readonly Config: { readonly User: string; readonly Entrypoint: readonly string[]; readonly Env: readonly string[] };
  /** Digests of the layers' contents, from the bottom. */
  readonly RootFS: { readonly Layers: readonly string[] };
}

/** Rejects when there is no such image. */
export async function imageFacts(image: string): Promise<ImageFacts> {
  const [facts] = JSON.parse(await mustDocker('image', 'inspect', image)) as ImageFacts[];
  if (facts === undefined) throw new Error(`there is no image ${image}`);
  return facts;
}
