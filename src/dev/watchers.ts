/** Waiting for a condition that only changes when somebody says so: asked again at each notice, never after a time. */
export class Watchers {
  readonly #waiting = new Set<() => void>();

  /** Something has changed: everybody who waits looks again. */
  notify(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves when `holds` is true, at once or after a notice. Rejects with the reason of `signal` when that aborts first. */
  async until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    while (!holds()) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.#waiting.delete(look);
          signal.removeEventListener('abort', look);
          resolve();
        };
        this.#waiting.add(look);
        signal.addEventListener('abort', look, { once: true });
      });
    }
  }
}
