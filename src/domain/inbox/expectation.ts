import type { JobId } from "../ids.ts";
import type { Run } from "../run.ts";

/** What a job is expected to do, as its file says it. */
export type Expect = {
  /** A run completes at least this often. */
  readonly successWithinMs: number;
};

/** How a job with `expect` fares. Times are in ms since the Unix epoch. */
export type Expectation = {
  readonly jobId: JobId;
  readonly withinMs: number;
  /** When the job became known with `expect`. */
  readonly since: number;
  /** End of the last completed run; null if none is known. */
  readonly lastSuccessAt: number | null;
  /** When petit noticed that no run had completed in time; null if the job is not stale. */
  readonly staleSince: number | null;
};

/** Returns the time from which a run is expected to complete within the time that `expect` names. */
export const expectedFrom = ({ lastSuccessAt, since }: Pick<Expectation, "lastSuccessAt" | "since">): number =>
  lastSuccessAt ?? since;

/** The wall clock was set during a run if it differs from the end of the run by more than this when that is stored. */
const STEP_MS = 1_000;

/** Returns when a run completed by the wall clock, which is `now`; null if it did not. */
export const successAt = ({ status, endedAt }: Pick<Run, "status" | "endedAt">, now: number): number | null => {
  if (status !== "completed" || endedAt === null) return null;
  return Math.abs(now - endedAt) > STEP_MS ? now : endedAt;
};
