import type { RunId } from "../../domain/ids.ts";
import { isFinal, type Run } from "../../domain/run.ts";
import type { Store } from "../../store/store.ts";
import { mustFindRun } from "./find.ts";
import type { Runs } from "./runs.ts";

/** Ends a run that waits, or begins to end one that goes on, and returns it as it is then. Throws `not_found`. */
export const cancel = (runId: RunId, { store, runs }: { readonly store: Store; readonly runs: Runs }): Run => {
  const run = mustFindRun(store, runId);
  if (isFinal(run.status)) return run;
  const waiting = runs.findWaiting(runId);
  if (waiting !== null) runs.commits.now((later) => later(runs.dropWaiting(waiting)));
  const active = runs.find(runId);
  if (active !== null) {
    store.runs.requestEnd(runId, "cancelled");
    active.end("cancelled", { all: active.isEnding });
  }
  return mustFindRun(store, runId);
};
