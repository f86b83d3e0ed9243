/**
 * What the demo's receiver answers: 204, unless the story has ordered a failure, or chance has it while the generator runs.
 */
import type { Random } from '../../lib/random.ts';
import type { Answer, Received } from '../receiver.ts';

type Given = NonNullable<Answer>;

const GOOD: Given = { status: 204 };
const BAD: readonly Given[] = [{ status: 500 }, { status: 503 }, { status: 429, headers: { 'retry-after': '1' } }];
const BAD_PERCENT = 8;

export class Answers {
  readonly #ordered = new Map<string, Given>();
  #chance: Random | null = null;

  /** The next request at `path` gets this answer. */
  orderOnce(path: string, answer: Given): void {
    this.#ordered.set(path, answer);
  }

  /** Whether an ordered answer has not been given yet. */
  isOrdered(path: string): boolean {
    return this.#ordered.has(path);
  }

  /** From now on some requests fail by chance. */
  failSometimes(random: Random): void {
    this.#chance = random;
  }

  /** The answer to a request; for a Receiver. */
  readonly to = ({ path }: Received): Given => {
    const ordered = this.#ordered.get(path);
    this.#ordered.delete(path);
    if (ordered !== undefined) return ordered;
    if (this.#chance === null || this.#chance() * 100 >= BAD_PERCENT) return GOOD;
    return BAD[Math.floor(this.#chance() * BAD.length)] ?? GOOD;
  };
}
