import { removeEscapes } from "../../lib/text.ts";

/**
 * Returns a text in the form in which it is searched: without escape sequences of terminals, and in lower case. The two lower-case forms of
 * the Greek sigma are one, because which of them `toLowerCase` chooses depends on what follows.
 */
export const foldText = (text: string): string => {
  const lower = removeEscapes(text).toLowerCase();
  return lower.includes("ς") ? lower.replaceAll("ς", "σ") : lower;
};

/** Minimum length of a text to search for, in characters. The index knows texts by their sequences of three characters. */
export const MIN_CHARACTERS = 3;

/** Returns the different sequences of three characters of a folded text. */
export const trigramsOf = (folded: string): ReadonlySet<string> => {
  const characters = [...folded];
  return new Set(
    characters.slice(MIN_CHARACTERS - 1).map((_, index) => characters.slice(index, index + MIN_CHARACTERS).join("")),
  );
};

/** Returns whether a text is long enough to be searched for. */
export const isSearchable = (text: string): boolean => [...foldText(text)].length >= MIN_CHARACTERS;
