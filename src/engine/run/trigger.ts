import type { Job } from "../../domain/job.ts";
import { resolveParams } from "../../domain/params/param.ts";
import { invalidParams, refuse } from "../../domain/refusal.ts";
import type { ParamValues, Run } from "../../domain/run.ts";
import type { StoredJob } from "../../store/jobs.ts";
import { noteAction } from "../../store/people/audit-scope.ts";
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
  if (idempotencyKey === undefined) return startManual(jobId, request, null, options);
  const idempotency = { key: idempotencyKey, request: fingerprintOf(options.jobs.currentId(jobId), params) };
  const firstId = findRunOfKey(idempotency, options);
  if (firstId === null) return startManual(jobId, request, idempotency, options);
  const first = options.store.runs.find(firstId) ?? { id: firstId, jobId: options.jobs.mustFind(jobId).job.id };
  noteAction({ jobId: first.jobId, runId: first.id });
  return first;
};

const startManual = (
  jobId: string,
  { params: given = {}, by = null, trace = null }: TriggerRequest,
  idempotency: RunRequest["idempotency"],
  options: TriggerOptions,
): Run => {
  const stored = options.jobs.mustFind(jobId);
  const params = mustResolve(stored.job, given);
  return start(
    { stored, params, trigger: "manual", scheduledFor: null, retry: null, idempotency, triggeredBy: by, trace },
    options,
  );
};

export type ManualStart = Pick<
  RunRequest,
  | "params"
  | "trigger"
  | "scheduledFor"
  | "intervalStart"
  | "retry"
  | "idempotency"
  | "triggeredBy"
  | "delivery"
  | "trace"
> & {
  readonly stored: StoredJob;
};

export const start = ({ stored, ...request }: ManualStart, { runs, addHooks }: TriggerOptions): Run => {
  const { job, versionId } = stored;
  const admission = admitManual(job, runs.admissionState(job));
  if (admission.kind === "refuse") throw refuse(admission.refusal);
  const status = admission.kind === "wait" ? "pending" : "running";
  const created = runs.create({ ...request, job, versionId, status, ledger: null });
  addHooks(created);
  noteAction({ jobId: job.id, runId: created.run.id });
  return created.run;
};

const mustResolve = (job: Job, given: Readonly<Record<string, string>>): ParamValues => {
  const resolved = resolveParams(job.params, given);
  if ("problems" in resolved) throw invalidParams(resolved.problems);
  return resolved.values;
};
