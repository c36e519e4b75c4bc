import type { JobId, RunId, TaskId } from "./ids.ts";

/** What petit tells those who listen; each is stored in the transaction of the change that it tells of. */
export const EVENT_TYPES = [
  "run.started",
  "run.finished",
  "task.started",
  "task.finished",
  "occurrence",
  "jobs.reloaded",
  "scheduler.paused",
  "scheduler.resumed",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export type Event = {
  /** Strictly increasing, also over restarts. */
  readonly seq: number;
  /** Ms since the epoch. */
  readonly at: number;
  readonly type: EventType;
  readonly jobId: JobId | null;
  readonly runId: RunId | null;
  readonly taskId: TaskId | null;
  /** The status or outcome that was reached. */
  readonly status: string | null;
  readonly reason: string | null;
  /** Occurrences that it tells of at once, where they are more than one; it is told and not stored. */
  readonly times?: number;
};
