import type { Schedule } from "../../domain/schedule/schedule.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";

/** A job on the agenda. */
export type Entry = {
  readonly stored: StoredJob;
  readonly schedule: Schedule;
  /** Its next occurrence, without jitter; null where none comes. */
  nextAt: number | null;
};

/** Occurrences of a job that have come due. */
export type DueJob = {
  readonly stored: StoredJob;
  /** Oldest first, ms since the epoch. */
  readonly occurrences: readonly number[];
  /** True for what came due while petit was not running. */
  readonly wasDown: boolean;
  /** Where the occurrences are a part of a large backlog. */
  readonly backlog?: Backlog;
};

/** So many occurrences of one job that accounting for all of them in one go would hold up others. */
export type Backlog = {
  /** Whether petit was paused when the backlog was found; null where that doesn't matter. */
  readonly isPaused: boolean | null;
  /** What the earlier parts recorded; the last part emits the events and the notification for all of them. */
  readonly recorded: NewOccurrence[];
  /** Occurrences of the backlog that are newer than this part; 0 for the last part. */
  readonly newer: number;
};
