import type { RunStatus } from "../../domain/run.ts";
import type { TaskStatus } from "../../domain/task-run.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";
import { signOf, styleOf, tookText } from "./words.ts";

type Ended = {
  readonly id: string;
  readonly status: RunStatus | TaskStatus;
  readonly reason: string | null;
  readonly error: string | null;
  readonly durationMs: number | null;
  /** Of a task: whether a retry took it over. */
  readonly reused?: boolean;
};

/** `✓ run 0197… completed in 1.2s` */
export const outcomeLine = (run: Ended, screen: Screen): string => endedLine({ ...run, id: `run ${run.id}` }, screen);

/** `✗ extract failed in 1.2s: exited with 3`; `– report skipped: upstream_failed` */
export const endedLine = (ended: Ended, screen: Screen): string => {
  const took = ended.durationMs === null ? "" : ` in ${tookText(ended.durationMs)}`;
  const why = whyText(ended);
  const what = paint(screen, styleOf(ended.status), `${signOf(ended.status)} ${ended.id} ${ended.status}`);
  return `${what}${took}${why === "" ? "" : `: ${why}`}`;
};

type Why = Pick<Ended, "status" | "reason" | "error" | "reused">;

/** Why it ended as it did, where its status alone doesn't say it. */
export const whyText = ({ status, reason, error, reused = false }: Why): string =>
  reused ? "reused from the run before" : (error ?? reason) === status ? "" : oneLine(error ?? reason ?? "");
