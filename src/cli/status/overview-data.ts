import type { AttentionListBody } from "../../api/shapes/attention/attention.ts";
import type { JobRepositoryBody } from "../../api/shapes/definition/repository.ts";
import type { HealthReasonBody } from "../../api/shapes/health.ts";
import type { JobList } from "../../api/shapes/job.ts";
import type { RunList } from "../../api/shapes/run.ts";
import type { Client } from "../../client/client.ts";
import { ifShown } from "../../client/error.ts";
import { pauseFacts } from "../../client/why/facts.ts";
import type { Health, SchedulerState } from "../../engine/engine.ts";

export type AttentionBody = (typeof AttentionListBody.static)["items"][number];
export type RunBody = (typeof RunList.static)["runs"][number];
export type ListedJob = (typeof JobList.static)["jobs"][number];

/** What petit does now, and what needs attention. */
export type Overview = {
  readonly version: string;
  readonly state: SchedulerState;
  /** Who paused the scheduler; null if it is not paused, or if that is unknown. */
  readonly pausedBy: string | null;
  readonly health: {
    readonly status: Health["status"];
    readonly reasons: readonly (typeof HealthReasonBody.static)[];
  };
  readonly attention: typeof AttentionListBody.static;
  /** The oldest first. */
  readonly running: readonly RunBody[];
  /** The oldest first. */
  readonly pending: readonly RunBody[];
  readonly jobs: readonly ListedJob[];
  /** Null if the job files are in a folder, or if the person is limited to some jobs. */
  readonly repository: typeof JobRepositoryBody.static | null;
};

/** Maximum number of active runs to read, of each status. */
const MAX_RUNS = 1000;
const MAX_ENTRIES = 1000;

/** Reads the overview from the running petit. */
export const readOverview = async (client: Client): Promise<Overview> => {
  const listRuns = (status: string) => client.get("/api/runs", { query: { status, limit: MAX_RUNS } });
  // A petit that is starting answers this when it has started.
  const { jobs } = await client.get("/api/jobs");
  const [attention, running, pending, scheduler, health, repository] = await Promise.all([
    client.get("/api/attention", { query: { limit: MAX_ENTRIES } }),
    listRuns("running"),
    listRuns("pending"),
    client.get("/api/scheduler/state"),
    client.get("/api/health"),
    ifShown(client.get("/api/job-repository")),
  ]);
  return {
    version: health.version,
    state: scheduler.state,
    pausedBy: pauseFacts(scheduler).by,
    health: { status: health.status, reasons: health.reasons ?? [] },
    attention,
    running: running.runs.toReversed(),
    pending: pending.runs.toReversed(),
    jobs,
    repository,
  };
};

/** Returns the overview for programs. */
export const overviewJson = ({ version, state, pausedBy, jobs, repository, ...now }: Overview) => ({
  version,
  scheduler: state,
  scheduler_paused_by: pausedBy,
  paused_jobs: jobs.flatMap(({ id, paused, paused_by: by = null }) => (paused ? [{ job_id: id, by }] : [])),
  health: now.health,
  attention: now.attention,
  running: now.running,
  pending: now.pending,
  next: comingJobs(jobs).map(({ job, at }) => ({ job_id: job.id, at })),
  jobs: jobs.length,
  job_repository: repository,
});

/** Returns the jobs that have a next occurrence and are not paused, by the time at which it starts a run. */
export const comingJobs = (jobs: readonly ListedJob[]): readonly { readonly job: ListedJob; readonly at: number }[] =>
  jobs
    .flatMap((job) => (job.next_start_at === null || job.paused ? [] : [{ job, at: job.next_start_at }]))
    .sort((left, right) => left.at - right.at);
