import type { RE2JS } from "re2js";
import { shorten } from "../../lib/text.ts";

/** The regular expression engine, loaded when the first pattern is used: it takes about 3 MB of memory. */
let engine: typeof RE2JS | null = null;

/** Loads the engine that `whyNotPattern` and `whyUnmatched` need. Later calls return at once. */
export const loadPatterns = async (): Promise<void> => {
  engine ??= (await import("re2js")).RE2JS;
};

/** Upper bound of a compiled pattern, in instructions. `.{1,1000}` has 2001. */
const MAX_INSTRUCTIONS = 10_000;

/** Upper bound of instructions times characters in one match: at most about 100 ms. */
const MAX_STEPS = 2 ** 21;

/**
 * Returns what is wrong with a regular expression in RE2 syntax, or null. RE2 matches in time linear in the length of
 * the value, so an untrusted value cannot block the process.
 */
export const whyNotPattern = (pattern: string): string | null => {
  const compiled = compile(pattern);
  if ("problem" in compiled) return compiled.problem;
  const size = compiled.expression.programSize();
  return size <= MAX_INSTRUCTIONS
    ? null
    : `is too complex (${size} instructions); expected at most ${MAX_INSTRUCTIONS}`;
};

/** Returns why no part of `value` matches `pattern`, or null. */
export const whyUnmatched = (pattern: string, value: string): string | null => {
  const compiled = compile(pattern);
  // Files are checked when they are read, but an older version may have stored a definition with such a pattern.
  if ("problem" in compiled) return `has a pattern that cannot be used: ${compiled.problem}`;
  const maxLength = Math.floor(MAX_STEPS / compiled.expression.programSize());
  if (value.length > maxLength) {
    return `has ${value.length} characters, too many for its pattern; expected at most ${maxLength}`;
  }
  if (compiled.expression.test(value)) return null;
  return `can't be '${shorten(value)}'; expected a value that matches ${pattern}`;
};

type Compiled = { readonly expression: RE2JS } | { readonly problem: string };

/** The pattern that was compiled last, because one is checked before it is used, and params often have the same. */
let latest: { readonly pattern: string; readonly compiled: Compiled } | null = null;

const compile = (pattern: string): Compiled => {
  if (latest?.pattern !== pattern) latest = { pattern, compiled: compileAnew(pattern) };
  return latest.compiled;
};

const compileAnew = (pattern: string): Compiled => {
  if (engine === null) throw new Error("loadPatterns must be called before a pattern is used");
  try {
    return { expression: engine.compile(pattern) };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : String(error);
    return { problem: `'${pattern}' is not a regular expression: ${why}; expected ${SYNTAX}` };
  }
};

const SYNTAX = "RE2's syntax, which has no lookaround and no backreferences";
