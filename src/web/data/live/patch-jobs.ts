import type { Query, QueryClient } from "@tanstack/react-query";
import { changesJobs, type LiveEvent, waitsOfEvent } from "../../../client/live-event.ts";
import { afterEnding, afterStarting, afterWaiting } from "../../../domain/limits/activity.ts";
import { RUN_STATUSES, type RunStatus } from "../../../domain/run.ts";
import { RECENT_RUNS } from "../queries.ts";
import { successRate, usualDuration } from "../run-statistics.ts";
import type { JobSummary, RecentRunData } from "../shapes.ts";

/** Writes the changes that run events report into the cached lists of jobs, so that the lists need no refetch. */
export const patchJobs = (client: QueryClient, events: readonly LiveEvent[]): void => {
  const byJob = Map.groupBy(events.filter(changesJobs), ({ job_id }) => job_id);
  if (byJob.size === 0) return;
  const isList = ({ queryKey: [noun] }: Query): boolean => noun === "jobs" || noun === "jobs-with-runs";
  for (const { queryKey, state } of client.getQueryCache().findAll({ predicate: isList, type: "active" })) {
    client.setQueryData<JobsAnswer>(
      queryKey,
      (list) => list && { ...list, jobs: list.jobs.map((job) => patched(job, byJob.get(job.id))) },
      // Keeps the age of the data: a refetch still brings what the events don't contain.
      { updatedAt: state.dataUpdatedAt },
    );
  }
};

type JobsAnswer = { readonly jobs: readonly JobSummary[] };

const patched = (job: JobSummary, events: readonly LiveEvent[] = []): JobSummary => events.reduce(afterEvent, job);

const afterEvent = (job: JobSummary, event: LiveEvent): JobSummary => {
  if (event.type === "run.waiting") return waiting(job, event);
  return event.type === "run.started" ? started(job, event) : finished(job, event);
};

const waiting = (job: JobSummary, event: LiveEvent): JobSummary => {
  const { last_run } = job;
  const { now, before } = waitsOfEvent(event);
  return {
    ...job,
    ...afterWaiting(job, { now, before }),
    last_run: last_run !== null && last_run.id === event.run_id ? { ...last_run, waiting_for: now } : last_run,
  };
};

/** The ids of runs are ordered: one that is no newer than the newest known one was counted as pending. */
const started = (job: JobSummary, { run_id = "", at }: LiveEvent): JobSummary => {
  const { last_run } = job;
  if (last_run?.id === run_id && last_run.status !== "pending") return job;
  const isNewest = last_run === null || run_id >= last_run.id;
  return {
    ...job,
    ...afterStarting(job, { wasPending: last_run !== null && run_id <= last_run.id }),
    last_run: isNewest
      ? { id: run_id, status: "running", started_at: at, ended_at: null, duration_ms: null }
      : last_run,
    ...recentOf(job, (runs) => withStarted(runs, run_id, at)),
  };
};

/** The event does not contain the trigger, so it is a guess. */
const withStarted = (runs: readonly RecentRunData[], id: string, started_at: number): RecentRunData[] => [
  ...runs.filter((run) => run.id !== id).slice(runs.length < RECENT_RUNS ? 0 : 1),
  { id, status: "running", trigger: "schedule", started_at, duration_ms: null },
];

const finished = (job: JobSummary, { run_id, at, status }: LiveEvent): JobSummary => {
  const { last_run } = job;
  const end = <Run extends { readonly started_at: number | null }>(run: Run) => ({
    ...run,
    status: statusOf(status),
    duration_ms: run.started_at === null ? null : Math.max(0, at - run.started_at),
  });
  return {
    ...job,
    ...afterEnding(job, { wasPending: last_run?.id === run_id && last_run?.status === "pending" }),
    last_run:
      last_run !== null && last_run.id === run_id ? { ...end(last_run), ended_at: at, waiting_for: null } : last_run,
    ...recentOf(job, (runs) => runs.map((run) => (run.id === run_id ? end(run) : run))),
  };
};

const recentOf = ({ recent_runs }: JobSummary, change: (runs: readonly RecentRunData[]) => RecentRunData[]) => {
  if (recent_runs === undefined) return {};
  const runs = change(recent_runs);
  return { recent_runs: runs, success_rate: successRate(runs), usual_duration_ms: usualDuration(runs) };
};

/** Returns the run status that an event contains. */
export const statusOf = (text: string | undefined): RunStatus => RUN_STATUSES.find((each) => each === text) ?? "failed";
