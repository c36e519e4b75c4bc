import { errorMessage } from "../../lib/error-message.ts";
import { usageError } from "../argv.ts";

/** What lines contain that are printed: a regular expression of JavaScript. */
export type LinePattern = { readonly text: string; readonly ignoreCase: boolean };

/** Returns a regular expression that finds all matches in a line. Without an upper-case letter in the pattern, it ignores case. Throws `invalid_request`. */
export const readPattern = ({ text, ignoreCase }: LinePattern): RegExp => {
  // Letters of escape sequences, such as \S, are no letters to find.
  const hasUpperCase = /\p{Lu}/u.test(text.replace(/\\./gsu, ""));
  try {
    return new RegExp(text, ignoreCase || !hasUpperCase ? "gi" : "g");
  } catch (error) {
    throw usageError(`--grep is no regular expression: ${errorMessage(error)}`, null, "petit logs");
  }
};

const MARK = "\u001b[7m";
const END_MARK = "\u001b[27m";

/** Returns a line, whose only escape sequences are colours, with its matches in reverse video. */
export const markMatches = (line: string, pattern: RegExp): string => {
  const parts = line.split(COLOR);
  const plain = parts.filter((_, index) => index % 2 === 0).join("");
  const ranges = [...plain.matchAll(pattern)].map(({ 0: { length }, index }) => [index, index + length] as const);
  let [at, next, marked] = [0, 0, ""];
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 1) {
      // A colour can end the reverse video.
      const [start = 0, end = 0] = ranges[next] ?? [];
      marked += start < at && at < end ? `${part}${MARK}` : part;
      continue;
    }
    const until = at + part.length;
    for (let from = at; from < until; ) {
      const [start, end] = ranges[next] ?? [until, until];
      if (end <= from) {
        next++;
        continue;
      }
      const isMatch = start <= from;
      const to = Math.min(until, isMatch ? end : start);
      const text = part.slice(from - at, to - at);
      marked += isMatch ? `${start === from ? MARK : ""}${text}${to === end ? END_MARK : ""}` : text;
      from = to;
    }
    at = until;
  }
  return marked;
};

/** Splits a text so that every second part is a colour. */
const COLOR = /(\u001b\[[0-9;:]*m)/;
