import { PetitError } from "../../domain/errors.ts";
import { parseRunId, type RunId } from "../../domain/ids.ts";
import { runNotFound } from "../../domain/refusal.ts";
import type { Run } from "../../domain/run.ts";
import type { TaskRun } from "../../domain/task-run.ts";
import { knownTasksText } from "../../domain/words/task.ts";
import type { JobView } from "../../engine/engine.ts";
import { shorten } from "../../lib/text.ts";
import type { ApiEngine, ApiStore } from "../options.ts";

/** Returns a job, also one that no job file defines any more. Throws `not_found`. */
export const requireJob = (engine: ApiEngine, jobId: string): JobView => {
  const view = engine.findJob(jobId) ?? engine.findGoneJob(jobId);
  if (view === null) throw engine.jobNotFound(jobId);
  return view;
};

/** Returns the id that a job has now. An unknown id is returned as it is. */
export const currentId = (engine: Pick<ApiEngine, "findJob" | "findGoneJob">, jobId: string): string =>
  (engine.findJob(jobId) ?? engine.findGoneJob(jobId))?.job.id ?? jobId;

/** Returns a run, or throws `not_found`, also if the id is malformed. */
export const requireRun = (store: ApiStore, runId: string): Run => {
  const id = parseRunId(runId);
  const run = id === null ? null : store.runs.find(id);
  if (run === null) throw runNotFound(runId);
  return run;
};

/** Returns a task of a run. Throws `not_found` if the run has no such task. */
export const requireTask = (store: ApiStore, runId: RunId, taskId: string): TaskRun => {
  const tasks = store.runs.listTaskRuns(runId);
  const task = tasks.find((each) => each.taskId === taskId);
  if (task !== undefined) return task;
  const known = knownTasksText(
    taskId,
    tasks.map((each) => each.taskId),
  );
  throw new PetitError("not_found", `run ${runId} has no task '${shorten(taskId, 131)}'; ${known}`);
};

type ItemPosition = {
  /** Null: any task of the run. */
  readonly task: TaskRun | null;
  readonly index: number;
};

/** Throws `not_found` if no task of a run, or not the given one, has or may still get an item at this position. */
export const requireItem = (store: ApiStore, run: Run, { task, index }: ItemPosition): void => {
  const tasks = task === null ? store.runs.listTaskRuns(run.id) : [task];
  const { tasks: declared } = store.jobs.getDefinition(run.versionId);
  const repeated = new Set(declared.filter(({ items }) => items !== undefined).map(({ id }) => id));
  const mayHaveIt = ({ taskId, items, status }: TaskRun): boolean =>
    items === null ? status === "pending" && repeated.has(taskId) : index < items;
  if (tasks.some(mayHaveIt)) return;
  throw new PetitError(
    "not_found",
    task === null
      ? `no task of run ${run.id} has an item ${index}`
      : `task '${task.taskId}' of run ${run.id} has ${missingItemText(index, task.items ?? 0)}`,
  );
};

const missingItemText = (index: number, total: number): string => {
  if (total === 0) return "no items";
  return `no item ${index}; it has ${total === 1 ? "1 item: 0" : `${total} items: 0 to ${total - 1}`}`;
};
