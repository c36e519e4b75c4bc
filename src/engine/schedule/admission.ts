import type { ShutGate } from "../../domain/dependency.ts";
import type { Job } from "../../domain/job.ts";
import type { SkipReason } from "../../domain/schedule/occurrence.ts";
import type { Refusal } from "../../domain/words/refusal.ts";

/** Maximum of pending runs of one job. Further occurrences are skipped. */
const MAX_PENDING_RUNS = 100;

/** The state that admission depends on. */
export type AdmissionState = {
  /** Gates on other jobs that are shut. */
  readonly shutGates: readonly ShutGate[];
  /** Running runs of this job. */
  readonly running: number;
  /** Pending runs of this job, without those of backfills. */
  readonly pending: number;
  /** True if there is no slot for it: all are taken, or reserved for waiting runs. */
  readonly isFull: boolean;
  /** Maximum of concurrent runs of all jobs; null is unlimited. */
  readonly maxJobs: number | null;
};

export type ManualAdmission =
  | { readonly kind: "start" }
  /** Store the run as pending; it starts in its turn. */
  | { readonly kind: "wait" }
  | { readonly kind: "refuse"; readonly refusal: Refusal };

/**
 * Decides about a manual trigger: it starts immediately, waits for a slot if its job has a queue, or is refused. Checks
 * dependencies, then the limit of the job, then the limits of all runs and of the queue.
 */
export const admitManual = (job: Job, state: AdmissionState): ManualAdmission => {
  const refusal = refusalOf(job, state);
  if (refusal !== null) return { kind: "refuse", refusal };
  return state.isFull ? { kind: "wait" } : { kind: "start" };
};

const refusalOf = (job: Job, state: AdmissionState): Refusal | null => {
  const { shutGates, running, pending, maxJobs } = state;
  if (shutGates.length > 0) return { reason: "gates_shut", gates: shutGates };
  const limit = { reason: "limit_reached", jobId: job.id } as const;
  if (isAtJobLimit(job, state))
    return { ...limit, limit: "max_concurrency", max: job.maxConcurrency ?? 0, running: running + pending };
  return state.isFull && job.queue === undefined
    ? { ...limit, limit: "max_jobs", max: maxJobs ?? 0, running: maxJobs ?? 0 }
    : null;
};

export type ScheduledAdmission =
  | { readonly kind: "start" }
  /** Store the run as pending; it starts in its turn. */
  | { readonly kind: "wait" }
  /** As `wait`, and end the runs that block it. */
  | { readonly kind: "replace" }
  | { readonly kind: "skip"; readonly reason: SkipReason };

/**
 * Decides about a scheduled occurrence. Checks dependencies, then the limit of the job (by `on_overlap`), then the limits
 * of all runs and of the queue.
 */
export const admitScheduled = (job: Job, state: AdmissionState): ScheduledAdmission => {
  if (state.shutGates.length > 0) return { kind: "skip", reason: "dependency" };
  if (state.pending >= MAX_PENDING_RUNS) return { kind: "skip", reason: "queue_full" };
  if (isAtJobLimit(job, state)) return OVERLAP[job.onOverlap];
  return state.isFull ? { kind: "wait" } : { kind: "start" };
};

const OVERLAP = {
  skip: { kind: "skip", reason: "overlap" },
  queue: { kind: "wait" },
  replace: { kind: "replace" },
} as const satisfies Record<Job["onOverlap"], ScheduledAdmission>;

const isAtJobLimit = (job: Job, state: AdmissionState): boolean =>
  job.maxConcurrency !== null && state.running + state.pending >= job.maxConcurrency;
