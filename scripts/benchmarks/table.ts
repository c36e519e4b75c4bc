/** One row of the table. */
export type Row = {
  readonly what: string;
  readonly petit: string;
  /** The result of the same machine without petit, measured in the same minute. */
  readonly baseline?: string;
  readonly ratio?: number;
  readonly target?: Target;
  /** The number to compare with the target. The default is the ratio. */
  readonly value?: number;
  /** What the last column shows instead of a target, for a row with several goals. */
  readonly verdict?: string;
};

export type Target = { readonly bound: "at least" | "under"; readonly value: number; readonly unit?: string };

const WIDTHS = [50, 22, 24, 7] as const;

export const header = (): string => columns(["benchmark", "petit", "baseline", "ratio", "target"]);

export const line = (row: Row): string =>
  columns([
    row.what,
    row.petit,
    row.baseline ?? "",
    row.ratio === undefined ? "" : row.ratio.toFixed(2),
    row.target === undefined ? (row.verdict ?? "") : describeTarget(row.target, row.value ?? row.ratio),
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
