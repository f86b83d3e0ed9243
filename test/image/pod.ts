/**
 * Pods of the chart on a container engine, on the host's network, where the broker and the receiver are. A pod has one container here, as
 * all stages have, and a port of its own for its probes: that is the one setting that is not the chart's. Stopping is what a kubelet does:
 * SIGTERM to the first process, and SIGKILL when the grace period is over.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { freePorts } from '../../src/dev/free-ports.ts';
import { docker, LABEL, mustDocker } from './engine.ts';
import type { RenderedContainer, RenderedPod } from './rendered-pods.ts';

const READY_TIMEOUT_MS = 120_000;
const LOG_TAIL = '30';

export interface PodsOptions {
  readonly image: string;
  /** Value of the label of all containers. */
  readonly run: string;
  /** Goes before the names of containers, which are the engine's alone. */
  readonly prefix: string;
}

export interface Stopped {
  readonly code: number;
  /** From the order to the end. */
  readonly tookMs: number;
  /** What the container wrote to its root file system: a path a line, as `docker diff` says it. */
  readonly written: readonly string[];
}

/** All pods of a test; what is left of them goes with it. */
export class Pods implements AsyncDisposable {
  readonly #options: PodsOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'lead-webhooks-pods-'));
  #made = 0;

  constructor(options: PodsOptions) {
    this.#options = options;
  }

  /** Runs a container to its end. */
  async runToEnd(container: RenderedContainer): Promise<{ code: number; log: string }> {
    const id = await this.#create(container, []);
    const { code, out, err } = await docker('start', '--attach', id);
    await mustDocker('rm', id);
    return { code, log: `${out}${err}` };
  }

  /** Starts a pod; returns at once. */
  async start(pod: RenderedPod, name: string): Promise<RunningPod> {
    const [template, ...others] = pod.containers;
    if (template === undefined || others.length > 0 || pod.first.length > 0)
      throw new Error('a stage has one container and nothing that runs before it');
    const container = template(name);
    const [port = 0] = await freePorts(1);
    const id = await this.#create(container, ['--env', `LEAD_WEBHOOKS_ADMIN_PORT=${port}`]);
    await mustDocker('start', id);
    return new RunningPod(id, { pod, container, port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = await mustDocker('ps', '--all', '--quiet', '--filter', `name=^${this.#options.prefix}-`);
    if (left !== '') await mustDocker('rm', '--force', ...left.split('\n'));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #create({ name, options, args, mounts }: RenderedContainer, more: readonly string[]): Promise<string> {
    const { image, run, prefix } = this.#options;
    this.#made += 1;
    const own = ['--name', `${prefix}-${this.#made}-${name}`, '--label', `${LABEL}=${run}`, '--network', 'host'];
    const volumes = Array.from(mounts, ([target, files], index) => {
      const folder = join(this.#folder, `${this.#made}-${index}`);
      mkdirSync(folder, { mode: 0o755 });
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text, { mode: 0o644 });
      return ['--volume', `${folder}:${target}:ro`];
    });
    return mustDocker('create', ...own, ...options, ...more, ...volumes.flat(), image, ...args);
  }
}

interface Parts {
  readonly pod: RenderedPod;
  readonly container: RenderedContainer;
  readonly port: number;
}

/** A pod that was started. */
export class RunningPod {
  readonly #id: string;
  readonly #parts: Parts;

  constructor(id: string, parts: Parts) {
    this.#id = id;
    this.#parts = parts;
  }

  get graceMs(): number {
    return this.#parts.pod.graceSeconds * 1_000;
  }

  /** Resolves when the probe of readiness answers well, and the one of liveness too; rejects with the end of the log after two minutes. */
  async ready(): Promise<void> {
    const { live, ready } = this.#parts.container.probes;
    try {
      await vi.waitFor(async () => void (await Promise.all([this.#probe(live), this.#probe(ready)])), {
        timeout: READY_TIMEOUT_MS,
        interval: 200,
      });
    } catch (error) {
      throw new Error(`${error}: ${await this.log()}`);
    }
  }

  /** Lines of `/proc/1/status` as the program sees them: who the first process is and what it may do. */
  async firstProcess(): Promise<Readonly<Record<string, string>>> {
    const print = `process.stdout.write(require('node:fs').readFileSync('/proc/1/status', 'utf8'))`;
    const text = await mustDocker('exec', this.#id, '/nodejs/bin/node', '--eval', print);
    return Object.fromEntries(text.split('\n').map((line) => line.split(/:\s+/, 2)));
  }

  /** Error codes of writing a file into each of these folders as the program; null = it could. */
  async writing(...folders: readonly string[]): Promise<(string | null)[]> {
    const attempt = `const { writeFileSync } = require('node:fs');
      const codes = process.argv.slice(1).map((folder) => {
        try { writeFileSync(folder + '/written', ''); return null; } catch ({ code }) { return code; }
      });
      process.stdout.write(JSON.stringify(codes));`;
    const said = await mustDocker('exec', this.#id, '/nodejs/bin/node', '--eval', attempt, ...folders);
    return JSON.parse(said) as (string | null)[];
  }

  /** Stops as a kubelet does and removes what is left. */
  async stop(): Promise<Stopped> {
    const startedAt = performance.now();
    await mustDocker('stop', '--time', String(this.#parts.pod.graceSeconds), this.#id);
    const tookMs = performance.now() - startedAt;
    const code = Number(await mustDocker('inspect', '--format', '{{.State.ExitCode}}', this.#id));
    const written = (await mustDocker('diff', this.#id)).split('\n').filter((line) => !this.#isMount(line));
    await mustDocker('rm', this.#id);
    return { code, tookMs, written };
  }

  /** The end of what it logged. */
  async log(): Promise<string> {
    const { out, err } = await docker('logs', '--tail', LOG_TAIL, this.#id);
    return `${out}${err}`;
  }

  async #probe(path: string | null): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${this.#parts.port}${path}`);
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  }

  /** The engine makes the folders on which something is mounted. */
  #isMount(line: string): boolean {
    const path = line.slice(2);
    return path === '' || [...this.#parts.container.mounts.keys()].some((mount) => `${mount}/`.startsWith(`${path}/`));
  }
}
