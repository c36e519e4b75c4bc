import type { RunId } from "../../domain/ids.ts";
import { runNotFound } from "../../domain/not-found.ts";
import type { Run } from "../../domain/run.ts";
import type { Store } from "../../store/store.ts";

/** Throws `not_found`. */
export const mustFindRun = (store: Store, runId: RunId): Run => {
  const run = store.runs.find(runId);
  if (run === null) throw runNotFound(runId);
  return run;
};
