import { type ParamProblem, PetitError } from "../../domain/errors.ts";
import { topological } from "../../domain/graph.ts";
import type { TaskId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { resolveParams } from "../../domain/param.ts";
import { jobNotFound, refuse } from "../../domain/refusal.ts";
import { isFinal, type ParamValues, type Run } from "../../domain/run.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { ReusedTask } from "../../store/runs/task-runs.ts";
import type { Store } from "../../store/store.ts";
import type { AddHooks } from "../commits.ts";
import type { TriggeredRun, TriggerRequest } from "../engine.ts";
import { admitManual } from "../schedule/admission.ts";
import type { Jobs } from "../schedule/jobs.ts";
import { findRunOfKey, fingerprintOf } from "./idempotency.ts";
import type { RunRequest, Runs } from "./runs.ts";

export type TriggerOptions = {
  readonly store: Store;
  readonly jobs: Jobs;
  readonly runs: Runs;
  readonly now: number;
  readonly addHooks: AddHooks;
};

/** Starts a run on request within the current transaction, or returns the run of the same idempotency key. */
export const trigger = (jobId: string, request: TriggerRequest, options: TriggerOptions): TriggeredRun => {
  const { params = {}, idempotencyKey } = request;
  if (idempotencyKey === undefined) return startManual(jobId, params, null, options);
  const idempotency = { key: idempotencyKey, request: fingerprintOf(jobId, params) };
  const firstId = findRunOfKey(idempotency, options);
  if (firstId === null) return startManual(jobId, params, idempotency, options);
  return options.store.runs.find(firstId) ?? { id: firstId, jobId: options.jobs.mustFind(jobId).job.id };
};

const startManual = (
  jobId: string,
  given: Readonly<Record<string, string>>,
  idempotency: RunRequest["idempotency"],
  options: TriggerOptions,
): Run => {
  const stored = options.jobs.mustFind(jobId);
  const params = mustResolve(stored.job, given);
  return start({ stored, params, trigger: "manual", scheduledFor: null, retry: null, idempotency }, options);
};

/**
 * Starts a new run that repeats `run` with the current definition of the job. Completed tasks whose upstream tasks all
 * completed are reused; the others run.
 */
export const retry = (run: Run, fromStart: boolean, options: TriggerOptions): Run => {
  const plan = planRetry(run, fromStart, options);
  if (plan instanceof PetitError) throw plan;
  const { stored, params, reused } = plan;
  const { scheduledFor } = run;
  return start(
    { stored, params, trigger: "retry", scheduledFor, retry: { of: run.id, reused }, idempotency: null },
    options,
  );
};

/**
 * Returns whether `retry` would find something to rerun. It ignores limits and dependencies, which can change at any
 * time.
 */
export const canRetry = (run: Run, options: Pick<TriggerOptions, "store" | "jobs">): boolean =>
  !(planRetry(run, false, options) instanceof PetitError);

type RetryPlan = Pick<ManualStart, "stored" | "params"> & { readonly reused: readonly ReusedTask[] };

const planRetry = (
  run: Run,
  fromStart: boolean,
  { store, jobs }: Pick<TriggerOptions, "store" | "jobs">,
): RetryPlan | PetitError => {
  if (!isFinal(run.status)) return refuse({ reason: "run_not_ended", runId: run.id, status: run.status });
  const stored = jobs.find(run.jobId);
  if (stored === null) return jobNotFound(run.jobId, jobs.all.keys());
  const resolved = resolveParams(stored.job.params, run.params);
  if ("problems" in resolved) return invalidParams(resolved.problems);
  const reused = fromStart || run.status === "completed" ? [] : reusable(stored.job, run, store);
  if (!fromStart && (run.status === "completed" || reused.length === stored.job.tasks.length)) {
    return refuse({ reason: "nothing_to_rerun", runId: run.id, status: run.status });
  }
  return { stored, params: resolved.values, reused };
};

const reusable = (job: Job, run: Run, store: Store): readonly ReusedTask[] => {
  const before = new Map(store.runs.listTaskRuns(run.id).map((taskRun) => [taskRun.taskId, taskRun]));
  const reused = new Map<TaskId, ReusedTask>();
  for (const task of topological(job.tasks)) {
    const taskRun = before.get(task.id);
    if (taskRun?.status !== "completed" || !task.dependsOn.every((id) => reused.has(id))) continue;
    reused.set(task.id, { taskId: task.id, outputs: taskRun.outputs });
  }
  return [...reused.values()];
};

type ManualStart = Pick<RunRequest, "params" | "trigger" | "scheduledFor" | "retry" | "idempotency"> & {
  readonly stored: StoredJob;
};

const start = ({ stored, ...request }: ManualStart, { runs, addHooks }: TriggerOptions): Run => {
  const { job, versionId } = stored;
  const admission = admitManual(job, runs.admissionState(job));
  if (admission.kind === "refuse") throw refuse(admission.refusal);
  const created = runs.create({ ...request, job, versionId, status: "running", ledger: null });
  addHooks(created);
  return created.run;
};

const invalidParams = (params: readonly ParamProblem[]): PetitError => {
  const problem = params.map((each) => each.problem).join("; ");
  const name = params[0]?.name ?? "";
  return new PetitError("invalid_request", problem, {
    details: { reason: "invalid_value", in: "params", name, problem, params },
  });
};

const mustResolve = (job: Job, given: Readonly<Record<string, string>>): ParamValues => {
  const resolved = resolveParams(job.params, given);
  if ("problems" in resolved) throw invalidParams(resolved.problems);
  return resolved.values;
};
