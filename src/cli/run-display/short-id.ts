import type { Screen } from "../terminal/terminal.ts";

/** Characters of a short id. The end of an id is random; runs of the same minute share its beginning. */
const SHORT = 8;

/** Returns the last characters of each id: 8, or more if two of them would be equal. */
export const shortIds = (ids: readonly string[]): readonly string[] => {
  const distinct = new Set(ids).size;
  let length = SHORT;
  while (new Set(ids.map((id) => id.slice(-length))).size < distinct) length++;
  return ids.map((id) => id.slice(-length));
};

/** Returns how to name a run in a message: its short id on a terminal, for people, otherwise its id. */
export const runName = (id: string, { isTerminal }: Pick<Screen, "isTerminal">): string =>
  isTerminal ? id.slice(-SHORT) : id;
