import { paint, type Screen } from "./terminal.ts";

const MAX_LEFT = 30;
/** If the right column would be narrower than this, its texts go below the names instead. */
const MIN_RIGHT = 26;
/** Width of the left column if the texts go below the names. */
const LEFT_IF_STACKED = 2;

/** Lays out rows in two columns. The right column wraps at the width of the screen, at most 110. */
export const columns = (rows: readonly (readonly [string, string])[], screen: Screen): string => {
  const widest = Math.min(MAX_LEFT, Math.max(0, ...rows.map(([name]) => name.length)));
  const left = widthOf(screen) - widest - 4 < MIN_RIGHT ? LEFT_IF_STACKED : widest;
  const width = widthOf(screen) - left - 4;
  return rows.map(([name, text]) => row(name, wrap(text, width), left)).join("\n");
};

/** Returns the width for running text: that of the screen, at most 110. */
export const widthOf = (screen: Screen): number => Math.min(110, screen.columns());

const row = (name: string, texts: readonly string[], left: number): string => {
  const [first = "", ...more] = texts;
  const start = name.length > left ? `  ${name}\n${" ".repeat(left + 4)}${first}` : `  ${name.padEnd(left)}  ${first}`;
  return [start, ...more.map((text) => `${" ".repeat(left + 4)}${text}`)].join("\n").trimEnd();
};

/**
 * Wraps a text that follows `indent` to the width of the terminal, and indents its further lines. Returns the text unchanged if
 * the screen is not a terminal or has too little room.
 */
export const fold = (text: string, indent: string, screen: Screen): string => {
  const width = screen.columns() - indent.length;
  return screen.isTerminal && width >= MIN_FOLD ? wrap(text, width).join(`\n${indent}`) : text;
};

const MIN_FOLD = 12;

/** Breaks a text between words into lines of at most `width` characters. A longer word gets a line of its own. */
export const wrap = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
};

/** A command to type next, and what it does. */
export type NextCommand = readonly [command: string, effect: string];

/** Formats commands to copy, one per line. Explains them if the terminal is wide enough. */
export const commandLines = (commands: readonly NextCommand[], screen: Screen): string => {
  const longest = Math.max(0, ...commands.map(([command]) => command.length));
  const room = screen.isTerminal ? screen.columns() - longest - 4 : Number.POSITIVE_INFINITY;
  const areExplained = commands.every(([, effect]) => effect.length <= room);
  return commands
    .map(([command, effect]) => {
      const text = areExplained ? `${command.padEnd(longest)}  ${paint(screen, "dim", effect)}` : command;
      return `  ${text}\n`;
    })
    .join("");
};
