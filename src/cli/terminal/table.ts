import { paint, type Screen, type Style } from "./terminal.ts";
import { fitEnd, fitStart, oneLine, padTo, textWidth, wrapBoth } from "./text-width.ts";

/** How a column makes room if the terminal is too narrow. Lower numbers apply first. A column without numbers keeps its width. */
type Shrinking = {
  /** When to make the column narrower, down to `min`. */
  readonly shrink?: number;
  /** Minimum width in terminal columns. [default: 8] */
  readonly min?: number;
  /** Which part of a cell to keep if it is shortened. [default: start] */
  readonly keep?: "start" | "end";
  /** When to omit the column. */
  readonly drop?: number;
};

/** A column of a table. */
export type Column = Shrinking & {
  readonly title: string;
  readonly cells: readonly string[];
  /** Returns the style of the cell in a row, or null for none. */
  readonly style?: (row: number) => Style | null;
  /** If true, a cell that does not fit goes below its row, over the whole width. At most one column of a table. */
  readonly isBelowIfLong?: boolean;
};

/** Formats columns as a table. On a terminal, columns shrink or are omitted until the table fits its width. */
export const columnTable = (columns: readonly Column[], screen: Screen): string => {
  const rows = columns[0]?.cells.length ?? 0;
  if (rows === 0) return "";
  const measured = columns.map((column) => ({ ...column, width: naturalWidth(column) }));
  const fitted = screen.isTerminal ? fit(measured, screen.columns()) : measured;
  const below = screen.isTerminal ? columns.find(({ isBelowIfLong }) => isBelowIfLong === true) : undefined;
  const room = fitted.find(({ title }) => title === below?.title)?.width ?? 0;
  const lines = Array.from({ length: rows }, (_, row) => {
    const text = oneLine(below?.cells[row] ?? "");
    if (textWidth(text) <= room) return [lineOf(fitted, row, screen)];
    const shown = fitted.map((column) => (column.title === below?.title ? { ...column, cells: [] } : column));
    return [lineOf(shown, row, screen), ...detailLines(text, screen)];
  }).flat();
  return `${[headOf(fitted, screen), ...lines].join("\n")}\n`;
};

/** Returns the lines that explain a row below it: the whole text, or its start and its end if it is very long. */
export const detailLines = (text: string, screen: Screen): readonly string[] => {
  if (!screen.isTerminal) return [`${DETAIL_INDENT}${oneLine(text)}`];
  const width = Math.max(MIN_DETAIL, screen.columns() - DETAIL_INDENT.length);
  return wrapBoth(oneLine(text), { width, lines: MAX_DETAIL_LINES }).map((line) => `${DETAIL_INDENT}${line}`);
};

const DETAIL_INDENT = "    ";
const MIN_DETAIL = 12;
const MAX_DETAIL_LINES = 3;

type Measured = Column & { readonly width: number };

const naturalWidth = ({ title, cells }: Column): number =>
  Math.max(title.length, ...cells.map((cell) => textWidth(oneLine(cell))));

const GAP = 2;

/** Applies shrink and drop steps in order until the table fits. Columns shrink only as far as needed. */
const fit = (columns: readonly Measured[], width: number): readonly Measured[] => {
  const steps = stepsOf(columns);
  for (let count = 0; count < steps.length; count++) {
    const fitted = applySteps(columns, steps.slice(0, count), width);
    if (excess(fitted, width) <= 0) return fitted;
  }
  return applySteps(columns, steps, width);
};

type ShrinkStep = { readonly title: string; readonly order: number; readonly drops: boolean };

const stepsOf = (columns: readonly Measured[]): readonly ShrinkStep[] =>
  columns
    .flatMap(({ title, shrink, drop }): (ShrinkStep | null)[] => [
      shrink === undefined ? null : { title, order: shrink, drops: false },
      drop === undefined ? null : { title, order: drop, drops: true },
    ])
    .filter((step) => step !== null)
    .sort((left, right) => left.order - right.order);

const applySteps = (columns: readonly Measured[], steps: readonly ShrinkStep[], width: number): readonly Measured[] => {
  const dropped = steps.filter(({ drops }) => drops).map(({ title }) => title);
  const remaining = columns.filter(({ title }) => !dropped.includes(title));
  const narrower = steps.filter(({ drops }) => !drops);
  return narrower.reduce<readonly Measured[]>((all, { title }) => shrunk(all, title, width), remaining);
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
      return `${name === null || cell === "" ? cell : paint(screen, name, cell)}${padding}`;
    }),
  );

const joined = (cells: readonly string[]): string => cells.join(" ".repeat(GAP)).trimEnd();
