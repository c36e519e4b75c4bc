import { PetitError } from "../../../domain/errors.ts";
import { judge, topological, upstreamsOf } from "../../../domain/graph.ts";
import type { TaskId } from "../../../domain/ids.ts";
import { isAllowedFailure, type Job, type Task } from "../../../domain/job.ts";
import { resolveParams } from "../../../domain/params/param.ts";
import { invalidParams, refuse } from "../../../domain/refusal.ts";
import { isFinal, type ParamValues, type Run } from "../../../domain/run.ts";
import type { TaskRun } from "../../../domain/task-run.ts";
import { knownTasksText } from "../../../domain/words/task.ts";
import type { Json } from "../../../lib/json.ts";
import type { StoredJob } from "../../../store/jobs.ts";
import type { ReusedTask } from "../../../store/runs/task-runs.ts";
import type { Store } from "../../../store/store.ts";
import { readEvent } from "../../deliveries/read-event.ts";
import type { RetryScope } from "../../engine.ts";
import type { Jobs } from "../../schedule/jobs.ts";
import { progressOfRun } from "../plan/progress.ts";
import { Conditions } from "../task/conditions.ts";

type RetryPlan = {
  readonly stored: StoredJob;
  readonly params: ParamValues;
  readonly reused: readonly ReusedTask[];
};

export type RetryParts = { readonly store: Store; readonly jobs: Jobs };

/** Returns what a retry of a run would start, or the error if it is refused. */
export const planRetry = (run: Run, scope: RetryScope, { store, jobs }: RetryParts): RetryPlan | PetitError => {
  if (!isFinal(run.status)) return refuse({ reason: "run_not_ended", runId: run.id, status: run.status });
  const current = jobs.find(run.jobId);
  if (current === null) return jobs.notFound(run.jobId);
  const stored = retriedVersion(run, current, { scope, store });
  if (run.deliveryId !== null && !store.deliveries.hasEvent(run.deliveryId))
    return refuse({ reason: "event_deleted", deliveryId: run.deliveryId, jobId: stored.job.id });
  const resolved = resolveParams(stored.job.params, run.params);
  if ("problems" in resolved) return invalidParams(resolved.problems);
  const before = (): Results => new Map(store.runs.listTaskRuns(run.id).map((taskRun) => [taskRun.taskId, taskRun]));
  const params = resolved.values;
  const event = (): Json => readEvent(run, store);
  const reused = reusedTasks({ job: stored.job, run: { ...run, params }, event, scope, before });
  return reused instanceof PetitError ? reused : { stored, params, reused };
};

/** A retry has the definition of today; with job files in a repository, that of the commit of the run, unless the newest is asked for. */
const retriedVersion = (
  run: Run,
  current: StoredJob,
  { scope, store }: { readonly scope: RetryScope; readonly store: Store },
): StoredJob => {
  if (current.job.source.commit === undefined || !usesOwnCommit(run, scope)) return current;
  const { versionId } = run;
  return { ...current, versionId, job: { ...store.jobs.getDefinition(versionId, run.commit), id: current.job.id } };
};

/** Returns whether a retry of a run uses the commit of the run instead of the present job files. */
export const usesOwnCommit = ({ commit }: Pick<Run, "commit">, { latest = false }: RetryScope): boolean =>
  commit !== null && !latest;

/** The results of the tasks of the previous run. */
type Results = ReadonlyMap<TaskId, TaskRun>;

type ScopedRetry = {
  readonly job: Job;
  /** The previous run, with the params of the new one. */
  readonly run: Run;
  /** Returns the event that started it; null if none did. */
  readonly event: () => Json;
  readonly scope: RetryScope;
  readonly before: () => Results;
};

const reusedTasks = ({ job, run, event, scope, before }: ScopedRetry): readonly ReusedTask[] | PetitError => {
  if (scope.kind === "all") return [];
  if (scope.kind !== "rest") return tasksOutside(scope, { job, run, event, results: before() });
  if (run.status === "completed") return nothingToRerun(run);
  const reused = withKeptUpstreams({ job, run, event, results: before() });
  const kept = reused.filter(({ outcome }) => outcome !== null);
  return kept.length === job.tasks.length ? nothingToRerun(run) : reused;
};

