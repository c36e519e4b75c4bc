import { formatDuration } from "../lib/duration.ts";
import type { Style } from "./terminal.ts";

/** How the statuses of runs and tasks look. */
export const STYLE_OF_STATUS: Readonly<Record<string, Style>> = {
  completed: "green",
  failed: "red",
  cancelled: "yellow",
  interrupted: "yellow",
  running: "cyan",
  pending: "dim",
  skipped: "dim",
};

/** `1m30s`, `1.2s`, `340ms`; `-` where there is none. */
export const tookText = (durationMs: number | null): string => {
  if (durationMs === null) return "-";
  if (durationMs < 1000) return `${Math.round(durationMs)}ms`;
  return durationMs < 10_000
    ? `${(durationMs / 1000).toFixed(1)}s`
    : formatDuration(Math.round(durationMs / 1000) * 1000);
};
