import { paint, type Screen, type Style } from "./terminal.ts";
import { fitEnd, fitStart, oneLine, padTo, textWidth } from "./text-width.ts";

/** When a column gives way where a terminal is too narrow: lower numbers first; one without any doesn't. */
export type Yielding = {
  /** When it is made narrower, down to `min`. */
  readonly shrink?: number;
  /** Columns. [default: 8] */
  readonly min?: number;
  /** Which part of a cell stays. [default: its start] */
  readonly keep?: "start" | "end";
  /** When it is left out. */
  readonly drop?: number;
};

export type Column = Yielding & {
  readonly title: string;
  readonly cells: readonly string[];
  /** The style of a cell. */
  readonly style?: (row: number) => Style | null;
};

/** Columns as wide as their widest cell, two blanks between them; the head only where there are rows. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[], screen: Screen): string =>
  columnTable(
    head.map((title, at) => ({ title, cells: rows.map((row) => row[at] ?? "") })),
    screen,
  );

/** As `table`; on a terminal no line is longer than that is wide, as far as the columns give way. */
export const columnTable = (columns: readonly Column[], screen: Screen): string => {
  const rows = columns[0]?.cells.length ?? 0;
  if (rows === 0) return "";
  const measured = columns.map((column) => ({ ...column, width: naturalWidth(column) }));
  const fitted = screen.isTerminal ? fit(measured, screen.columns()) : measured;
  const lines = Array.from({ length: rows }, (_, row) => lineOf(fitted, row, screen));
  return `${[headOf(fitted, screen), ...lines].join("\n")}\n`;
};

type Measured = Column & { readonly width: number };

const naturalWidth = ({ title, cells }: Column): number =>
  Math.max(title.length, ...cells.map((cell) => textWidth(oneLine(cell))));

const GAP = 2;

/** Columns give way one after the other, until the line fits. What was made narrower is so only as far as still needed. */
const fit = (columns: readonly Measured[], width: number): readonly Measured[] => {
  const steps = stepsOf(columns);
  for (let count = 0; count < steps.length; count++) {
    const fitted = yielded(columns, steps.slice(0, count), width);
    if (excess(fitted, width) <= 0) return fitted;
  }
  return yielded(columns, steps, width);
};

type Step = { readonly title: string; readonly order: number; readonly drops: boolean };

const stepsOf = (columns: readonly Measured[]): readonly Step[] =>
  columns
    .flatMap(({ title, shrink, drop }): (Step | null)[] => [
      shrink === undefined ? null : { title, order: shrink, drops: false },
      drop === undefined ? null : { title, order: drop, drops: true },
    ])
    .filter((step) => step !== null)
    .sort((left, right) => left.order - right.order);

const yielded = (columns: readonly Measured[], steps: readonly Step[], width: number): readonly Measured[] => {
  const dropped = steps.filter(({ drops }) => drops).map(({ title }) => title);
  const left = columns.filter(({ title }) => !dropped.includes(title));
  const narrower = steps.filter(({ drops }) => !drops);
  return narrower.reduce<readonly Measured[]>((all, { title }) => shrunk(all, title, width), left);
};

const shrunk = (columns: readonly Measured[], title: string, width: number): readonly Measured[] =>
  columns.map((column) => {
    if (column.title !== title) return column;
    const least = Math.max(column.min ?? 8, title.length);
    return { ...column, width: Math.min(column.width, Math.max(least, column.width - excess(columns, width))) };
  });

const excess = (columns: readonly Measured[], width: number): number =>
  columns.reduce((sum, column) => sum + column.width + GAP, -GAP) - width;

const headOf = (columns: readonly Measured[], screen: Screen): string =>
  paint(screen, "bold", joined(columns.map(({ title, width }) => padTo(title, width))));

const lineOf = (columns: readonly Measured[], row: number, screen: Screen): string =>
  joined(
    columns.map(({ cells, keep, width, style }) => {
      const cell = (keep === "end" ? fitStart : fitEnd)(oneLine(cells[row] ?? ""), width);
      const padding = " ".repeat(Math.max(0, width - textWidth(cell)));
      const name = style?.(row) ?? null;
      return `${name === null ? cell : paint(screen, name, cell)}${padding}`;
    }),
  );

const joined = (cells: readonly string[]): string => cells.join(" ".repeat(GAP)).trimEnd();
