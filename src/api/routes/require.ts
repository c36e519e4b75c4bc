import { PetitError } from "../../domain/errors.ts";
import { parseRunId, type RunId } from "../../domain/ids.ts";
import { jobNotFound, runNotFound } from "../../domain/refusal.ts";
import type { Run } from "../../domain/run.ts";
import type { TaskRun } from "../../domain/task-run.ts";
import type { JobView } from "../../engine/engine.ts";
import { shorten } from "../../lib/shorten.ts";
import type { ApiEngine, ApiStore } from "../options.ts";

/** Returns a job, or throws `not_found`. */
export const requireJob = (engine: ApiEngine, jobId: string): JobView => {
  const view = engine.findJob(jobId);
  if (view === null) throw jobNotFound(jobId, idsOf(engine));
  return view;
};

const idsOf = (engine: ApiEngine): readonly string[] => engine.listJobs().map(({ job }) => job.id);

/** Returns a run, or throws `not_found`, also if the id is malformed. */
export const requireRun = (store: ApiStore, runId: string): Run => {
  const id = parseRunId(runId);
  const run = id === null ? null : store.runs.find(id);
  if (run === null) throw runNotFound(runId);
  return run;
};

/** Returns a task of a run. Throws `not_found` if the run has no such task. */
export const requireTask = (store: ApiStore, runId: RunId, taskId: string): TaskRun => {
  const task = store.runs.listTaskRuns(runId).find((each) => each.taskId === taskId);
  if (task === undefined) throw new PetitError("not_found", `run ${runId} has no task '${shorten(taskId, 131)}'`);
  return task;
};
