import { Text } from "@codemirror/state";

/** Pairs of lines that are compared at most. Where more differs, all between the first and the last difference counts as changed. */
const MAX_PAIRS = 1_000_000;

type Change = { readonly from: number; readonly to: number; readonly insert: Text };

/** Returns the changes of lines that make one text the other. */
export const changesBetween = (before: Text, after: Text): readonly Change[] => {
  const old = linesOf(before);
  const now = linesOf(after);
  const least = Math.min(old.length, now.length);
  let start = 0;
  while (start < least && old[start] === now[start]) start++;
  let end = 0;
  while (end < least - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const removed = old.slice(start, old.length - end);
  const added = now.slice(start, now.length - end);
  const changes: Change[] = [];
  let from = old.slice(0, start).join("").length;
  let last: readonly [number, number] = [0, 0];
  for (const [i, j] of [...commonLines(removed, added), [removed.length, added.length] as const]) {
    const to = from + removed.slice(last[0], i).join("").length;
    const insert = added.slice(last[1], j).join("");
    if (to > from || insert !== "") changes.push({ from, to, insert: Text.of(insert.split("\n")) });
    from = to + (removed[i]?.length ?? 0);
    last = [i + 1, j + 1];
  }
  return changes;
};

/** Returns the lines with their ends. */
const linesOf = (text: Text): readonly string[] => text.toString().split(/(?<=\n)/);

/** Returns the indexes of a longest common subsequence in both lists. */
const commonLines = (a: readonly string[], b: readonly string[]): readonly (readonly [number, number])[] => {
  if (a.length * b.length > MAX_PAIRS) return [];
  const width = b.length + 1;
  // The length of the longest one from each pair of lines on.
  const lengths = new Uint32Array((a.length + 1) * width);
  const lengthAt = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        a[i] === b[j] ? lengthAt(i + 1, j + 1) + 1 : Math.max(lengthAt(i + 1, j), lengthAt(i, j + 1));
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; lengthAt(i, j) > 0; )
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (lengthAt(i + 1, j) >= lengthAt(i, j + 1)) i++;
    else j++;
  return pairs;
};
