/** Two small meeting points of a loop and those who talk to it: news that is not lost, and the end of a round. */

/** A signal that is not lost when nobody waits for it. */
export class News {
  #told = false;
  #wake: (() => void) | null = null;

  /** There is something new. */
  tell(): void {
    this.#told = true;
    this.#wake?.();
    this.#wake = null;
  }

  /** Resolves when there is something new since the last call. */
  async told(): Promise<void> {
    if (!this.#told) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#told = false;
  }
}

/** The rounds of a loop, for who must know that a whole one has passed. */
export class Rounds {
  readonly #waiting: (() => void)[] = [];
  #ended = false;

  /** Resolves when a round that begins after this call has ended, or the loop has. */
  next(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Runs one round. */
  async run(round: () => Promise<void>): Promise<void> {
    const waiting = this.#waiting.splice(0);
    try {
      await round();
    } finally {
      for (const resolve of waiting) resolve();
    }
  }

  /** There is no further round. */
  end(): void {
    this.#ended = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
