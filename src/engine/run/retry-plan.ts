import { PetitError } from "../../domain/errors.ts";
import { topological, upstreamsOf } from "../../domain/graph.ts";
import type { TaskId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { resolveParams } from "../../domain/params/param.ts";
import { invalidParams, jobNotFound, refuse } from "../../domain/refusal.ts";
import { isFinal, type ParamValues, type Run } from "../../domain/run.ts";
import type { TaskRun } from "../../domain/task-run.ts";
import { knownTasksText } from "../../domain/words/task.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { ReusedTask } from "../../store/runs/task-runs.ts";
import type { Store } from "../../store/store.ts";
import type { RetryScope } from "../engine.ts";
import type { Jobs } from "../schedule/jobs.ts";

type RetryPlan = {
  readonly stored: StoredJob;
  readonly params: ParamValues;
  readonly reused: readonly ReusedTask[];
};

export type RetryParts = { readonly store: Store; readonly jobs: Jobs };

/** Returns what a retry of a run would start, or the error if it is refused. */
export const planRetry = (run: Run, scope: RetryScope, { store, jobs }: RetryParts): RetryPlan | PetitError => {
  if (!isFinal(run.status)) return refuse({ reason: "run_not_ended", runId: run.id, status: run.status });
  const stored = jobs.find(run.jobId);
  if (stored === null) return jobNotFound(run.jobId, jobs.all.keys());
  const resolved = resolveParams(stored.job.params, run.params);
  if ("problems" in resolved) return invalidParams(resolved.problems);
  const before = (): Results => new Map(store.runs.listTaskRuns(run.id).map((taskRun) => [taskRun.taskId, taskRun]));
  const reused = reusedTasks({ job: stored.job, run, scope, before });
  return reused instanceof PetitError ? reused : { stored, params: resolved.values, reused };
};

/** The results of the tasks of the previous run. */
type Results = ReadonlyMap<TaskId, TaskRun>;

type ScopedRetry = {
  readonly job: Job;
  readonly run: Run;
  readonly scope: RetryScope;
  readonly before: () => Results;
};

const reusedTasks = ({ job, run, scope, before }: ScopedRetry): readonly ReusedTask[] | PetitError => {
  if (scope.kind === "all") return [];
  if (scope.kind !== "rest") return tasksOutside(scope, { job, run, results: before() });
  const reused = run.status === "completed" ? [] : withCompletedUpstreams(job, before());
  const completed = reused.filter(({ outcome }) => outcome !== null);
  return run.status === "completed" || completed.length === job.tasks.length
    ? refuse({ reason: "nothing_to_rerun", runId: run.id, status: run.status })
    : reused;
};

/**
 * Returns the completed tasks whose upstream tasks all completed, and the other tasks of which that is true and a part of whose
 * work is kept.
 */
const withCompletedUpstreams = (job: Job, before: Results): readonly ReusedTask[] => {
  const reused = new Map<TaskId, ReusedTask>();
  for (const task of topological(job.tasks)) {
    const taskRun = before.get(task.id);
    const isReusable = task.dependsOn.every((id) => reused.get(id)?.outcome?.status === "completed");
    if (taskRun === undefined || !isReusable) continue;
    if (taskRun.status === "completed") reused.set(task.id, toReused(taskRun));
    else if (hasParts(taskRun)) reused.set(task.id, onlyParts(taskRun));
  }
  return [...reused.values()];
};

/**
 * Returns the tasks whose result the new run takes over as it is: all but the selected one and, of the tasks after it, those
 * that did not complete (`task`) or all (`from`). Tasks that the previous run did not have run as well.
 */
const tasksOutside = (
  { kind, taskId }: Extract<RetryScope, { readonly taskId: string }>,
  { job, run, results }: { readonly job: Job; readonly run: Run; readonly results: Results },
): readonly ReusedTask[] | PetitError => {
  const selected = job.tasks.find(({ id }) => id === taskId);
  if (selected === undefined) return unknownTask(job, kind, taskId);
  const upstream = selected.dependsOn.find((id) => !["completed", undefined].includes(results.get(id)?.status));
  if (upstream !== undefined && selected.condition === "all_success")
    return refuse({ reason: "task_blocked", runId: run.id, taskId: selected.id, upstream });
  const edges = new Map(job.tasks.map(({ id, dependsOn }) => [id, dependsOn]));
  const isRerun = (id: TaskId): boolean =>
    id === selected.id ||
    ((kind === "from" || results.get(id)?.status !== "completed") && upstreamsOf(edges, id).has(selected.id));
  return job.tasks.flatMap(({ id }) => {
    const result = results.get(id);
    if (result === undefined) return [];
    if (!isRerun(id)) return [toReused(result)];
    return kind === "task" && result.status === "failed" && hasParts(result) ? [onlyParts(result)] : [];
  });
};

/**
 * Returns whether a task that did not complete may have completed parts: items, or tasks of the run that it started. If it never
 * started, it may have those of the run that its own run retries.
 */
const hasParts = ({ items, childRunId, reused }: TaskRun): boolean => items !== null || childRunId !== null || reused;

/** Reuses only the completed parts of a task. */
const onlyParts = ({ taskId, items, childRunId }: TaskRun): ReusedTask => ({
  taskId,
  outcome: null,
  items,
  childRunId,
});

const toReused = ({ taskId, status, reason, error, exitCode, outputs, items, childRunId }: TaskRun): ReusedTask => {
  if (status === "pending" || status === "running") throw new Error(`task '${taskId}' of an ended run is ${status}`);
  return { taskId, outcome: { status, reason, error, exitCode, outputs }, items, childRunId };
};

const unknownTask = (job: Job, name: "task" | "from", taskId: string): PetitError => {
  const known = knownTasksText(
    taskId,
    job.tasks.map(({ id }) => id),
  );
  const problem = `job '${job.id}' has no task '${taskId}'; ${known}`;
  return new PetitError("invalid_request", problem, {
    details: { reason: "invalid_value", in: "body", name, problem },
  });
};
