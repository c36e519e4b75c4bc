import type { Attention, RunFailure } from "../../domain/attention.ts";
import type { Delivery } from "../../domain/deliveries/delivery.ts";
import { type JobId, parseRunId, type RunId, type TaskId } from "../../domain/ids.ts";
import type { AttentionEntry } from "../../domain/inbox/entry.ts";
import type { Job } from "../../domain/job.ts";
import type { WaitsFor } from "../../domain/limits/waits-for.ts";
import type { FailedJob, Review } from "../../domain/review/review.ts";
import type { Reason, Run } from "../../domain/run.ts";
import type { FailureCause } from "../../domain/task-run.ts";
import { REASON_TEXT } from "../../domain/words/run.ts";
import type { JobView } from "../../engine/engine.ts";
import { assertNever } from "../../lib/never.ts";
import type { ApiEngine, ApiStore } from "../options.ts";
import type { Visibility } from "./visibility.ts";

type Sources = { readonly engine: ApiEngine; readonly store: ApiStore; readonly visibility: Visibility };

/** The parts of a task, an item or an attempt that can tell of a run that it started. */
type Starter = {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly reason: Reason | null;
  readonly error: string | null;
  readonly childRunId: RunId | null;
};

/** Reasons with which a task, or the run of it, has the error of a run that it started. */
const TELLS_OF_CHILD: ReadonlySet<Reason | null> = new Set<Reason>(["child_failed", "items_failed"]);

/** Takes what is about other jobs out of what is known about the jobs of a person. */
export class Redaction {
  readonly #engine: ApiEngine;
  readonly #store: ApiStore;
  readonly #visibility: Visibility;

  constructor({ engine, store, visibility }: Sources) {
    this.#engine = engine;
    this.#store = store;
    this.#visibility = visibility;
  }

  /** Returns whether a run exists and is of a job of the person. */
  seesRun(runId: RunId | null): boolean {
    const run = runId === null ? null : this.#store.runs.find(runId);
    return run !== null && this.#visibility.has(run.jobId);
  }

  /** Returns a run without its parent and the error of a child run, if these are of other jobs. */
  ofRun(run: Run): Run {
    const { parent, reason, error } = run;
    const hidesParent = parent !== null && !this.seesRun(parent.runId);
    const hidesError = error !== null && TELLS_OF_CHILD.has(reason) && this.#startsOthers(run.versionId, null);
    if (!hidesParent && !hidesError) return run;
    return {
      ...run,
      parent: hidesParent ? null : parent,
      error: hidesError && reason !== null ? `a task failed: ${REASON_TEXT[reason]}` : error,
    };
  }

  /** Returns a task, an item or an attempt without what it tells of a child run of another job. */
  ofStarter<Each extends Starter>(each: Each): Each {
    const { childRunId, runId, taskId, reason, error } = each;
    const child = childRunId === null || this.seesRun(childRunId) ? childRunId : null;
    const hidesError = error !== null && TELLS_OF_CHILD.has(reason) && this.#taskStartsOthers(runId, taskId);
    if (child === childRunId && !hidesError) return each;
    return { ...each, childRunId: child, error: hidesError && reason !== null ? REASON_TEXT[reason] : error };
  }

  /** Returns the line that explains a failure; null if a task of another job has written it. */
  ofCause(cause: FailureCause | null): FailureCause | null {
    return cause?.child != null && !this.#visibility.has(cause.child.jobId) ? null : cause;
  }

  /** Returns why a run failed, without what it tells of child runs of other jobs. */
  ofFailure(runId: RunId, failure: RunFailure): RunFailure {
    const { taskId } = failure;
    if (taskId === null || !this.#taskStartsOthers(runId, taskId)) return failure;
    return {
      ...failure,
      error: failure.reason === null ? null : REASON_TEXT[failure.reason],
      cause: this.ofCause(failure.cause),
      groups: [],
    };
  }

  /** Returns whether a delivery tells of a run of another job: the end of a run is the event of a `run` trigger. */
  hidesEvent({ type, providerId }: Pick<Delivery, "type" | "providerId">): boolean {
    return type === "run" && !this.seesRun(providerId === null ? null : parseRunId(providerId));
  }

  /** Returns a delivery without the id of a run of another job. */
  ofDelivery(delivery: Delivery): Delivery {
    return this.hidesEvent(delivery) ? { ...delivery, providerId: null } : delivery;
  }

  ofView(view: JobView): JobView {
    return view.lastRun === null ? view : { ...view, lastRun: this.ofRun(view.lastRun) };
  }

  /** Returns what a run waits for, without how many other runs wait. That all slots are taken is why it waits. */
  ofWait(waitsFor: WaitsFor | null): WaitsFor | null {
    if (waitsFor === null) return null;
    switch (waitsFor.code) {
      case "max_concurrency":
      case "gates":
        return waitsFor;
      case "queue":
      case "max_jobs":
        return { ...waitsFor, running: waitsFor.limit, ahead: 0 };
      default:
        return assertNever(waitsFor.code);
    }
  }

  /** Returns an entry about a job of the person, without what it tells of others. */
  ofEntry(entry: AttentionEntry): AttentionEntry {
    return {
      ...this.#ofItem(entry),
      consequences: entry.consequences.filter(({ jobId }) => this.#visibility.has(jobId)),
      childJobs: entry.childJobs.filter((jobId) => this.#visibility.has(jobId)),
    };
  }

  #ofItem<Each extends Attention>(item: Each): Each {
    const { kind } = item;
    if (kind === "job_failing" || kind === "job_flapping")
      return { ...item, failure: this.ofFailure(item.runId, item.failure) };
    if (kind === "run_late") return { ...item, waitsFor: this.ofWait(item.waitsFor) };
    if (kind === "not_run_as_expected")
      return { ...item, gates: item.gates.filter(({ jobId }) => this.#visibility.has(jobId)) };
    return item;
  }

  /** Returns the review of jobs of the person, without what it tells of others. */
  ofReview(review: Review): Review {
    const ofJob = (job: FailedJob): FailedJob => ({
      ...job,
      cause: job.taskId !== null && this.#taskStartsOthers(job.lastRunId, job.taskId) ? null : job.cause,
      children: job.children.filter(({ jobId }) => this.#visibility.has(jobId)),
    });
    return {
      ...review,
      broken: { ...review.broken, items: review.broken.items.map(ofJob) },
      recovered: { ...review.recovered, items: review.recovered.items.map(ofJob) },
    };
  }

  #taskStartsOthers(runId: RunId, taskId: TaskId): boolean {
    const run = this.#store.runs.find(runId);
    return run !== null && this.#startsOthers(run.versionId, taskId);
  }

  /** Returns whether a task of a definition, or any for null, starts runs of another job, directly or through the runs that it starts. */
  #startsOthers(versionId: number, taskId: TaskId | null): boolean {
    return this.#leadsToOthers(this.#store.jobs.getDefinition(versionId), taskId, new Set());
  }

  #leadsToOthers({ tasks }: Job, taskId: TaskId | null, seen: Set<JobId>): boolean {
    return tasks.some(({ id, program }) => {
      if (program.type !== "job" || (taskId !== null && id !== taskId)) return false;
      const child = (this.#engine.findJob(program.jobId) ?? this.#engine.findGoneJob(program.jobId))?.job;
      if (child === undefined || !this.#visibility.has(child.id)) return true;
      if (seen.has(child.id)) return false;
      return this.#leadsToOthers(child, null, seen.add(child.id));
    });
  }
}
