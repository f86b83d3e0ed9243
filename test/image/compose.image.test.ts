/**
 * compose.yaml as its first lines say, on the image under test: everything comes up, and the receiver gets webhooks, one of them after a
 * retry. Kafka and the registry are the ones that compose.yaml names.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { docker, mustDocker, run } from './engine.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const STAGES = ['rekey', 'join', 'deliver'];
const DEADLINE_MS = 240_000;

interface ComposeFile {
  readonly services: Readonly<Record<string, { readonly image: string }>>;
}

/** One compose project; `down` with it, whatever happened. */
class Composed implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'lead-webhooks-compose-'));
  readonly #options: readonly string[];

  constructor(image: string, project: string) {
    const override = join(this.#folder, 'image.json');
    const { services } = parse(readFileSync(`${root}compose.yaml`, 'utf8'), { merge: true }) as ComposeFile;
    const ours = Object.keys(services).filter((name) => services[name]?.image === 'lead-webhooks:dev');
    writeFileSync(override, JSON.stringify({ services: Object.fromEntries(ours.map((name) => [name, { image }])) }));
    this.#options = ['--project-name', project, '--file', `${root}compose.yaml`, '--file', override];
  }

  /** Runs `docker compose`, which older engines have as a program of its own. */
  async compose(...args: readonly string[]): Promise<string> {
    const isPlugin = (await docker('compose', 'version')).code === 0;
    const [program, first] = isPlugin ? ['docker', ['compose']] : ['docker-compose', []];
    const { code, out, err } = await run(program, [...first, ...this.#options, ...args]);
    if (code !== 0) throw new Error(`compose ${args[0]} ended with ${code}: ${err.slice(-2_000)}`);
    return out.trim();
  }

  /** Id of the service's container, running or not. */
  idOf(service: string): Promise<string> {
    return this.compose('ps', '--all', '--quiet', service);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.compose('down', '--volumes', '--timeout', '1');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

test('compose.yaml comes up, its receiver gets webhooks and one of them after a retry, and its stages end well when they are stopped', async () => {
  await using composed = new Composed(inject('image'), `image-test-${inject('imageRun').slice(0, 8)}`);
  await composed.compose('up', '--detach');
  const receiver = await composed.idOf('receiver');
  const lines = async (): Promise<string> => mustDocker('logs', receiver);
  const wait = { timeout: DEADLINE_MS, interval: 1_000 };
  await expect.poll(lines, wait).toMatch(/^POST \S+ lead \d+ v\d revision \d+ attempt 1: 204$/m);
  await expect.poll(lines, wait).toMatch(/^POST \S+ lead \d+ v\d revision \d+ attempt 2: 204$/m);
  const ids = await Promise.all(STAGES.map((stage) => composed.idOf(stage)));
  const ask = (format: string): Promise<string> => mustDocker('inspect', '--format', format, ...ids);
  await expect.poll(() => ask('{{.State.Health.Status}}'), wait).toBe('healthy\nhealthy\nhealthy');
  await composed.compose('stop', ...STAGES);
  expect(await ask('{{.State.ExitCode}} {{.State.OOMKilled}}')).toBe('0 false\n0 false\n0 false');
});
