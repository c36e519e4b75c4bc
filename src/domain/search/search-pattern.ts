import type { RE2JS } from "re2js";
import { foldText } from "./fold.ts";
import { type NeededTexts, neededTexts } from "./needed-texts.ts";

/** What lines are searched for. */
export type WantedText = {
  readonly text: string;
  /** True if `text` is a regular expression in RE2 syntax. */
  readonly isExpression: boolean;
};

/** Finds a text, or what matches a regular expression, in folded lines. */
export type SearchPattern = {
  /** Texts without which no line matches. */
  readonly needed: NeededTexts;
  /** Returns the first match that ends after `from`, or null. */
  readonly find: (foldedLine: string, from: number) => { readonly start: number; readonly end: number } | null;
};

/** The regular expression engine, loaded when the first expression is used. */
let engine: typeof RE2JS | null = null;

/** Upper bound of a compiled expression, in instructions: a line of 64 KiB then takes a second at most. */
const MAX_INSTRUCTIONS = 1_000;

/** Returns the pattern for a text, or a problem as the end of a sentence. An expression is matched in linear time. */
export const searchPatternOf = async ({
  text,
  isExpression,
}: WantedText): Promise<SearchPattern | { problem: string }> => {
  if (!isExpression) return textPattern(foldText(text));
  if (mindsCase(text))
    return {
      problem: "the flag '-i' can't be used, because lines are searched whatever the case is; expected no '(?-i)'",
    };
  engine ??= (await import("re2js")).RE2JS;
  let expression: RE2JS;
  try {
    expression = engine.compile(text, engine.CASE_INSENSITIVE);
  } catch (error) {
    // It shows the flag that it was given as a part of the expression.
    const message = error instanceof Error ? error.message : String(error);
    const why = message.replace(/^error parsing regexp: /, "").replace("`(?i)", "`");
    return {
      problem: `it is not a regular expression: ${why}; expected RE2's syntax, which has no lookaround and no backreferences`,
    };
  }
  if (expression.programSize() > MAX_INSTRUCTIONS)
    return { problem: "the expression is too complex; expected a simpler one" };
  const needed = neededTexts(text);
  if (needed.length === 0)
    return {
      problem:
        "the expression has no text of 3 or more characters that every match contains; add such a text, because only that can be looked up",
    };
  return { needed, find: (line, from) => findMatch(expression, { line, from, needed }) };
};

/** Returns whether an expression has a group with the flag `-i`. */
const mindsCase = (expression: string): boolean =>
  /\(\?[A-Za-z]*-[A-Za-z]*i[A-Za-z]*[:)]/.test(
    expression.replaceAll(/\\Q.*?(?:\\E|$)|\\./g, "").replaceAll(/\[\^?\]?[^\]]*\]/g, ""),
  );

const textPattern = (wanted: string): SearchPattern => ({
  needed: [[wanted]],
  find: (line, from) => {
    const start = line.indexOf(wanted, Math.max(0, from - wanted.length + 1));
    return start === -1 ? null : { start, end: start + wanted.length };
  },
});

type Lookup = { readonly line: string; readonly from: number; readonly needed: NeededTexts };

const findMatch = (expression: RE2JS, { line, from, needed }: Lookup) => {
  if (!hasNeeded(line, needed)) return null;
  const matcher = expression.matcher(line);
  while (matcher.find()) if (matcher.end() > from) return { start: matcher.start(), end: matcher.end() };
  return null;
};

/** Returns whether a folded text contains all texts that a pattern needs. */
const hasNeeded = (folded: string, needed: NeededTexts): boolean =>
  needed.every((texts) => texts.some((text) => folded.includes(text)));
