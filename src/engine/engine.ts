import type { Artifact } from "../domain/artifact/artifact.ts";
import type { Backfill } from "../domain/backfill/backfill.ts";
import type { BackupState } from "../domain/backup/state.ts";
import type { Delivery } from "../domain/deliveries/delivery.ts";
import type { ShutGate } from "../domain/dependency.ts";
import type { DurationChange } from "../domain/durations/change.ts";
import type { PetitError } from "../domain/errors.ts";
import type { Event } from "../domain/event.ts";
import type { HealthReason, HeartbeatState } from "../domain/health.ts";
import type { JobId, RunId, TaskId } from "../domain/ids.ts";
import type { AttentionEntry, AttentionList } from "../domain/inbox/entry.ts";
import type { Expectation } from "../domain/inbox/expectation.ts";
import type { MarkChange } from "../domain/inbox/mark.ts";
import type { UnfiredStreak } from "../domain/inbox/unfired.ts";
import type { Job, Pause } from "../domain/job.ts";
import type { ActivityCounts } from "../domain/limits/activity.ts";
import type { QueueRuns, QueueState } from "../domain/limits/queue.ts";
import type { LimitSupport, UnenforcedLimits } from "../domain/limits/unenforced.ts";
import type { WaitingCode } from "../domain/limits/waiting-for.ts";
import type { WaitsFor } from "../domain/limits/waits-for.ts";
import type { Review, ReviewQuery } from "../domain/review/review.ts";
import type { Run } from "../domain/run.ts";
import type { RepositoryStatus } from "../domain/versions/repository.ts";
import type { ReloadRequest } from "../domain/versions/version.ts";
import type { BlockedAttempt, Dispatch, WorkerWait } from "../domain/workers/waiting.ts";
import type { WorkerView } from "../domain/workers/worker.ts";
import type { Problem } from "../jobfile/problem.ts";
import type { TraceParent } from "../lib/wire/trace-parent.ts";
import type { Store } from "../store/store.ts";
import type { BackfillChange, BackfillPlan, BackfillRequest } from "./backfill/request.ts";
import type { WebhookResult, WebhookTest } from "./deliveries/result.ts";
import type { SignedRequest } from "./deliveries/schemes.ts";
import type { SendingResult } from "./notify/dispatcher.ts";
import type { NotifyTest } from "./notify/send-tests.ts";
import type { ApprovalDecision } from "./run/approval/decision.ts";
import type { TracesState } from "./traces/tracer.ts";

/**
 * The scheduler as the API and the command line see it. They read runs, tasks and output from `store` directly.
 *
 * Every method that changes something rejects with `storage_failed`, and changes nothing, if the database can't be written
 * or if another process still has it locked after 5 s.
 */
export interface Engine extends AsyncDisposable {
  readonly store: Store;
  /** Adopts the runs that the previous process left unfinished, then schedules. Resolves when triggers are accepted. */
  start(): Promise<void>;
  /**
   * Stops scheduling, then ends or leaves the running runs as `mode` says. Idempotent; a second call with `now` ends
   * a drain.
   */
  stop(mode: StopMode): Promise<void>;
  readonly state: SchedulerState;
  /** `starting` until triggers are accepted. */
  readonly phase: EnginePhase;
  /** Resolves when the start has ended, or when `stop` was called. Never rejects. */
  readonly started: Promise<void>;

