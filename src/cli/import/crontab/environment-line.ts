/** A line such as `NAME = value`. */
export type EnvironmentLine = { readonly name: string; readonly value: string };

const SPACE = "[ \\t\\v\\f\\r]*";
const QUOTED = (quote: number): string => `(["'])((?:(?!\\${quote})[^=])*)\\${quote}`;
const LINE = new RegExp(`^(?:${QUOTED(1)}|([^=\\s"'][^= \\t\\v\\f\\r]*))${SPACE}=${SPACE}(.*)$`, "s");
const QUOTED_VALUE = new RegExp(`^(["'])((?:(?!\\1).)*)\\1${SPACE}$`, "s");

/**
 * Reads an environment line as cronie does, or returns null if the line is something else. Name and value may be in quotes, which
 * keep white space. An unclosed quote, or text after a closing quote, makes it no environment line.
 */
export const readEnvironmentLine = (line: string): EnvironmentLine | null => {
  const [, , quotedName, plainName, rest = ""] = LINE.exec(line) ?? [];
  const name = quotedName ?? plainName;
  const value = readValue(rest);
  return name === undefined || name === "" || value === null ? null : { name, value };
};

const readValue = (text: string): string | null => {
  if (!/^["']/.test(text)) return text.replace(/[ \t\v\f\r]+$/, "");
  return QUOTED_VALUE.exec(text)?.[2] ?? null;
};
