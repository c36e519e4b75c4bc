import { removeEscapes } from "../../lib/text.ts";

/**
 * Characters that a reader does not see, or that change the direction of text: controls, formats, tags, variation selectors beyond the
 * usual ones, and unpaired surrogates. A text could hide instructions in them.
 */
const HIDDEN = /[[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\u{e0100}-\u{e01ef}]--[\n\t\u00ad\u200c\u200d]]/gv;

const codeOf = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** Returns a text without escape sequences of terminals and with hidden characters as `\u{202e}`. Keeps line breaks and tabs. */
export const visible = (text: string): string => removeEscapes(text).replace(HIDDEN, codeOf);

/** Shortens a text to about `max` characters, and says how many are missing. */
export const cut = (text: string, max: number): string => {
  if (text.length <= max) return text;
  const start = text.slice(0, max).replace(/[\ud800-\udbff]$/, "");
  return `${start}… (${text.length - start.length} more characters)`;
};
