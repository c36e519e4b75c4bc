/** One line of the table. */
export type Row = {
  readonly what: string;
  readonly petit: string;
  /** What the same machine does without petit, in the same minute. */
  readonly baseline?: string;
  readonly ratio?: number;
  readonly target?: Target;
  /** The figure that the target is about; the ratio where there is none. */
  readonly value?: number;
};

export type Target = { readonly bound: "at least" | "under"; readonly value: number; readonly unit?: string };

const WIDTHS = [50, 22, 24, 7] as const;

export const header = (): string => columns(["measure", "petit", "baseline", "ratio", "target"]);

export const line = (row: Row): string =>
  columns([
    row.what,
    row.petit,
    row.baseline ?? "",
    row.ratio === undefined ? "" : row.ratio.toFixed(2),
    row.target === undefined ? "" : describeTarget(row.target, row.value ?? row.ratio),
  ]);

const describeTarget = ({ bound, value, unit = "" }: Target, measured: number | undefined): string => {
  const isMet = measured !== undefined && (bound === "under" ? measured < value : measured >= value);
  return `${bound} ${value}${unit} ${isMet ? "✓" : "✗"}`;
};

const columns = (texts: readonly string[]): string =>
  texts
    .map((text, index) => text.padEnd(WIDTHS[index] ?? 0))
    .join(" ")
    .trimEnd();
