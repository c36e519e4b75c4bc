import type { QueryClient } from "@tanstack/react-query";
import { RUN_STATUSES, type RunStatus } from "../../domain/run.ts";
import type { LiveEvent } from "./event.ts";
import { jobsQuery } from "./queries.ts";
import type { JobSummary } from "./shapes.ts";

/** What an event says of a job, written into the list of jobs at once: of a thousand, one changes. */
export const patchJobs = (client: QueryClient, event: LiveEvent): void => {
  const { type, job_id } = event;
  if (type !== "run.started" && type !== "run.finished") return;
  client.setQueryData(jobsQuery().queryKey, (list) => {
    const at = list?.jobs.findIndex(({ id }) => id === job_id) ?? -1;
    const job = list?.jobs[at];
    if (list === undefined || job === undefined) return list;
    return { ...list, jobs: list.jobs.with(at, type === "run.started" ? started(job, event) : finished(job, event)) };
  });
};

const started = (job: JobSummary, { run_id = "", at }: LiveEvent): JobSummary => ({
  ...job,
  running: job.last_run?.id === run_id && job.last_run.status === "running" ? job.running : job.running + 1,
  last_run: { id: run_id, status: "running", started_at: at, ended_at: null, duration_ms: null },
});

const finished = (job: JobSummary, { run_id, at, status }: LiveEvent): JobSummary => {
  const running = Math.max(0, job.running - 1);
  const { last_run } = job;
  if (last_run === null || last_run.id !== run_id) return { ...job, running };
  const duration_ms = last_run.started_at === null ? null : Math.max(0, at - last_run.started_at);
  return { ...job, running, last_run: { ...last_run, status: statusOf(status), ended_at: at, duration_ms } };
};

const statusOf = (text: string | undefined): RunStatus => RUN_STATUSES.find((each) => each === text) ?? "failed";
