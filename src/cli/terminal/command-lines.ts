import { paint, type Screen } from "./terminal.ts";

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
