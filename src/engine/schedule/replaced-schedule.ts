import { type Due, dueInSteps } from "../../domain/schedule/due.ts";
import { compileSchedule } from "../../domain/schedule/schedule.ts";
import type { StoredJob } from "../../store/jobs.ts";

type LeftOptions = {
  readonly now: number;
  /** Of schedules that have none of their own. */
  readonly timezone: string;
  /** Whether the job is still there, with another schedule. */
  readonly isThere: boolean;
};

/**
 * What was due by a schedule that holds no more, and is in no ledger yet. Nothing of it is caught up on: only what is on
 * time, such as what jitter has kept back, may still start. Of a job that was removed nothing starts, as if it were disabled.
 */
export const dueOfLeft = (
  stored: StoredJob,
  { now, timezone, isThere }: LeftOptions,
): { readonly stored: StoredJob; readonly steps: Iterator<void, Due> } | null => {
  const { schedule: spec, enabled } = stored.job;
  if (spec === null) return null;
  const schedule = compileSchedule(spec, timezone);
  const job = { ...stored.job, enabled: enabled && isThere, schedule: { ...spec, catchup: "none" as const } };
  const steps = dueInSteps(schedule, schedule.next(stored.accountedUntil), now, (at) => at <= now);
  return { stored: { ...stored, job }, steps };
};
