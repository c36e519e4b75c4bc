import type { DurationChange } from "../durations/change.ts";
import type { DayFigures } from "../durations/day.ts";
import type { JobId, RunId, TaskId } from "../ids.ts";
import type { Recovery, RunStatus } from "../run.ts";
import type { MissReason, SkipReason } from "../schedule/occurrence.ts";
import type { TimeSpan } from "../time-span.ts";

/** The period of a review, and its jobs. */
export type ReviewQuery = TimeSpan & {
  /** Null for all jobs. */
  readonly jobIds: ReadonlySet<JobId> | null;
  /** Which items of each part. Default: the first, as many as a reader looks at. */
  readonly page?: ReviewPage;
};

/** Items of each part from number `offset` on, which counts from 0; at most `limit`, or as many as a reader looks at for null. */
export type ReviewPage = { readonly offset: number; readonly limit: number | null };

/** A job. Its name is its id if no job file defines it. */
type NamedJob = { readonly jobId: JobId; readonly jobName: string };

/** A part of a review: the most important items, or a page of them, and how many are left out after it. */
export type ReviewPart<Item> = { readonly items: readonly Item[]; readonly leftOut: number };

/** What happened in a period, and what is due today. All times are ms since the Unix epoch. */
export type Review = {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Zone of the days, and of today. */
  readonly timezone: string;
  /** Number of jobs that it is about. */
  readonly jobs: number;
  /** What retention has deleted of the period; null if all of its runs are there. */
  readonly deleted: DeletedRuns | null;
  /** Numbers of runs that ended. Those of whole days include the deleted ones, of which those that were interrupted count as failed. */
  readonly runs: { readonly [Status in Exclude<RunStatus, "pending" | "running">]: number };
  /** Jobs whose last run at the end of the period had failed or was interrupted, and that have not recovered since. */
  readonly broken: ReviewPart<FailedJob>;
  /** Other jobs with failed or interrupted runs, and those that recovered in the period from earlier ones. */
  readonly recovered: ReviewPart<FailedJob>;
  /** Jobs of which no run has completed in the time that is expected of them, since before the end of the period. */
  readonly stale: ReviewPart<StaleJob>;
  /** Occurrences without a run. */
  readonly unfired: ReviewPart<UnfiredOccurrences>;
  /** Jobs whose runs took longer than in the period before. */
  readonly slower: ReviewPart<SlowerJob>;
  /** Tasks that failed and completed when they were retried. */
  readonly flaky: ReviewPart<FlakyTask>;
  /** What people did. */
  readonly people: ReviewPart<PersonAction>;
  /** Runs that waited for more than a minute before they started. */
  readonly waits: ReviewPart<Wait>;
  /** Jobs with occurrences from now to the end of today. */
  readonly due: ReviewPart<DueToday>;
};

export type DeletedRuns = {
  /** All runs that ended since then are there. */
  readonly until: number;
  /** Number of jobs of which earlier ones were deleted. */
  readonly jobs: number;
};

export type FailedJob = NamedJob & {
  /** Number of runs that failed or were interrupted in the period; 0 if all of them were earlier. */
  readonly failures: number;
  /** The runs in a row that had failed or were interrupted at the end of the period, or before the job recovered from earlier ones. */
  readonly streak: { readonly since: number; readonly count: number } | null;
  /** The failed or interrupted run that was created last, and its end. */
  readonly lastRunId: RunId;
  readonly lastAt: number;
  /** The task whose output has the line; null if there is none. */
  readonly taskId: TaskId | null;
  /** The line of its output that explains the failure, or else the error of the run; null if there is none. */
  readonly cause: string | null;
  /** Jobs whose failed runs it started, and because of which it failed. They have no items of their own. */
  readonly children: readonly FailedChild[];
  /** With which run the job recovered; see `findRecovery` of the store. */
  readonly recovery: Recovery | null;
  /** True if no job file defines the job any more. */
  readonly isGone: boolean;
};

type FailedChild = NamedJob & Pick<FailedJob, "failures" | "lastRunId">;

export type StaleJob = NamedJob & {
  /** When petit noticed it. */
  readonly since: number;
  /** What is expected: that a run completes at least this often. */
  readonly withinMs: number;
  /** End of the last completed run; null if none is known. */
  readonly lastSuccessAt: number | null;
};

export type UnfiredOccurrences = NamedJob & {
  readonly outcome: "skipped" | "missed";
  readonly reason: SkipReason | MissReason;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
};

export type SlowerJob = NamedJob & {
  readonly change: DurationChange;
  /** Days of the period before and of this one, at most the last 31. */
  readonly days: readonly DayFigures[];
};

export type FlakyTask = NamedJob & {
  readonly taskId: TaskId;
  /** Number of runs in which it, or an item of it, needed a retry. */
  readonly runs: number;
  readonly lastRunId: RunId;
  readonly lastAt: number;
};

export const PERSON_ACTIONS = ["trigger", "retry", "cancel", "pause", "resume", "approve", "reject"] as const;

export type PersonAction = {
  /** The name of a token, or else an address; null if it is unknown. */
  readonly actor: string | null;
  readonly action: (typeof PERSON_ACTIONS)[number];
  /** Both are null for all jobs. */
  readonly jobId: JobId | null;
  readonly jobName: string | null;
  readonly count: number;
  readonly lastAt: number;
};

export type Wait = NamedJob & {
  readonly runId: RunId;
  readonly since: number;
  readonly waitedMs: number;
  /** The queue that the job names; null if it names none. */
  readonly queue: string | null;
  /** False if it still waits. */
  readonly isOver: boolean;
};

export type DueToday = NamedJob & {
  readonly nextAt: number;
  /** Number of occurrences, at most `MAX_DUE_COUNTED`. */
  readonly count: number;
};

/** More occurrences of a job are not counted. */
export const MAX_DUE_COUNTED = 100;
