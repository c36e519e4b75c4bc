import type { RunStatus } from "../../domain/run.ts";
import type { TaskStatus } from "../../domain/task-run.ts";
import * as words from "../../domain/words/duration.ts";
import type { Style } from "../terminal/terminal.ts";

type Status = RunStatus | TaskStatus | "waiting";

/** The style and sign of each status. The signs distinguish statuses without colours. */
const STATUS_STYLES = {
  completed: { style: "green", sign: "✓" },
  failed: { style: "red", sign: "✗" },
  cancelled: { style: "yellow", sign: "■" },
  interrupted: { style: "yellow", sign: "!" },
  running: { style: "cyan", sign: "●" },
  waiting: { style: "cyan", sign: "◌" },
  pending: { style: "dim", sign: "○" },
  skipped: { style: "dim", sign: "–" },
} as const satisfies Record<Status, { readonly style: Style; readonly sign: string }>;

/** Returns the style of a status. */
export const styleOf = (status: Status): Style => STATUS_STYLES[status].style;

/** Returns the sign of a status. */
export const signOf = (status: Status): string => STATUS_STYLES[status].sign;

/** Formats a duration: `1m30s`, `1.2s`, `340ms`, or `-` for null. */
export const durationText = (durationMs: number | null): string =>
  durationMs === null ? "-" : words.durationText(durationMs);

/** Formats the elapsed time of something that is running: `4s`. */
export const elapsedText = (durationMs: number): string => words.roughText(durationMs);
