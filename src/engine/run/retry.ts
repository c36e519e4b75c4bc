import { PetitError } from "../../domain/errors.ts";
import { topological, upstreamsOf } from "../../domain/graph.ts";
import type { TaskId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { resolveParams } from "../../domain/params/param.ts";
import { jobNotFound, refuse } from "../../domain/refusal.ts";
import { isFinal, type Run } from "../../domain/run.ts";
import type { TaskRun } from "../../domain/task-run.ts";
import { suggest } from "../../lib/suggest.ts";
import type { ReusedTask } from "../../store/runs/task-runs.ts";
import type { RetryScope } from "../engine.ts";
import { invalidParams, type ManualStart, start, type TriggerOptions } from "./trigger.ts";

/**
 * Starts a new run that repeats `run` with the current definition of the job. The results of the tasks outside of the scope
 * are reused.
 */
export const retry = (run: Run, scope: RetryScope, options: TriggerOptions & { readonly by: string | null }): Run => {
  const plan = planRetry(run, scope, options);
  if (plan instanceof PetitError) throw plan;
  const { stored, params, reused } = plan;
  const { scheduledFor } = run;
  const origin = { trigger: "retry", scheduledFor, retry: { of: run.id, reused }, triggeredBy: options.by } as const;
  return start({ stored, params, ...origin, idempotency: null }, options);
};

/**
 * Returns whether a retry of what did not complete would find something to rerun. It ignores limits and dependencies, which
 * can change at any time.
 */
export const canRetry = (run: Run, options: Pick<TriggerOptions, "store" | "jobs">): boolean =>
  !(planRetry(run, { kind: "rest" }, options) instanceof PetitError);

type RetryPlan = Pick<ManualStart, "stored" | "params"> & { readonly reused: readonly ReusedTask[] };

const planRetry = (
  run: Run,
  scope: RetryScope,
  { store, jobs }: Pick<TriggerOptions, "store" | "jobs">,
): RetryPlan | PetitError => {
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

/** Returns the completed tasks whose upstream tasks all completed, and the other tasks with items of which that is true. */
const withCompletedUpstreams = (job: Job, before: Results): readonly ReusedTask[] => {
  const reused = new Map<TaskId, ReusedTask>();
  for (const task of topological(job.tasks)) {
    const taskRun = before.get(task.id);
    const isReusable = task.dependsOn.every((id) => reused.get(id)?.outcome?.status === "completed");
    if (taskRun === undefined || !isReusable) continue;
    if (taskRun.status === "completed") reused.set(task.id, toReused(taskRun));
    else if (taskRun.items !== null) reused.set(task.id, onlyItems(taskRun));
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
    return kind === "task" && result.status === "failed" && result.items !== null ? [onlyItems(result)] : [];
  });
};

/** Reuses only the completed items of a task, because some of its items did not complete. */
const onlyItems = ({ taskId, items }: TaskRun): ReusedTask => ({ taskId, outcome: null, items });

const toReused = ({ taskId, status, reason, error, exitCode, outputs, items }: TaskRun): ReusedTask => {
  if (status === "pending" || status === "running") throw new Error(`task '${taskId}' of an ended run is ${status}`);
  return { taskId, outcome: { status, reason, error, exitCode, outputs }, items };
};

const unknownTask = (job: Job, name: "task" | "from", taskId: string): PetitError => {
  const nearest = suggest(
    taskId,
    job.tasks.map(({ id }) => id),
  );
  const hint = nearest === null ? "" : `; did you mean '${nearest}'?`;
  const problem = `job '${job.id}' has no task '${taskId}'${hint}`;
  return new PetitError("invalid_request", problem, {
    details: { reason: "invalid_value", in: "body", name, problem },
  });
};
