import type { Job } from "../../domain/job.ts";
import type { SkipReason } from "../../domain/schedule/occurrence.ts";

/** Maximum of pending runs of one job. Further occurrences are skipped. */
export const MAX_PENDING_RUNS = 100;

/** The state that admission depends on. */
export type AdmissionState = {
  /** Why a dependency on another job is not met; null if all are met. */
  readonly unmetDependency: string | null;
  /** Running runs of this job. */
  readonly running: number;
  /** Pending runs of this job. */
  readonly pending: number;
  /** True if all places are taken, or reserved for pending runs. */
  readonly isFull: boolean;
  /** Maximum of concurrent runs of all jobs; null is unlimited. */
  readonly maxJobs: number | null;
};

export type ManualAdmission =
  | { readonly kind: "start" }
  | { readonly kind: "refuse"; readonly code: "dependency_not_met" | "limit_reached"; readonly message: string };

/** Decides about a manual trigger: it starts immediately or is refused. Checks dependencies, then the limit of the job, then the global limit. */
export const admitManual = (job: Job, state: AdmissionState): ManualAdmission => {
  if (state.unmetDependency !== null) {
    return {
      kind: "refuse",
      code: "dependency_not_met",
      message: `dependency not satisfied: ${state.unmetDependency}`,
    };
  }
  if (isAtJobLimit(job, state)) {
    const message = `max concurrent runs exceeded: '${job.id}' has ${state.running + state.pending} of ${job.maxConcurrency}`;
    return { kind: "refuse", code: "limit_reached", message };
  }
  if (state.isFull) {
    const message = `max concurrent runs exceeded: all ${state.maxJobs} places are taken`;
    return { kind: "refuse", code: "limit_reached", message };
  }
  return { kind: "start" };
};

export type ScheduledAdmission =
  | { readonly kind: "start" }
  /** Store the run as pending; it starts in its turn. */
  | { readonly kind: "wait" }
  /** As `wait`, and end the runs that block it. */
  | { readonly kind: "replace" }
  | { readonly kind: "skip"; readonly reason: SkipReason };

/** Decides about a scheduled occurrence. Checks dependencies, then the limit of the job (by `on_overlap`), then the global limit. */
export const admitScheduled = (job: Job, state: AdmissionState): ScheduledAdmission => {
  if (state.unmetDependency !== null) return { kind: "skip", reason: "dependency" };
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
