/** Seeded chance in the words that the simulation needs. Each part of the world has its own, so that a draw more in one shifts no other. */
import { type Random, seededRandom } from '../../src/lib/random.ts';

export class Chance {
  readonly random: Random;

  /** `part` keeps the chances of one seed's parts apart. */
  constructor(seed: number, part: number) {
    this.random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b));
  }

  /** True with this probability; draws nothing for 0. */
  happens(probability: number): boolean {
    return probability > 0 && this.random() < probability;
  }

  /** An integer from 0 to `count` − 1. */
  below(count: number): number {
    return Math.floor(this.random() * count);
  }

  /** A number between both. */
  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}
