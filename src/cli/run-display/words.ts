import type { RunStatus } from "../../domain/run.ts";
import type { TaskStatus } from "../../domain/task-run.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { Style } from "../terminal/terminal.ts";

type Status = RunStatus | TaskStatus;

/** How the statuses of runs and tasks look; the sign is for those to whom a colour tells nothing. */
const LOOK = {
  completed: { style: "green", sign: "✓" },
  failed: { style: "red", sign: "✗" },
  cancelled: { style: "yellow", sign: "■" },
  interrupted: { style: "yellow", sign: "!" },
  running: { style: "cyan", sign: "●" },
  pending: { style: "dim", sign: "○" },
  skipped: { style: "dim", sign: "–" },
} as const satisfies Record<Status, { readonly style: Style; readonly sign: string }>;

export const styleOf = (status: Status): Style => LOOK[status].style;
export const signOf = (status: Status): string => LOOK[status].sign;

/** `1m30s`, `1.2s`, `340ms`; `-` where there is none. */
export const tookText = (durationMs: number | null): string => {
  if (durationMs === null) return "-";
  if (durationMs < 1000) return `${Math.round(durationMs)}ms`;
  return durationMs < 10_000
    ? `${(durationMs / 1000).toFixed(1)}s`
    : formatDuration(Math.round(durationMs / 1000) * 1000);
};

/** Of what goes on: `4s`. */
export const elapsedText = (durationMs: number): string =>
  formatDuration(Math.floor(Math.max(0, durationMs) / 1000) * 1000);
