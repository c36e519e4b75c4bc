import { changesJobs, type LiveEvent, waitsOfEvent } from "../../../client/live-event.ts";
import { afterEnding, afterStarting, afterWaiting } from "../../../domain/limits/activity.ts";
import { RUN_STATUSES, type RunStatus } from "../../../domain/run.ts";
import type { TopJob } from "../data/shapes.ts";

/** Number of newest runs that the list of jobs shows. */
export const RECENT_RUNS = 10;

/** Applies the starts and ends of runs to the list of jobs, so that the list, which can be long, is seldom loaded again. */
export const applyRunEvents = (jobs: readonly TopJob[], events: readonly LiveEvent[]): readonly TopJob[] => {
  const byJob = Map.groupBy(events.filter(changesJobs), ({ job_id }) => job_id);
  if (byJob.size === 0) return jobs;
  return jobs.map((job) => (byJob.get(job.id) ?? []).reduce(afterEvent, job));
};

const afterEvent = (job: TopJob, event: LiveEvent): TopJob => {
  if (event.type === "run.waiting") return afterWait(job, event);
  return event.type === "run.started" ? afterStart(job, event) : afterEnd(job, event);
};

const afterWait = (job: TopJob, event: LiveEvent): TopJob => {
  const { now, before } = waitsOfEvent(event);
  const last = job.last_run;
  return {
    ...job,
    ...afterWaiting(job, { now, before }),
    last_run: last !== null && last.id === event.run_id ? { ...last, waiting_for: now } : last,
  };
};

const afterStart = (job: TopJob, { run_id = "", at }: LiveEvent): TopJob => {
  // The list can have been loaded after the event.
  const last = job.last_run;
  if (last?.id === run_id && last.status !== "pending") return job;
  // The ids of runs are ordered: one that is no newer than the newest known one was counted as pending.
  const isNewest = last === null || run_id >= last.id;
  const recent = (job.recent_runs ?? []).filter(({ id }) => id !== run_id).slice(1 - RECENT_RUNS);
  return {
    ...job,
    ...afterStarting(job, { wasPending: last !== null && run_id <= last.id }),
    last_run: isNewest ? { id: run_id, status: "running", started_at: at, ended_at: null, duration_ms: null } : last,
    // The event does not contain the trigger, which the list does not show.
    recent_runs: [...recent, { id: run_id, status: "running", trigger: "schedule", started_at: at, duration_ms: null }],
  };
};

const afterEnd = (job: TopJob, { run_id, at, status }: LiveEvent): TopJob => {
  const last = job.last_run;
  const isNews = last?.id !== run_id || last?.ended_at === null;
  const recent = (job.recent_runs ?? []).map((run) => (run.id === run_id ? { ...run, status: statusOf(status) } : run));
  return {
    ...job,
    ...(isNews && afterEnding(job, { wasPending: last?.id === run_id && last?.status === "pending" })),
    last_run:
      last !== null && last.id === run_id
        ? {
            ...last,
            status: statusOf(status),
            ended_at: at,
            waiting_for: null,
            duration_ms: last.started_at === null ? null : Math.max(0, at - last.started_at),
          }
        : last,
    recent_runs: recent,
  };
};

const statusOf = (text: string | undefined): RunStatus => RUN_STATUSES.find((each) => each === text) ?? "failed";
