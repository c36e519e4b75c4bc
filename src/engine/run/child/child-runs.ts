import { PetitError } from "../../../domain/errors.ts";
import type { RunId } from "../../../domain/ids.ts";
import type { ChildJob } from "../../../domain/job.ts";
import { resolveParams } from "../../../domain/params/param.ts";
import { type EndingReason, isFinal, MAX_NESTING, type ParamValues, type Run } from "../../../domain/run.ts";
import type { Attempt } from "../../../domain/task-run.ts";
import { expandTemplate, type TemplateScope } from "../../../jobfile/template.ts";
import { anyAborted } from "../../../lib/abort.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import type { StoredJob } from "../../../store/jobs.ts";
import type { NewRun } from "../../../store/runs/runs.ts";
import type { TransactionHooks } from "../../commits.ts";
import { planRetry, type RetryParts } from "../retry/retry-plan.ts";

export type ChildRequest = {
  readonly program: ChildJob;
  readonly parent: Run;
  /** The attempt that starts the run. */
  readonly attempt: Attempt;
  /** The values for the templates of the params. */
  readonly scope: TemplateScope;
  /** The run of the earlier attempt, which is retried; null if there is none. */
  readonly previous: RunId | null;
};

export type StartedChild = TransactionHooks & { readonly attempt: Attempt; readonly childRunId: RunId };

/** A run could not be started. `error` is a sentence. */
export type RefusedChild = { readonly error: string };

export type ChildRunsOptions = RetryParts & {
  readonly create: (request: Omit<NewRun, "id" | "now">) => TransactionHooks & { readonly run: Run };
  /** Ends a pending or running run. */
  readonly end: (runId: RunId, reason: EndingReason, options: { readonly all: boolean }) => Promise<void>;
  readonly onEnd: (runId: RunId, listener: (run: Run) => void) => () => void;
};

/** Starts, follows and ends the runs that tasks of type `job` run. */
export class ChildRuns {
  readonly #options: ChildRunsOptions;

  constructor(options: ChildRunsOptions) {
    this.#options = options;
  }

  /**
   * Stores the run of an attempt as pending, within the transaction that stores the attempt. So an attempt has exactly one run,
   * wherever petit is killed. The run starts when its gates and the limits allow.
   */
  start(request: ChildRequest): StartedChild | RefusedChild {
    const { program, parent, attempt } = request;
    const { store, jobs, create } = this.#options;
    const stored = jobs.find(program.jobId);
    if (stored === null) return { error: jobs.notFound(program.jobId).message };
    const nesting = parent.nesting + 1;
    if (nesting > MAX_NESTING)
      return { error: `job '${program.jobId}' can't run here: runs are nested at most ${MAX_NESTING} deep` };
    const params = resolveOwn(request, stored);
    if ("error" in params) return params;
    const { runId, taskId, item } = attempt;
    const created = create({
      ...this.#definitionOf(request, { stored, params: params.values }),
      status: "pending",
      trigger: "job",
      scheduledFor: null,
      ledger: null,
      idempotency: null,
      child: { parent: { runId, taskId, item, attempt: attempt.attempt }, nesting, chain: parent.chain + 1 },
    });
    const childRunId = created.run.id;
    return { ...created, childRunId, attempt: store.runs.linkChild(attempt, childRunId) };
  }

  /** Returns what the run does: everything, or what a previous run with the same params did not complete. */
  #definitionOf(
    { previous }: ChildRequest,
    { stored, params }: { readonly stored: StoredJob; readonly params: ParamValues },
  ): Pick<NewRun, "job" | "versionId" | "params" | "retry"> {
    const { job, versionId } = stored;
    const plain = { job, versionId, params, retry: null };
    const run = previous === null ? null : this.#options.store.runs.find(previous);
    if (run === null || run.jobId !== job.id || !isEqual(run.params, params)) return plain;
    const plan = planRetry(run, { kind: "rest" }, this.#options);
    return plan instanceof PetitError ? plain : { ...plain, retry: { of: run.id, reused: plan.reused } };
  }

  /** Resolves with a run when it has ended, or with null if it was deleted or when `signal` aborts. */
  async follow(runId: RunId, signal: AbortSignal): Promise<Run | null> {
    const over = new AbortController();
    let ended: Run | null = null;
    const removeListener = this.#options.onEnd(runId, (run) => {
      ended = run;
      over.abort("ended");
    });
    try {
      const run = this.#options.store.runs.find(runId);
      if (run === null || isFinal(run.status)) return run;
      await anyAborted([over.signal, signal]);
      return ended;
    } finally {
      removeListener();
    }
  }

  /** Ends a run, because its parent is being ended: for a shutdown with the same reason, otherwise it is cancelled. */
  async end(runId: RunId, reason: EndingReason, options: { readonly all: boolean }): Promise<void> {
    await this.#options.end(runId, reason === "shutdown" ? "shutdown" : "cancelled", options);
  }
}

const resolveOwn = (
  { program, scope }: ChildRequest,
  { job }: StoredJob,
): { readonly values: ParamValues } | RefusedChild => {
  try {
    const given = Object.entries(program.params).map(([name, text]) => [name, expandTemplate(text, scope)]);
    const resolved = resolveParams(job.params, Object.fromEntries(given));
    if ("values" in resolved) return resolved;
    return {
      error: `job '${job.id}' refused its params: ${resolved.problems.map(({ problem }) => problem).join("; ")}`,
    };
  } catch (error) {
    return { error: `params: ${errorMessage(error)}` };
  }
};

const isEqual = (a: ParamValues, b: ParamValues): boolean =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
