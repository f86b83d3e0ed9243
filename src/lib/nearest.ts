/**
 * The name that somebody probably meant. Configuration and the command line refuse what they do not know, and a refusal is
 * only kind when it says which known name comes close. Knows nothing about what the names stand for.
 */

/**
 * The candidate with the fewest typing mistakes between it and `word` (a swap of neighbours is one mistake), or null when none is near:
 * at most a third of the word's letters may differ, and at least one may.
 * @returns the first of equally near candidates.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const mistakesMax = Math.max(1, Math.floor(word.length / 3));
  let best: string | null = null;
  let bestMistakes = mistakesMax + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestMistakes) continue;
    const mistakes = typingMistakes(word, candidate);
    if (mistakes < bestMistakes) {
      best = candidate;
      bestMistakes = mistakes;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment), letters compared without case. */
function typingMistakes(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
