import { suggest } from "../lib/suggest.ts";

/** Returns the candidate most similar to a word, or null. Words longer than any valid name have no match. */
export const nearest = (word: string, candidates: Iterable<string>): string | null =>
  word.length > MAX_LENGTH ? null : suggest(word, candidates);

const MAX_LENGTH = 128;

/** Returns `did you mean 'x'?`, or `expected` if no candidate is similar. */
export const hint = (word: string, candidates: Iterable<string>, expected: string): string =>
  orElse(nearest(word, candidates), expected);

const orElse = (near: string | null, expected: string): string =>
  near === null ? expected : `did you mean '${near}'?`;

/** Returns `hint` for many words. Only the first 50 distinct words are looked up, because there may be 10,000 candidates. */
export const makeHints = (candidates: Iterable<string>, expected: string): ((word: string) => string) => {
  const known = new Map<string, string | null>();
  return (word) => {
    if (!known.has(word) && known.size < MAX_WORDS) known.set(word, nearest(word, candidates));
    return orElse(known.get(word) ?? null, expected);
  };
};

const MAX_WORDS = 50;

/** Joins names as `a, b, c`; at most 20. */
export const listed = (names: readonly string[]): string =>
  names.length > MAX_LISTED ? `${names.slice(0, MAX_LISTED).join(", ")} …` : names.join(", ");

const MAX_LISTED = 20;