const nothingToRerun = ({ id, status }: Run): PetitError => refuse({ reason: "nothing_to_rerun", runId: id, status });

type PreviousRun = Pick<ScopedRetry, "job" | "run" | "event"> & { readonly results: Results };

/**
 * Returns the tasks that need not run again. A task is kept if it succeeded, or would be skipped again, and all its upstream tasks are
 * kept. If it did neither, but completed some items or started a child run, these parts are kept.
 */
const withKeptUpstreams = (previous: PreviousRun): readonly ReusedTask[] => {
  const { job, results } = previous;
  const reused = new Map<TaskId, ReusedTask>();
  for (const task of topological(job.tasks)) {
    const result = results.get(task.id);
    const areUpstreamsKept = task.dependsOn.every((id) => (reused.get(id)?.outcome ?? null) !== null);
    if (result === undefined || !areUpstreamsKept) continue;
    if (isSuccess(task, result) || isSkippedAgain(task, previous)) reused.set(task.id, toReused(result));
    else if (hasParts(task, result)) reused.set(task.id, onlyParts(result));
  }
  return [...reused.values()];
};

/** Returns whether a task completed, or failed in a way that the current definition allows. */
const isSuccess = (task: Task, result: TaskRun): boolean =>
  result.status === "completed" || isAllowedFailure(task, result);

/**
 * Returns whether a task that was skipped would be skipped again, by the current definition and the results of its upstream tasks, all of
 * which are kept.
 */
const isSkippedAgain = (task: Task, { job, run, results, event }: PreviousRun): boolean => {
  if (results.get(task.id)?.reason !== "condition_not_met") return false;
  const verdict = judge(
    task,
    job.tasks.flatMap((upstream) => {
      const result = task.dependsOn.includes(upstream.id) ? results.get(upstream.id) : undefined;
      return result === undefined ? [] : { ...result, isAllowed: isAllowedFailure(upstream, result) };
    }),
  );
  if (verdict.kind !== "start") return verdict.kind === "skip";
  const progress = progressOfRun({ job, taskRuns: [...results.values()], items: new Map(), attempts: [] });
  const conditions = new Conditions({ job, run, items: new Map(), progress, event });
  return conditions.evaluate({ taskId: task.id, item: null }) === false;
};

/**
 * Returns the tasks whose result the new run takes over as it is: all but the selected one and, of the tasks after it, those
 * that did not succeed (`task`) or all (`from`). Tasks that the previous run did not have run as well.
 */
const tasksOutside = (
  { kind, taskId }: Extract<RetryScope, { readonly taskId: string }>,
  { job, run, results }: PreviousRun,
): readonly ReusedTask[] | PetitError => {
  const selected = job.tasks.find(({ id }) => id === taskId);
  if (selected === undefined) return unknownTask(job, kind, taskId);
  const succeeded = new Set(
    job.tasks.flatMap((task) => {
      const result = results.get(task.id);
      return result !== undefined && isSuccess(task, result) ? [task.id] : [];
    }),
  );
  const upstream = selected.dependsOn.find((id) => results.has(id) && !succeeded.has(id));
  if (upstream !== undefined && selected.condition === "all_success")
    return refuse({ reason: "task_blocked", runId: run.id, taskId: selected.id, upstream });
  const edges = new Map(job.tasks.map(({ id, dependsOn }) => [id, dependsOn]));
  const isRerun = (id: TaskId): boolean =>
    id === selected.id || ((kind === "from" || !succeeded.has(id)) && upstreamsOf(edges, id).has(selected.id));
  return job.tasks.flatMap((task) => {
    const result = results.get(task.id);
    if (result === undefined) return [];
    if (!isRerun(task.id)) return [toReused(result)];
    return kind === "task" && result.status !== "completed" && hasParts(task, result) ? [onlyParts(result)] : [];
  });
};

/**
 * Returns whether a task that did not complete may have completed parts: items, or tasks of the run that it started. If it never
 * started, it may have those of the run that its own run retries.
 */
const hasParts = (task: Task, { items, childRunId, reused }: TaskRun): boolean =>
  (task.items !== undefined || task.program.type === "job") && (items !== null || childRunId !== null || reused);

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
