import { subjectOf } from "./list/lists.ts";
import { type LogTarget, type TopState, viewOf, type Watched } from "./state.ts";

/** Returns what the view needs besides the overview's data. */
export const watchedBy = (state: TopState): Watched => {
  const view = viewOf(state);
  return {
    jobId: view.kind === "job" ? view.jobId : null,
    runId: view.kind === "run" || view.kind === "log" ? view.runId : null,
    itemsOf: state.itemsOf,
    // The same object as long as it is the same log.
    log: state.log?.target ?? null,
  };
};

/** Returns the log of the view: that of the selected task next to a run's tasks. */
export const watchedLog = (state: TopState): LogTarget | null => {
  const view = viewOf(state);
  if (view.kind !== "run" && view.kind !== "log") return null;
  if (view.kind === "run" && state.run?.runId !== view.runId) return null;
  const { taskId, item } = subjectOf(state);
  return { runId: view.runId, taskId, item, stderrOnly: state.stderrOnly };
};
