/**
 * Which dead letters a redrive asks for. Of an endpoint and lead the newest revision alone, unless every one is wanted: newest wins,
 * and an older one after it would be sent for nothing. Keeps places and numbers, no bodies: there may be very many.
 */
import type { Letter } from '../kafka/letter.ts';

export interface Left {
  readonly letter: Letter;
  /** Why it is not asked for, as the rest of a sentence. */
  readonly not: string;
  /** It cannot be redriven at all; else another dead letter stands for it. */
  readonly final: boolean;
}

export class Selection {
  readonly #every: boolean;
  readonly #left: Left[] = [];
  /** By endpoint and lead (and, for every one, revision). */
  readonly #chosen = new Map<string, Letter>();

  /** @param every whether older revisions of an endpoint and lead are wanted too, in order. */
  constructor(every: boolean) {
    this.#every = every;
  }

  /** Takes the next dead letter that the filter lets through; `not` says why it cannot be delivered again. */
  add(letter: Letter, not: string | null): void {
    if (not !== null || letter.revision === null) {
      this.#left.push({ letter, not: not ?? 'has no revision', final: true });
      return;
    }
    const key = `${letter.endpoint}|${letter.lead}${this.#every ? `|${letter.revision}` : ''}`;
    const other = this.#chosen.get(key);
    if (other === undefined) {
      this.#chosen.set(key, letter);
      return;
    }
    const isNewer = letter.revision >= (other.revision ?? -1);
    if (isNewer) this.#chosen.set(key, letter);
    const [kept, left] = isNewer ? [letter, other] : [other, letter];
    const same = kept.revision === left.revision;
    const place = `${kept.partition}/${kept.offset}`;
    const why = same ? `is the same as ${place}` : `is older than ${place}, which is asked for`;
    this.#left.push({ letter: left, not: why, final: false });
  }

  /** What is asked for: of each endpoint and lead the older revision first. */
  get chosen(): Letter[] {
    const letters = [...this.#chosen.values()];
    return this.#every ? letters.sort((a, b) => (a.revision ?? 0) - (b.revision ?? 0)) : letters;
  }

  /** What is not, and why. */
  get left(): readonly Left[] {
    return this.#left;
  }
}
