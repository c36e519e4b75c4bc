import { dueFrom } from "../domain/due.ts";
import { compileSchedule } from "../domain/schedule.ts";
import type { StoredJob } from "../store/store.ts";
import type { DueJob } from "./agenda.ts";

type LeftOptions = Pick<DueJob, "wasDown"> & {
  readonly now: number;
  /** Of schedules that have none of their own. */
  readonly timezone: string;
};

/**
 * What was due by schedules that hold no more, and is in no ledger yet. Nothing of it is caught up on: only what is on
 * time, such as what jitter has kept back, may still start.
 */
export const dueOfLeft = (jobs: readonly StoredJob[], options: LeftOptions): readonly DueJob[] =>
  jobs.flatMap((stored) => {
    const { schedule: spec } = stored.job;
    if (spec === null) return [];
    const { now, timezone, wasDown } = options;
    const schedule = compileSchedule(spec, timezone);
    const due = dueFrom(schedule, schedule.next(stored.accountedUntil), now, (at) => at <= now);
    const job = { ...stored.job, schedule: { ...spec, catchup: "none" as const } };
    return [{ entry: { stored: { ...stored, job }, schedule, nextAt: null }, due, wasDown }];
  });
