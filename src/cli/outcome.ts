import type { RunStatus } from "../domain/run.ts";
import type { TaskStatus } from "../domain/task-run.ts";
import { STYLE_OF_STATUS, tookText } from "./run-words.ts";
import { paint, type Screen } from "./terminal.ts";

type Ended = {
  readonly id: string;
  readonly status: RunStatus | TaskStatus;
  readonly reason: string | null;
  readonly error: string | null;
  readonly durationMs: number | null;
};

const SIGNS: Readonly<Record<string, string>> = { completed: "✓", failed: "✗", skipped: "–" };

/** `✓ run 0197… completed in 1.2s` */
export const outcomeLine = (run: Ended, screen: Screen): string => endedLine({ ...run, id: `run ${run.id}` }, screen);

/** `✗ extract failed in 1.2s: exited with 3`; `– report skipped: upstream_failed` */
export const endedLine = (ended: Ended, screen: Screen): string => {
  const sign = SIGNS[ended.status] ?? "✗";
  const took = ended.durationMs === null ? "" : ` in ${tookText(ended.durationMs)}`;
  const why = ended.error ?? ended.reason;
  const style = STYLE_OF_STATUS[ended.status] ?? "bold";
  return `${paint(screen, style, `${sign} ${ended.id} ${ended.status}`)}${took}${why === null ? "" : `: ${why}`}`;
};
