/** Maximum length of a word to compare; ids have at most 128 characters. */
const MAX_WORD = 256;

/**
 * Returns the candidate that `word` is most likely a misspelling of, or null. The edit distance is at most a third of the
 * length; a swap of neighbours is one edit, and case is ignored. If no candidate is near, returns the only one that begins
 * with `word`, if `word` has at least three letters: `env` for `environment`.
 */
export const suggest = (word: string, candidates: Iterable<string>): string | null => {
  // Computing the distance takes time in proportion to the product of both lengths.
  if (word.length > MAX_WORD) return null;
  let best: { readonly candidate: string; readonly distance: number } | null = null;
  const longer: string[] = [];
  for (const candidate of candidates) {
    if (word.length >= 3 && candidate.toLowerCase().startsWith(word.toLowerCase())) longer.push(candidate);
    // The distance is at least the difference of the lengths.
    if (Math.abs(word.length - candidate.length) > tolerance(word, candidate)) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= tolerance(word, candidate) && (best === null || distance < best.distance)) {
      best = { candidate, distance };
    }
  }
  return best?.candidate ?? (longer.length === 1 ? longer[0] : null) ?? null;
};

const tolerance = (word: string, candidate: string): number => {
  const length = Math.max(word.length, candidate.length);
  return length === 1 ? 0 : Math.max(1, Math.floor(length / 3));
};

/** Returns the optimal string alignment distance: insertions, deletions, substitutions, and swaps of neighbours. */
const editDistance = (left: string, right: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      const edits = [
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
        swapped ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY,
      ];
      current.push(Math.min(...edits));
    }
    beforeLast = last;
    last = current;
  }
  return at(last, right.length);
};

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY;
