import { paint, type Screen } from "./terminal.ts";

/** Columns as wide as their widest cell, two blanks between them; the head only where there are rows. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[], screen: Screen): string => {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  if (rows.length === 0) return "";
  return `${[paint(screen, "bold", line(head)), ...rows.map(line)].join("\n")}\n`;
};
