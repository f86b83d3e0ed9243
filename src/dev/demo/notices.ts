/**
 * The log of a demo: what goes wrong, each as one line that a person reads, between the lines of the story. What is only
 * information is not shown, but who waits for a condition is told to look.
 */
import type { Log, LogFields } from '../../lib/log.ts';
import { Watchers } from '../watchers.ts';

/** Of lines held back only the last ones are kept: they are there to explain a failure. */
const HELD_MAX = 20;

/** Fields that say where; no value of a row, no secret. */
const WHERE = ['endpoint', 'code', 'topic', 'stage', 'partition', 'reason'] as const;

export class Notices implements Log {
  readonly #print: (line: string) => void;
  readonly #watchers = new Watchers();
  #held: string[] | null = null;

  /** @param print takes a line, without its end. */
  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  debug(): void {}

  info(): void {
    this.#watchers.notify();
  }

  warn(fields: LogFields, message: string): void {
    this.#show(lineOf('warning', fields, message));
  }

  error(fields: LogFields, message: string): void {
    this.#show(lineOf('error', fields, message));
  }

  /** From now on lines are held back: a start on a broker that is new itself has troubles that mend themselves. */
  hold(): void {
    this.#held ??= [];
  }

  /** Ends the holding back. `show`: whether what was held is printed now or dropped. */
  release(show: boolean): void {
    const held = this.#held ?? [];
    this.#held = null;
    if (show) for (const line of held) this.#print(line);
  }

  /** Resolves when `holds` is true; looked at after whatever is logged. Rejects with the reason of `signal` when that aborts. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return this.#watchers.until(holds, signal);
  }

  #show(line: string): void {
    if (this.#held === null) this.#print(line);
    else this.#held = [...this.#held, line].slice(-HELD_MAX);
    this.info();
  }
}

function lineOf(level: string, fields: LogFields, message: string): string {
  const where = WHERE.flatMap((name) => (fields[name] === undefined ? [] : [`${name} ${String(fields[name])}`]));
  return `    ${level}: ${message}${where.length === 0 ? '' : ` (${where.join(', ')})`}`;
}
