import type { Job } from "../../domain/job.ts";
import type { SkipReason } from "../../domain/schedule/occurrence.ts";

/** Runs of one job that may wait at once; an occurrence beyond that is skipped. */
export const MAX_PENDING_RUNS = 100;

/** What admission looks at, at one moment. */
export type AdmissionState = {
  /** Why a gate on another job is shut; null where all are open. */
  readonly shutGate: string | null;
  /** Runs of this job. */
  readonly running: number;
  readonly pending: number;
  /** Whether all places are taken, or promised to runs that wait. */
  readonly isFull: boolean;
  /** Places for runs of all jobs; null is unlimited. */
  readonly maxJobs: number | null;
};

export type ManualAdmission =
  | { readonly kind: "start" }
  | { readonly kind: "refuse"; readonly code: "dependency_not_met" | "limit_reached"; readonly message: string };

/** A manual trigger starts at once, or is refused: dependencies, then the job's limit, then the limit of all. */
export const admitManual = (job: Job, state: AdmissionState): ManualAdmission => {
  if (state.shutGate !== null) {
    return { kind: "refuse", code: "dependency_not_met", message: `dependency not satisfied: ${state.shutGate}` };
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
  /** It is stored as pending, and starts in its turn. */
  | { readonly kind: "wait" }
  /** As `wait`, and what stands in its way is ended. */
  | { readonly kind: "replace" }
  | { readonly kind: "skip"; readonly reason: SkipReason };

/** A scheduled occurrence: dependencies, then the job's limit by `on_overlap`, then the limit of all, where it waits. */
export const admitScheduled = (job: Job, state: AdmissionState): ScheduledAdmission => {
  if (state.shutGate !== null) return { kind: "skip", reason: "dependency" };
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
