import type { RunStatus } from "../../domain/run.ts";
import type { TaskStatus } from "../../domain/task-run.ts";
import { pluralize } from "../../lib/text.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";
import { runName } from "./short-id.ts";
import { durationText, signOf, styleOf } from "./status-text.ts";

type EndedRunOrTask = {
  readonly id: string;
  readonly status: RunStatus | TaskStatus;
  readonly reason: string | null;
  readonly error: string | null;
  readonly durationMs: number | null;
  /** Tasks only: whether a retry reused the result of an earlier run. */
  readonly reused?: boolean;
  /** Tasks only: whether it failed in a way that the job allows. */
  readonly allowed?: boolean;
  /** Runs only: how many tasks failed in such a way. */
  readonly warnings?: number;
};

/** Returns a line such as `✓ run 0197… completed in 1.2s`. */
export const outcomeLine = (run: EndedRunOrTask, screen: Screen): string =>
  endedLine({ ...run, id: `run ${runName(run.id, screen)}` }, screen);

/** Returns a line such as `✗ extract failed in 1.2s: exited with 3` or `– report skipped: upstream_failed`. */
export const endedLine = (ended: EndedRunOrTask, screen: Screen): string => {
  const took = ended.durationMs === null ? "" : ` in ${durationText(ended.durationMs)}`;
  const reason = reasonText(ended);
  const { allowed = false, warnings = 0 } = ended;
  const style = allowed ? "yellow" : styleOf(ended.status);
  const what = paint(screen, style, `${signOf(ended.status)} ${ended.id} ${ended.status}`);
  const warned = warnings === 0 ? "" : paint(screen, "yellow", `, ${pluralize(warnings, "warning")}`);
  return `${what}${took}${warned}${reason === "" ? "" : `: ${reason}`}${allowed ? " (allowed)" : ""}`;
};

/** Returns why a run or task ended, or an empty string if the status says it. */
export const reasonText = ({
  status,
  reason,
  error,
  reused = false,
}: Pick<EndedRunOrTask, "status" | "reason" | "error" | "reused">): string =>
  reused ? "reused from an earlier run" : (error ?? reason) === status ? "" : oneLine(error ?? reason ?? "");