  /**
   * Resolves when the run is on disk. A repeated idempotency key returns the run of the first request, which may have been
   * deleted since. Rejects with `not_found`, `invalid_request` (params), `dependency_not_met`, `limit_reached`,
   * `not_running` and `conflict` (the key was used for another request). A job that no job file defines any more is `not_found`
   * with the reason `job_gone`, here and elsewhere.
   */
  trigger(jobId: string, request?: TriggerRequest): Promise<TriggeredRun>;
  /**
   * Verifies a webhook, decides about it, and resolves when it is on disk. `name` is that of the trigger; null if it has none. Rejects
   * with `not_running`.
   */
  receiveWebhook(jobId: string, name: string | null, request: SignedRequest): Promise<WebhookResult>;
  /** Starts a run of a stored delivery again, for `by`. Rejects with `not_found` and `conflict` (its event or its trigger is gone). */
  replayDelivery(deliveryId: string, by?: string | null): Promise<Delivery>;
  /** Returns what a backfill would do. Rejects as `createBackfill`. */
  planBackfill(request: BackfillRequest): Promise<BackfillPlan>;
  /**
   * Stores a backfill, and begins to make its runs. Rejects with `not_found`, `invalid_request` (the range or the params) and `conflict`
   * (the job has no schedule, or there is nothing to run).
   */
  createBackfill(request: BackfillRequest): Promise<Backfill>;
  /** Changes a backfill for `by`. Idempotent. Rejects with `not_found` and `conflict` (it has ended). */
  changeBackfill(backfillId: string, change: BackfillChange, by?: string | null): Promise<Backfill>;
  /** Receives a webhook that petit signs itself, as a test. Rejects with `not_found` and `conflict`. */
  testWebhook(jobId: string, test: WebhookTest): Promise<WebhookResult>;
  /** Returns whether a job has a webhook of that name. */
  hasWebhook(jobId: string, name: string | null): boolean;
  /** How many webhooks were refused since the start, by job. */
  readonly refusedWebhooks: ReadonlyMap<JobId, number>;
  /** Cancels a run for `by`. Idempotent; a second cancel also ends the clean-up tasks of the run. Rejects with `not_found`. */
  cancel(runId: RunId, by?: string | null): Promise<Run>;
  /**
   * Starts a new run for tasks of an ended run; by default for what did not complete. Rejects with `not_found`, `conflict`
   * (still running, nothing to rerun, or the task can't start), and as `trigger`.
   */
  retry(runId: RunId, scope?: RetryScope, by?: string | null): Promise<Run>;
  /**
   * Approves or rejects a task that waits for a person; without `taskId`, the only one that waits. Rejects with `not_found` and
   * `conflict` (it does not wait, or several do).
   */
  decide(runId: RunId, taskId: string | null, decision: PersonDecision): Promise<void>;
  /** Returns whether `retry` with its default scope would find something to rerun. Limits and dependencies may still refuse it. */
  canRetry(run: Run): boolean;
  /**
   * Resolves with the run when it has ended, and with its current state after `timeoutMs` or when `signal` aborts.
   * Rejects with `not_found`.
   */
  waitForRun(runId: RunId, options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<Run>;

  /** Stores the action in whose scope this is called in the audit log, although it has changed nothing in the database. */
  storeAction(): Promise<void>;

  /** Pauses all schedules. Triggers still work. `by` is who asked for it. */
  pause(by?: string | null): Promise<void>;
  resume(by?: string | null): Promise<void>;
  /** The pause of the scheduler; null if it is not paused. */
  readonly schedulerPause: Pause | null;
  /** Pauses the schedule of one job. Triggers still work. Idempotent, as `resumeJob`; both reject with `not_found`. */
  pauseJob(jobId: string, by?: string | null): Promise<void>;
  resumeJob(jobId: string, by?: string | null): Promise<void>;
  /**
   * Reads JOBS_DIR again. Jobs in broken files keep their last valid version. Retries without limit while the database can't
   * be written; health reports that. `request` is stored with the versions that it brings into use. Default: the API, for an unknown person.
   */
  reload(request?: ReloadRequest): Promise<Reload>;

  /**
   * Sends a test to each receiver in the `notify` list of a job, and returns how each answered. Rejects with `not_found` and
   * `not_running`.
   */
  testNotifications(jobId: string, signal: AbortSignal): Promise<readonly NotifyTest[]>;

  /**
   * Sends what the digest would say now, marked as a test, to each of its receivers, and returns how each answered. Rejects with
   * `conflict` if none is configured, and `not_running`.
   */
  testDigest(signal: AbortSignal): Promise<readonly NotifyTest[]>;

  /** Returns all jobs that job files define, sorted by id. */
  listJobs(): readonly JobView[];
  /** Finds a job by its id or a former one, as the other methods do. */
  findJob(jobId: string): JobView | null;
  /** Returns the jobs that no job file defines any more, sorted by id. */
  listGoneJobs(): readonly JobView[];
  /** Returns the id that a job has now: that of a job with this former id, or else the same. */
  currentJobId(jobId: string): string;
  findGoneJob(jobId: string): JobView | null;
  /** Returns the error for a job that is unknown, or that no job file defines any more. */
  jobNotFound(jobId: string): PetitError;
  /** All jobs, also those that no job file defines any more. It is the same object until a definition changes. */
  readonly knownJobs: readonly KnownJob[];
  /** Returns the next `count` occurrences of a job within the bounds, in ms since the epoch. */
  nextOccurrences(jobId: JobId, count: number, bounds?: OccurrenceBounds): readonly number[];
  health(): Health;
  /** How the heartbeat works; null if none is configured. */
  readonly heartbeat: HeartbeatState | null;
  /** How the sending of traces works; null if they are not sent. */
  readonly traces: TracesState | null;
  /** How backups fare; null if none are configured. */
  readonly backup: BackupState | null;
  /** Which limits of tasks are enforced on this machine; null if that is not known. */
  readonly limitSupport: LimitSupport | null;
  /** Returns the jobs with limits that are not enforced; null if there are none. */
  unenforcedLimits(): UnenforcedLimits | null;
  /** Makes an error of petit that nothing has handled count against its health, and need attention, for an hour. */
  noteUnhandledError(error: Error): void;
  /** Sends an event that something else is known about the repository with the job files. Does nothing while petit stops. */
  noteRepository(status: RepositoryStatus): void;
  /** Returns the most urgent things that need attention, at most `limit`, and how much there is of each kind; of some jobs only, if given. Without `isForAdmin`, what only admins are told is left out. */
  listAttention(limit: number, jobIds?: ReadonlySet<JobId> | null, isForAdmin?: boolean): Promise<AttentionList>;
  /** Returns what happened in a period, of all jobs or of some, and what is due today. */
  review(query: ReviewQuery): Promise<Review>;
  /** Returns an entry of that list, which is of some jobs only, if given. Rejects with `not_found`. */
  findAttention(entryId: string, jobIds?: ReadonlySet<JobId> | null): Promise<AttentionEntry>;
  /**
   * Stores what `by` says about an entry of that list, which is of some jobs only, if given, and returns it. Rejects with `not_found`,
   * `conflict` and `not_running`.
   */
  changeAttention(
    entryId: string,
    change: MarkChange,
    by?: string | null,
    jobIds?: ReadonlySet<JobId> | null,
  ): Promise<AttentionEntry>;
  /** How the jobs with `expect` fare. */
  readonly expectations: Iterable<Expectation>;
  /** The problems in the job files. */
  readonly problems: readonly Problem[];
  /** The queues with what runs and waits in each, by name: the configured ones, and others that runs still use. */
  readonly queues: readonly QueueState[];
  /** Returns the gates of a job that are shut now; none for an unknown job. */
  shutGates(jobId: JobId): readonly ShutGate[];
  /** Returns the queues that some jobs name or their runs use, with their runs only. */
  queuesOf(jobIds: ReadonlySet<JobId>): readonly QueueState[];
  /** Returns the first runs that have a slot of a queue, and the first that wait for one; of some jobs only, if given. */
  queueRuns(name: string, jobIds?: ReadonlySet<JobId> | null): QueueRuns;
  /** Returns the limit that keeps an unfinished run from starting or continuing; null if none does. */
  waitsFor(runId: RunId): WaitsFor | null;
  /** Returns what an unfinished run only waits for; null while something of it executes, or is about to. */
  waitingFor(runId: RunId): WaitingCode | null;
  /** Returns the unfinished runs that only wait for it, in no order. */
  listWaiting(code: WaitingCode): readonly RunId[];
  /** Returns what each task of a run only waits for, without those that wait for nothing. */
  waitingTasks(runId: RunId): ReadonlyMap<TaskId, WaitingCode>;
  /** The connection to NATS; null if petit runs without workers. */
  readonly dispatch: Dispatch | null;
  /** The known workers, by name. */
  readonly workers: readonly WorkerView[];
  /** Returns the attempts that wait for a worker, of all runs or of one; the oldest first. */
  listWorkerWaits(runId?: RunId): readonly WorkerWait[];
  /** Returns the attempts, of all runs or of one, that NATS or petit's disk keeps from reaching a worker, or from ending. */
  listBlockedAttempts(runId?: RunId): readonly BlockedAttempt[];
  /**
   * Resolves when the worker claims nothing more. Idempotent, as `resumeWorker`. Both reject with `not_found`, and with `conflict`
   * if petit runs without workers.
   */
  drainWorker(name: string, by?: string | null): Promise<void>;
  resumeWorker(name: string, by?: string | null): Promise<void>;
  /** Rejects with `not_found`, and with `conflict` if the worker is connected or holds attempts. */
  forgetWorker(name: string): Promise<void>;
  /**
   * Calls `listener` for each claim that is granted, with the time since the attempt was stored, in ms. Returns a function that
   * removes it.
   */
  onDispatched(listener: (latencyMs: number) => void): () => void;

  /** Numbers of pending and running runs. */
  readonly counts: { readonly pending: number; readonly running: number };
  /** Returns how many runs are unfinished, of all jobs or of some, and what those that execute nothing wait for. */
  activity(jobIds?: ReadonlySet<JobId> | null): ActivityCounts;

  /** Opens the file of a stored artifact. Returns its descriptor, which the caller closes, or null if it is missing. */
  openArtifact(artifact: Artifact): number | null;
  /** Returns the path of the file of an artifact, which may be missing. */
  artifactFile(artifact: Artifact): string;

  /** Calls `listener` with every event, after its commit. Returns a function that removes the listener. */
  onEvent(listener: (event: Event) => void): () => void;
  /**
   * Calls `listener` when the store has new output of the run, and when the run has ended. Returns a function that
   * removes it.
   */
  onOutput(runId: RunId, listener: () => void): () => void;
  /** Calls `listener` after every attempt to deliver a notification. Returns a function that removes it. */
  onSending(listener: (result: SendingResult) => void): () => void;
}

export type OccurrenceBounds = {
  /** Ms since the epoch, inclusive. */
  readonly from?: number;
  /** Ms since the epoch, exclusive. */
  readonly to?: number;
  /** Minimum spacing in ms; occurrences closer than this to the previous one are omitted. */
  readonly spacingMs?: number;
};

/**
 * State of the scheduler:
 * - `running`: schedules and triggers start runs.
 * - `paused`: only triggers start runs. `pause` and `resume` switch between the two. The store keeps it across restarts.
 * - `stopped`: before `start` has resolved, and from the call of `stop` on. A crash needs no transition.
 */
export type SchedulerState = "running" | "paused" | "stopped";

/**
 * How to stop:
 * - `drain`: waits for running runs up to the shutdown timeout, then ends them.
 * - `leave`: leaves their processes running, for the next start to adopt.
 * - `now`: ends running runs without waiting.
 */
export type StopMode = "drain" | "leave" | "now";

export type TriggerRequest = {
  /** Unchecked values; the engine checks them against the job's `params`. */
  readonly params?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  /** The person who requests it: the name of a token, otherwise an address. */
  readonly by?: string | null;
  /** The span that caused the request. It counts only if petit sends traces. Missing, or null: none is known. */
  readonly trace?: TraceParent | null;
};

export type PersonDecision = Exclude<ApprovalDecision, { readonly kind: "timeout" }>;

/**
 * The tasks that a retry runs again. The new run takes over the results of the others.
 * - `rest`: those that did not complete, and those after them.
 * - `all`: all of them.
 * - `task`: one task, and those after it that did not complete.
 * - `from`: one task, and all after it.
 */
export type RetryScope = (
  | { readonly kind: "rest" }
  | { readonly kind: "all" }
  | { readonly kind: "task" | "from"; readonly taskId: string }
) & {
  /** True to use the present job files, although the run used those of an earlier commit. Default false. */
  readonly latest?: boolean;
};

/** A triggered run, or only its ids if it was deleted since its idempotency key was first used. */
export type TriggeredRun = Run | Pick<Run, "id" | "jobId">;

export type JobView = ActivityCounts & {
  readonly job: Job;
  /**
   * Ms since the epoch, also while paused. Null if the job has no schedule, is disabled, or has no further
   * occurrence.
   */
  readonly nextRunAt: number | null;
  /** When that occurrence starts a run, which jitter delays. */
  readonly nextStartAt: number | null;
  /** The longest of its next intervals, if it is due every few minutes; null, which is the default, otherwise. */
  readonly everyMs?: number | null;
  readonly lastRun: Run | null;
  /** Whether a gate on a job that a person may not know of is shut; undefined if no gate is on such a job. */
  readonly isHiddenGateShut?: boolean;
  /** What it only waits for; null, which is the default, if it does not. */
  readonly lastWaitingFor?: WaitingCode | null;
  /** How the durations of the last days differ from those of the weeks before. Missing or null if they do not, or if it may be chance. */
  readonly durationChange?: DurationChange | null;
  /** The pause of this job; null if it is not paused itself. */
  readonly pause: Pause | null;
  /** What its newest occurrences have in common if it has not run as expected; otherwise null. */
  readonly unfired: UnfiredStreak | null;
  /** How it fares by its `expect`. Missing or null without one. */
  readonly expectation?: Expectation | null;
  /** The ids that the job had before, which lead to it, sorted. */
  readonly formerIds: readonly JobId[];
  /**
   * Not null if no job file defines the job any more. `since` is when petit noticed it, in ms since the Unix epoch; null if it is
   * unknown.
   */
  readonly gone: { readonly since: number | null } | null;
};

/** A job, as far as limits of people are about it. */
export type KnownJob = Pick<Job, "id" | "tags">;

export type Reload = { readonly jobs: number; readonly problems: readonly Problem[] };

export type EnginePhase = "starting" | "running" | "stopping";

export type Health = {
  /** `starting` and `stopping`: petit accepts no triggers yet, or no more. */
  readonly status: "ok" | "degraded" | "unavailable" | "starting" | "stopping";
  /** Empty when ok, starting or stopping. */
  readonly reasons: readonly HealthReason[];
};
