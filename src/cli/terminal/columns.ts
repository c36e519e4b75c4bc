import type { Screen } from "./terminal.ts";

const MAX_LEFT = 30;
/** What is wrapped to less is hard to read: then the texts stand below the names. */
const MIN_RIGHT = 26;
const LEFT_BESIDE_NOTHING = 2;

/** Two columns; the right one is wrapped at the width of the screen, at most 110. */
export const columns = (rows: readonly (readonly [string, string])[], screen: Screen): string => {
  const widest = Math.min(MAX_LEFT, Math.max(0, ...rows.map(([name]) => name.length)));
  const left = widthOf(screen) - widest - 4 < MIN_RIGHT ? LEFT_BESIDE_NOTHING : widest;
  const width = widthOf(screen) - left - 4;
  return rows.map(([name, text]) => row(name, wrap(text, width), left)).join("\n");
};

/** Of what is read line by line. */
export const widthOf = (screen: Screen): number => Math.min(110, screen.columns());

const row = (name: string, texts: readonly string[], left: number): string => {
  const [first = "", ...more] = texts;
  const start = name.length > left ? `  ${name}\n${" ".repeat(left + 4)}${first}` : `  ${name.padEnd(left)}  ${first}`;
  return [start, ...more.map((text) => `${" ".repeat(left + 4)}${text}`)].join("\n").trimEnd();
};

/** A text that stands behind `indent`, and goes on below it: on a terminal that is too narrow for it, unless it is tiny. */
export const fold = (text: string, indent: string, screen: Screen): string => {
  const width = screen.columns() - indent.length;
  return screen.isTerminal && width >= MIN_FOLD ? wrap(text, width).join(`\n${indent}`) : text;
};

const MIN_FOLD = 12;

/** Lines of at most so many characters, broken between words. */
export const wrap = (text: string, width: number): readonly string[] => {
  const found: string[] = [];
  for (const word of text.split(" ")) {
    const last = found.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) found[found.length - 1] = `${last} ${word}`;
    else found.push(word);
  }
  return found;
};
