/**
 * A value that must never be printed. It shows itself as `[secret]` wherever text is made of it (template, JSON, console,
 * logger); the one who really sends it says `reveal()`, which is easy to search for. It does not protect memory.
 */
import { inspect } from 'node:util';

const SHOWN = '[secret]';

export class Secret {
  readonly #value: string;

  /** Wraps `value` as it is, the empty text included. */
  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, for the call that sends it. */
  reveal(): string {
    return this.#value;
  }

  /** Always `[secret]`. */
  toString(): string {
    return SHOWN;
  }

  /** Always `[secret]`. */
  toJSON(): string {
    return SHOWN;
  }

  /** Always `[secret]`: what Node prints for this object. */
  [inspect.custom](): string {
    return SHOWN;
  }
}
