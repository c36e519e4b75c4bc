import type { Event } from "../domain/event.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import type { Run } from "../domain/run.ts";
import type { Problem } from "../jobfile/problem.ts";
import type { Store } from "../store/store.ts";
import type { DeliveryNews } from "./notify/dispatcher.ts";
import type { EngineOptions } from "./options.ts";
import { Scheduler } from "./scheduler.ts";

/** The scheduler as the API and the command line see it. Reads of runs, tasks and output go to `store` directly. */
export interface Engine extends AsyncDisposable {
  readonly store: Store;
  /** Goes on with what the last petit left, then schedules. Resolves when it takes triggers. */
  start(): Promise<void>;
  /** `drain` waits for running runs; `leave` lets their processes live for the next start. Idempotent; a second call with `now` ends the wait. */
  stop(how: StopMode): Promise<void>;
  readonly state: SchedulerState;

  /**
   * Resolves when the run is on disk; one that an idempotency key names may have been deleted by now. Rejects with `not_found`, `invalid_request` (params), `dependency_not_met`, `limit_reached`, `not_running`, `conflict` (key reused),
   * and, as every method here that changes something, with `storage_failed` where the database can't be written, or is still
   * locked by another process after 5 s; then nothing was changed.
   */
  trigger(jobId: string, request?: TriggerRequest): Promise<TriggeredRun>;
  /** Idempotent; a second cancel of a run that is being ended also ends its clean-up tasks. Rejects with `not_found`. */
  cancel(runId: RunId): Promise<Run>;
  /** Rejects with `not_found`, `conflict` (it runs; nothing is left to rerun), and as `trigger` does. */
  retry(runId: RunId, options?: { readonly fromStart?: boolean }): Promise<Run>;
  /** Whether `retry` would find something to rerun; limits and gates may refuse it all the same. */
  canRetry(run: Run): boolean;
  /** Resolves with the run when it has ended, or as it stands after `timeoutMs` or when `signal` aborts. Throws `not_found`. */
  waitForRun(runId: RunId, options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<Run>;

  pause(): Promise<void>;
  resume(): Promise<void>;
  /**
   * Reads JOBS_DIR again. Jobs of broken files keep their last good version. While the database can't be written it is tried
   * again, without a bound, until it succeeds or petit stops; health says so meanwhile.
   */
  reload(): Promise<Reload>;

  /** By id. */
  listJobs(): readonly JobView[];
  findJob(jobId: string): JobView | null;
  /** The next `count` occurrences of a job, ms since the epoch; without those outside the bounds. */
  coming(jobId: JobId, count: number, bounds?: ComingBounds): readonly number[];
  health(): Health;
  /** What is wrong with the job files. */
  readonly problems: readonly Problem[];
  /** Runs that wait, and runs that are going on. */
  readonly counts: { readonly pending: number; readonly running: number };

  /** `listener` is told of every event after its commit. The answer ends that. */
  onEvent(listener: (event: Event) => void): () => void;
  /** `listener` is told when a run has new output, or has ended; it then reads the store. The answer ends that. */
  onOutput(runId: RunId, listener: () => void): () => void;
  /** `listener` is told of every attempt to deliver a notification. The answer ends that. */
  onDelivery(listener: (news: DeliveryNews) => void): () => void;
}

export type ComingBounds = {
  /** Ms since the epoch; `to` is exclusive. */
  readonly from?: number;
  readonly to?: number;
  /** Of those that are closer than this to the one before, ms, none is told. */
  readonly apartMs?: number;
};

export type SchedulerState = "running" | "paused" | "stopped";
export type StopMode = "drain" | "leave" | "now";

export type TriggerRequest = {
  /** Values as they came; checked against the job's `params`. */
  readonly params?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
};

/** A run that was asked for; only this much is known of one that was deleted since. */
export type TriggeredRun = Run | Pick<Run, "id" | "jobId">;

export type JobView = {
  readonly job: Job;
  /** Null where it has no schedule, is disabled, or never fires again; ms since the epoch. Also given while paused. */
  readonly nextRunAt: number | null;
  readonly lastRun: Run | null;
  /** Runs that are going on. */
  readonly running: number;
};

export type Reload = { readonly jobs: number; readonly problems: readonly Problem[] };

export type Health = {
  readonly status: "ok" | "degraded" | "unavailable";
  /** A sentence each; empty when ok. */
  readonly reasons: readonly string[];
};

export const createEngine = (options: EngineOptions): Engine => new Scheduler(options);
