export type Position = { readonly line: number; readonly column: number };

/** Returns the line and column (both from 1) of an offset. Columns count UTF-16 code units. */
export type Positions = (offset: number) => Position;

/**
 * Returns a `Positions` that indexes the lines at its first call. The `LineCounter` of yaml has to be fed while a text is
 * parsed: a valid file would pay for it, and a file that cannot be parsed has no positions.
 */
export const makePositions = (text: string): Positions => {
  let starts: readonly number[] | null = null;
  return (offset) => {
    starts ??= findLineStarts(text);
    const line = countUpTo(starts, offset);
    return { line, column: offset - (starts[line - 1] ?? 0) + 1 };
  };
};

const findLineStarts = (text: string): readonly number[] => {
  const starts = [0];
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return starts;
};

/** Returns how many of the sorted numbers are at most `bound`. */
const countUpTo = (sorted: readonly number[], bound: number): number => {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
};
