import type { OutputStream } from "../task-run.ts";
import * as patterns from "./error-patterns.ts";
import { type Level, levelOf, withoutPrefixes } from "./log-level.ts";

/** How much a line looks like the reason of a failure. */
export type ErrorRank = {
  /** From MIN_POINTS on, the line can be the reason. */
  readonly points: number;
  /** The line only announces what the next line says: `error during build:`. */
  readonly isHeader: boolean;
  /** The line only repeats that something failed. */
  readonly isWrapper: boolean;
};

/** A line with fewer points says nothing about a failure. */
export const MIN_POINTS = 16;

/** Points of the mark of a line, of which it has one. */
const CRASH = 60;
const EXCEPTION = 52;
const ERROR = 50;
const FAILURE = 36;
/** A program that prints only complaints on stderr, or a reason that no word introduces. */
const COMPLAINT = 22;
const MAYBE_FAILURE = 14;

/** Points that a line with a mark gets besides. */
const ON_STDERR = 6;
const WITH_REASON = 16;
const WITH_PLACE = 6;
const INDENTED = -4;
const BARE = -14;
const WRAPPER = -34;
const VERDICT = -24;
const RETRIED = -22;
const TIDYING = -24;
const FRAMED = -12;
const BY_LEVEL = { fatal: 0, error: 0, warning: -30, information: -22, debug: -40 } as const satisfies Record<
  Level,
  number
>;

/** A message that is shorter than this and gives no reason is bare. */
const BARE_LENGTH = 12;

/** Returns what a line without escape sequences, trimmed at its end, says about a failure. Null if it says nothing. */
export const rankLine = (line: string, stream: OutputStream): ErrorRank | null => {
  const text = withoutPrefixes(line.trimStart());
  const level = levelOf(text);
  // Most lines have no mark, and removing words is slow.
  const mark = markOf({ line, words: text, level, stream });
  if (mark === null || patterns.QUOTED.test(line) || patterns.PROBES.test(text) || patterns.BANNERS.test(text))
    return null;
  const words = text.replace(patterns.HARMLESS, " ").replace(patterns.PATHS, " ");
  const finalMark = words === text ? mark : markOf({ line, words, level, stream });
  return finalMark === null ? null : rankOf({ line, words, level, stream }, text, finalMark);
};

/** Returns true for a line that says that a cleanup begins or takes place. */
export const isCleanup = (line: string): boolean => patterns.CLEANUPS.test(line);

/** Returns true for a label with one word, such as `Type: unauthorized`, and for a place without a message. */
export const isLabel = (line: string): boolean => patterns.LABELS.test(line);

/** Returns true for an exception that names no host, no file and no value. */
export const isBareException = (line: string): boolean =>
  !/["'\x60/]|:\d|\d{2}|\w\.\w/.test(line.replace(/^.*?(?:Exception|Error): /, ""));

/** Returns true for a line that says something, false for what is executed, for the output of a debugger, and for a bare verdict. */
export const isMessage = (line: string): boolean => {
  const text = withoutPrefixes(line.trimStart());
  return (
    !patterns.QUOTED.test(line) &&
    !patterns.TIDYING.test(text) &&
    levelOf(text) !== "debug" &&
    emptinessOf(text, false) === 0
  );
};

type Message = {
  readonly line: string;
  /** The line without the prefixes of logs, perhaps also without words that report no error. */
  readonly words: string;
  readonly level: Level | null;
  readonly stream: OutputStream;
};

/** The strongest sign of an error in a message, and whether it names a reason without doubt. */
type Mark = { readonly points: number; readonly hasReason: boolean };

const markOf = (message: Message): Mark | null => {
  const hasReason = isReason(message.words);
  const points = markPointsOf(message, hasReason);
  return points === null ? null : { points, hasReason };
};

const markPointsOf = ({ line, words, level, stream }: Message, hasReason: boolean): number | null => {
  if (level === "fatal" || patterns.CRASHES.test(words)) return CRASH;
  if (level === "error" || patterns.EXCEPTIONS.test(words)) return EXCEPTION;
  if (patterns.ERRORS.test(words) || patterns.ERRORS_AS_WRITTEN.test(words)) return ERROR;
  const isFailure = patterns.FAILURES.test(words);
  const isTool = stream === "stderr" && patterns.TOOLS.test(line);
  if (isTool && (isFailure || hasReason)) return ERROR;
  if (patterns.SYSTEM_ERRORS.test(words) || (stream === "stderr" && patterns.SHELLS.test(line))) return ERROR;
  const isMaybe = patterns.MAYBE_FAILURES.test(words);
  if ((isFailure || hasReason || isMaybe) && patterns.PLACED.test(words)) return ERROR;
  if (isFailure) return FAILURE;
  if (hasReason || isTool) return isTool ? COMPLAINT - ON_STDERR : COMPLAINT;
  return isMaybe ? MAYBE_FAILURE : null;
};

const isReason = (words: string): boolean =>
  patterns.REASONS.test(words) || (patterns.NON_ASCII.test(words) && patterns.FOREIGN_REASONS.test(words));

const rankOf = ({ line, words, level, stream }: Message, text: string, mark: Mark): ErrorRank => {
  const hasReason = mark.hasReason || patterns.MAYBE_REASONS.test(words);
  const isHeader = /:$|^---/.test(text) && patterns.HEADERS.test(text);
  const emptiness = emptinessOf(text, hasReason || isHeader);
  let points = mark.points + (mark.hasReason && !isLabel(text) ? emptiness / 2 : emptiness);
  points += BY_LEVEL[level ?? (mark.points < ERROR && patterns.WARNINGS.test(text) ? "warning" : "error")];
  if (stream === "stderr") points += ON_STDERR;
  if (hasReason) points += WITH_REASON;
  if (patterns.PLACES.test(text)) points += WITH_PLACE;
  if (line.startsWith("  ")) points += INDENTED;
  if (patterns.FRAMED.test(line)) points += FRAMED;
  if (patterns.RETRIES.test(text) && !patterns.LAST_ATTEMPT.test(text)) points += RETRIED;
  if (patterns.TIDYING.test(text) || isCleanup(text)) points += TIDYING;
  return { points, isHeader, isWrapper: emptiness === WRAPPER };
};

/** Returns the points of a message that says that something failed, but not why. */
const emptinessOf = (text: string, saysMore: boolean): number => {
  if (patterns.WRAPPERS.test(text) && !patterns.NO_WRAPPERS.test(text)) return WRAPPER;
  if (isLabel(text)) return VERDICT;
  if (patterns.SIGNALS.test(text)) return BARE;
  if (saysMore) return 0;
  if (patterns.VERDICTS.test(text)) return VERDICT;
  return text.length < BARE_LENGTH ? BARE : 0;
};
