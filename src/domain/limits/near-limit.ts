import type { JobId, RunId, TaskId } from "../ids.ts";

/** A peak of memory from this share of the limit on is near it. */
export const NEAR_LIMIT = 0.9;

/** This many runs in a row near the limit need attention. */
export const NEAR_LIMIT_RUNS = 3;

/** How many of the newest runs of a job petit looks at, so it counts at most so many near the limit in a row. */
export const MAX_NEAR_LIMIT_RUNS = 20;

/** A task that nearly used up its limit of memory in the newest runs that measured it. */
export type NearLimit = {
  readonly jobId: JobId;
  /** The newest of these runs, and what its attempt that came nearest used. */
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly peakBytes: number;
  readonly limitBytes: number;
  /** Number of these runs in a row, at most `MAX_NEAR_LIMIT_RUNS`. */
  readonly count: number;
  /** End of the first of them, in ms since the Unix epoch. */
  readonly since: number;
};
