import { PetitError } from "../domain/errors.ts";
import { parseRunId } from "../domain/ids.ts";
import type { Run } from "../domain/run.ts";
import type { JobView } from "../engine/engine.ts";
import type { ApiEngine, ApiStore } from "./options.ts";

/** Throws `not_found`. */
export const foundJob = (engine: ApiEngine, jobId: string): JobView => {
  const view = engine.findJob(jobId);
  if (view === null) throw new PetitError("not_found", `job '${jobId}' was not found`);
  return view;
};

/** Throws `not_found`, also where the text can't be an id. */
export const foundRun = (store: ApiStore, runId: string): Run => {
  const id = parseRunId(runId);
  const run = id === null ? null : store.findRun(id);
  if (run === null) throw new PetitError("not_found", `run '${runId.slice(0, 80)}' was not found`);
  return run;
};
