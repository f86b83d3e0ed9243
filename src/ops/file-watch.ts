/**
 * Notices that files have changed, by looking at them again and again. Asking the platform to tell would miss what matters most: in
 * Kubernetes a mounted file is a link to a link, and a change exchanges a folder. A look costs one `stat` per file and follows all
 * links. It reads no file.
 */
import { stat } from 'node:fs/promises';
import type { Clock } from '../lib/clock.ts';

/** Something that differs when a file does; the same text while it is not there. */
export type Stamp = (path: string) => Promise<string>;

export interface FileWatchOptions {
  /** Rest between two looks, ms. */
  readonly everyMs: number;
  /** The files to look at; asked before each look. */
  readonly paths: () => Iterable<string>;
  /** Called after a look that found a difference, or a path that it had not seen before: the first look always calls it. */
  readonly onChange: () => void;
}

export class FileWatch {
  readonly #clock: Clock;
  readonly #stamp: Stamp;
  readonly #options: FileWatchOptions;
  #seen = new Map<string, string>();
  #cancel: (() => void) | null = null;
  #stopped = false;

  /** Begins to look after the first rest. @param deps.stamp for tests. */
  constructor(deps: { clock: Clock; stamp?: Stamp }, options: FileWatchOptions) {
    this.#clock = deps.clock;
    this.#stamp = deps.stamp ?? stampOf;
    this.#options = options;
    this.#rest();
  }

  /** Nothing is called any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #rest(): void {
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(this.#options.everyMs, () => void this.#look());
  }

  /** The stamps are taken before anybody reads, so a file that changes in between is noticed by the next look. */
  async #look(): Promise<void> {
    const now = new Map<string, string>();
    for (const path of this.#options.paths()) now.set(path, await this.#stamp(path));
    if (this.#stopped) return;
    const changed = [...now].some(([path, stamp]) => this.#seen.get(path) !== stamp);
    this.#seen = now;
    if (changed) this.#options.onChange();
    this.#rest();
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return 'not there';
  }
}
