import type { JobId } from "../../domain/ids.ts";
import type { Schedule } from "../../domain/schedule/schedule.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";

/** A job in the schedule queue. */
export type ScheduleEntry = {
  readonly stored: StoredJob;
  readonly schedule: Schedule;
  /** The next occurrence, without jitter; null if there is none. */
  nextAt: number | null;
};

/** Occurrences of a job that have come due. */
export type DueJob = {
  readonly stored: StoredJob;
  /** The schedule that the occurrences are of. */
  readonly schedule: Pick<Schedule, "excludes" | "bootAt" | "previousStart">;
  /** Oldest first, ms since the epoch. */
  readonly occurrences: readonly number[];
  /** True if they came due while petit was not running. */
  readonly wasDown: boolean;
  /** Set if the occurrences are a part of a large backlog. */
  readonly backlog?: Backlog;
};

/**
 * A backlog: more due occurrences of one job than can be accounted for in one transaction without blocking other
 * jobs.
 */
export type Backlog = {
  /** Whether the scheduler or the job was paused when the backlog was found; null if that is irrelevant. */
  readonly isPaused: boolean | null;
  /**
   * The occurrences that earlier parts recorded. The last part emits the events and the notification for all of them.
   */
  readonly recorded: NewOccurrence[];
  /** True for the last part. */
  readonly isLast: boolean;
  /** Occurrences of the backlog that are newer than this part and not excepted. */
  readonly newer: number;
};

/**
 * Decides about due occurrences and stores the decisions. Returns the jobs whose occurrences are undecided because of an error of petit
 * itself. Throws if the database can't be written.
 */
export type Fire = (due: readonly DueJob[], now: number) => ReadonlySet<JobId>;
