import { suggest } from "../lib/suggest.ts";

/** What a word was likely meant to be; null where nothing is near. Longer words than any name are not looked at. */
export const nearest = (word: string, candidates: Iterable<string>): string | null =>
  word.length > MAX_LENGTH ? null : suggest(word, candidates);

const MAX_LENGTH = 128;

/** `did you mean 'x'?`, or what was expected where nothing is near. */
export const hint = (word: string, candidates: Iterable<string>, expected: string): string =>
  orElse(nearest(word, candidates), expected);

const orElse = (near: string | null, expected: string): string =>
  near === null ? expected : `did you mean '${near}'?`;

/** The same for many words, of which the first fifty are looked up: there may be ten thousand candidates for each. */
export const makeHints = (candidates: Iterable<string>, expected: string): ((word: string) => string) => {
  const known = new Map<string, string | null>();
  return (word) => {
    if (!known.has(word) && known.size < MAX_WORDS) known.set(word, nearest(word, candidates));
    return orElse(known.get(word) ?? null, expected);
  };
};

const MAX_WORDS = 50;

/** `a, b, c`, and no more than twenty of them. */
export const listed = (names: readonly string[]): string =>
  names.length > MAX_LISTED ? `${names.slice(0, MAX_LISTED).join(", ")} …` : names.join(", ");

const MAX_LISTED = 20;
