import { removeEscapes } from "../../lib/text.ts";
import { withoutVariableParts } from "./variable-parts.ts";

/** Characters of a line that are looked at. */
const MAX_LINE = 2_000;

/**
 * Returns the parts of a line that were on a terminal one after the other, because a carriage return moves to the start of the line. A
 * line without text has none. Of a very long one, only what is around its first word for an error, if that is not near its start, and its
 * end, if that has such a word, too.
 */
export const segmentsOf = (text: string): readonly string[] =>
  text.includes("\r")
    ? text.split("\r").flatMap((segment) => (segment === "" ? [] : windowsOf(segment)))
    : windowsOf(text);

const windowsOf = (text: string): readonly string[] => {
  const window = windowOf(text);
  if (text.length <= MAX_LINE || window.slice(0, MAX_LINE).endsWith(text.slice(-BEFORE_WORD))) return [window];
  const end = errorAtEnd(text);
  return end === "" ? [window] : [window, end];
};

/** What is no word, such as encoded data, and all before it. */
const BLOB = /^.*[\w+/=]{60}\s*/s;

/** Characters at the end of a very long line that are looked at. */
const MAX_END = 1_000;
const WORD_AT_END =
  /\b(?:errors?|\w{1,40}(?:Error|Exception)|exception|fault|fatal|panic|fail(?:ed|ure)?|denied|refused|cannot|unable|no such|not found|timed out|killed|invalid)\b/i;

/** Returns the end of a very long line from its first word for an error on; an empty text if it has none. */
const errorAtEnd = (text: string): string => {
  const end = text.slice(-MAX_END);
  const at = end.search(WORD_AT_END);
  if (at === -1) return "";
  return `… ${end.slice(Math.max(0, at - BEFORE_WORD), at).replace(BLOB, "")}${end.slice(at)}`;
};

/** Lines up to this length are shown as they are, and of longer ones this many characters before the word. */
const MAX_SHOWN = 500;
const BEFORE_WORD = 100;
const ERROR_WORD = /\b(?:errors?|exception|fault|fatal|failed|failure|denied|refused)\b/i;

const windowOf = (text: string): string => {
  if (text.length <= MAX_SHOWN) return text;
  const at = text.search(ERROR_WORD);
  return at < MAX_SHOWN - BEFORE_WORD
    ? text
    : `… ${text.slice(at - BEFORE_WORD, at).replace(BLOB, "")}${text.slice(at, at - BEFORE_WORD + MAX_LINE)}`;
};

/** Returns the part of a line without its beginning that reports an error, in JSON or at its end; an empty text if there is none. */
export const errorInRest = (text: string): string => {
  const at = text.search(JSON_ERROR);
  return at === -1 ? errorAtEnd(text) : `… ${text.slice(Math.max(0, at - BEFORE_WORD), at + MAX_LINE)}`;
};

const JSON_ERROR = /"(?:error|errors|exception|fault|failure)"\s?:\s?(?:\{\s?"|\[\s?[{"]|"[^"])/;

/**
 * Returns a line, or a segment of one, as a terminal shows it: without escape sequences, and only its last segment. Control characters and
 * those that change the direction of text become spaces, so that nothing that they divide is joined. Truncates it to MAX_LINE characters.
 */
export const plainLine = (text: string): string => {
  let end = text.length;
  while (end > 0 && (text[end - 1] === "\r" || text[end - 1] === "\n")) end--;
  const start = text.lastIndexOf("\r", end - 1) + 1;
  const line = withoutControls(removeEscapes(text.slice(start, Math.min(end, start + MAX_LINE)))).trimEnd();
  // Programs that erase a progress bar end it with a carriage return and an escape sequence.
  return line === "" && start > 0 ? plainLine(text.slice(Math.max(0, start - 1 - MAX_LINE), start - 1)) : line;
};

/** All but tabs, by which stack traces are indented. */
const CONTROLS = /[^\P{Cc}\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

const withoutControls = (text: string): string => text.replace(CONTROLS, " ");

/**
 * Returns a line without what differs from run to run: colours, times, counts, sizes, ids, hexadecimal numbers and temporary names become
 * `#`. The codes of errors and names with numbers remain. Two lines with the same result say the same.
 */
export const normalise = (text: string): string =>
  withoutVariableParts(plainLine(windowOf(text)).replace(/\s+/g, " ").trim());
