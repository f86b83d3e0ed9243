/**
 * Several processes of the real program, each in a place of its own, as a platform keeps them: one that ends by itself is started
 * again in its place. Half of the places have an instance id that survives a restart, unless all or none shall.
 */
import type { Installation, LogLine, Running } from '../support/installation.ts';

export type Identities = 'all' | 'half' | 'none';

export interface FleetOptions {
  readonly stages: string;
  readonly identities: Identities;
}

export class Fleet {
  /** Every process that ever ran. */
  readonly all: Running[] = [];
  /** Last words of processes that ended by themselves. */
  readonly ends: string[] = [];
  readonly #installation: Installation;
  readonly #options: FleetOptions;
  readonly #places = new Map<number, Running>();

  constructor(installation: Installation, options: FleetOptions) {
    this.#installation = installation;
    this.#options = options;
  }

  get places(): number[] {
    return [...this.#places.keys()];
  }

  at(place: number): Running {
    const running = this.#places.get(place);
    if (running === undefined) throw new Error(`nobody is in place ${place}`);
    return running;
  }

  start(place: number): Running {
    const { identities, stages } = this.#options;
    const named = identities === 'all' || (identities === 'half' && place % 2 === 0);
    const running = this.#installation.start(stages, named ? { LEAD_WEBHOOKS_INSTANCE_ID: `pod-${place}` } : {});
    this.#places.set(place, running);
    this.all.push(running);
    void running.ended.then((code) => {
      if (this.#places.get(place) !== running) return; // as it was told to
      this.ends.push(`exit ${code}: ${lastWords(running)}`);
      this.start(place);
    });
    return running;
  }

  /** Kills with SIGKILL and starts again at once. */
  async kill(place: number): Promise<void> {
    await this.#end(place, 'SIGKILL');
    this.start(place);
  }

  /** Stops as a platform does, and starts again when it is gone. */
  async restart(place: number): Promise<void> {
    await this.remove(place);
    this.start(place);
  }

  /** Stops as a platform does, for good. */
  async remove(place: number): Promise<void> {
    const running = this.at(place);
    const code = await this.#end(place, 'SIGTERM');
    if (code > 0) this.ends.push(`exit ${code} when stopped: ${lastWords(running)}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.places.map((place) => this.remove(place)));
  }

  /** How many log lines of all processes are of this event. */
  logged(event: string): number {
    return this.all.reduce((sum, { lines }) => sum + lines.filter((line) => line['event'] === event).length, 0);
  }

  /** What all processes logged, each line with the process it is of. */
  lines(): LogLine[] {
    return this.all.flatMap(({ pid, lines }) => lines.map((line) => ({ pid, ...line })));
  }

  async #end(place: number, signal: NodeJS.Signals): Promise<number> {
    const running = this.at(place);
    this.#places.delete(place);
    running.kill(signal);
    return running.ended;
  }
}

function lastWords({ lines, plain }: Running): string {
  const failed = lines.findLast((line) => line['event'] === 'failed' || line['level'] === 'error');
  return String(failed?.['msg'] ?? plain.slice(-3).join(' '));
}
