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
  const lowerWord = word.toLowerCase();
  let best: { readonly candidate: string; readonly distance: number } | null = null;
  const longer: string[] = [];
  for (const candidate of candidates) {
    const lowerCandidate = candidate.toLowerCase();
    if (word.length >= 3 && lowerCandidate.startsWith(lowerWord)) longer.push(candidate);
    const tolerated = tolerance(word, candidate);
    // The distance is at least the difference of the lengths.
    if (Math.abs(word.length - candidate.length) > tolerated) continue;
    const limit = Math.min(tolerated, (best?.distance ?? Number.POSITIVE_INFINITY) - 1);
    const distance = editDistance(lowerWord, lowerCandidate, limit);
    if (distance <= limit) best = { candidate, distance };
  }
  return best?.candidate ?? (longer.length === 1 ? longer[0] : null) ?? null;
};

const tolerance = (word: string, candidate: string): number => {
  const length = Math.max(word.length, candidate.length);
  return length === 1 ? 0 : Math.max(1, Math.floor(length / 3));
};

/**
 * Returns the optimal string alignment distance: insertions, deletions, substitutions, and swaps of neighbours. If it is more than `limit`,
 * returns a number above it.
 */
const editDistance = (left: string, right: string, limit: number): number => {
  const columns = right.length + 1;
  let [beforeLast, last, current] = [new Uint16Array(columns), new Uint16Array(columns), new Uint16Array(columns)];
  for (let column = 0; column < columns; column++) last[column] = column;
  let smallestBefore = 0;
  for (let row = 1; row <= left.length; row++) {
    current[0] = row;
    let smallest = row;
    const [letter, previous] = [left.charCodeAt(row - 1), left.charCodeAt(row - 2)];
    for (let column = 1; column < columns; column++) {
      const other = right.charCodeAt(column - 1);
      let edits = at(last, column - 1) + (letter === other ? 0 : 1);
      edits = Math.min(edits, at(last, column) + 1, at(current, column - 1) + 1);
      const isSwapped = row > 1 && column > 1 && letter === right.charCodeAt(column - 2) && previous === other;
      if (isSwapped) edits = Math.min(edits, at(beforeLast, column - 2) + 1);
      current[column] = edits;
      if (edits < smallest) smallest = edits;
    }
    // Every later distance is at least the smaller one of two rows: a swap goes back by two.
    if (smallest > limit && smallestBefore > limit) return smallest;
    smallestBefore = smallest;
    [beforeLast, last, current] = [last, current, beforeLast];
  }
  return at(last, right.length);
};

const at = (row: Uint16Array, column: number): number => row[column] ?? Number.POSITIVE_INFINITY;
