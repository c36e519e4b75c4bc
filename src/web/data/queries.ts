import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { DeliveryStatus } from "../../domain/notification.ts";
import type { RunStatus } from "../../domain/run.ts";
import { petit } from "./client.ts";

/**
 * What petit can be asked, as TanStack queries: `useQuery(jobsQuery())`. The live stream of events keeps them fresh (see
 * apply-events.ts), so that nothing polls.
 */
export const jobsQuery = () => queryOptions({ queryKey: ["jobs"], queryFn: () => petit.get("/api/jobs") });

/** With the newest runs of each job, its success rate and usual duration: more to send, for those who show it. */
export const jobsWithRunsQuery = () =>
  queryOptions({
    queryKey: ["jobs-with-runs"],
    queryFn: () => petit.get("/api/jobs", { query: { recent: RECENT_RUNS } }),
  });

/** How many of its newest runs a job of `jobsWithRunsQuery` has, at most. */
export const RECENT_RUNS = 30;

export const jobQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["job", jobId],
    queryFn: () => petit.get("/api/jobs/:job_id", { params: { job_id: jobId } }),
  });

/** What the job's file says of it. */
export const definitionQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["definition", jobId],
    queryFn: () => petit.get("/api/jobs/:job_id/definition", { params: { job_id: jobId } }),
  });

export type RunsFilter = {
  readonly status?: RunStatus;
  /** 1 to 1000; 20 where not given. */
  readonly limit?: number;
  /** Id of a run: only those before it. */
  readonly before?: string;
};

export const jobRunsQuery = (jobId: string, filter: RunsFilter = {}) =>
  queryOptions({
    queryKey: ["job-runs", jobId, filter],
    queryFn: () => petit.get("/api/jobs/:job_id/runs", { params: { job_id: jobId }, query: filter }),
  });

export const runsQuery = (filter: RunsFilter = {}) =>
  queryOptions({
    queryKey: ["runs", filter],
    queryFn: () => petit.get("/api/runs", { query: filter }),
  });

export type OccurrencesFilter = {
  /** Past ones: 1 to 1000; 100 where not given. */
  readonly limit?: number;
  /** Only those due before this time, ms since the epoch. */
  readonly before?: number;
  /** How many of the next ones, too: up to 1000. */
  readonly coming?: number;
};

export const occurrencesQuery = (jobId: string, filter: OccurrencesFilter = {}) =>
  queryOptions({
    queryKey: ["occurrences", jobId, filter],
    queryFn: () => petit.get("/api/jobs/:job_id/occurrences", { params: { job_id: jobId }, query: filter }),
  });

export const runQuery = (runId: string) =>
  queryOptions({
    queryKey: ["run", runId],
    queryFn: () => petit.get("/api/runs/:run_id", { params: { run_id: runId } }),
  });

export const runTasksQuery = (runId: string) =>
  queryOptions({
    queryKey: ["run-tasks", runId],
    queryFn: () => petit.get("/api/runs/:run_id/tasks", { params: { run_id: runId } }),
  });

export type TimelineWindow = {
  /** Ms since the epoch. Round them: each pair is a question of its own. */
  readonly from: number;
  readonly to: number;
  /** Parts of the window, and bars of a job at most: 10 to 2000; 600 where not given. */
  readonly bins?: number;
  /** Ids with commas between them: only these jobs. */
  readonly jobs?: string;
};

/** While another window is on its way, the last one stays. */
export const timelineQuery = (window: TimelineWindow) =>
  queryOptions({
    queryKey: ["timeline", window],
    queryFn: () => petit.get("/api/timeline", { query: window }),
    placeholderData: keepPreviousData,
    gcTime: 30_000,
  });

/** Asked again each minute: the past that it counts moves on. */
export const statsQuery = (hours = 24) =>
  queryOptions({
    queryKey: ["stats", hours],
    queryFn: () => petit.get("/api/stats", { query: { hours } }),
    refetchInterval: 60_000,
  });

/** Asked again now and then: nothing tells of the database. */
export const healthQuery = () =>
  queryOptions({
    queryKey: ["health"],
    queryFn: () => petit.get("/api/health"),
    refetchInterval: 30_000,
  });

/** Asked again now and then: nothing tells of the database and of what runs. */
export const systemQuery = () =>
  queryOptions({
    queryKey: ["system"],
    queryFn: () => petit.get("/api/system"),
    refetchInterval: 15_000,
  });

/** Asked again now and then: nothing tells of a delivery. */
export const notificationsQuery = (status: DeliveryStatus) =>
  queryOptions({
    queryKey: ["notifications", status],
    queryFn: () => petit.get("/api/notifications", { query: { status, limit: 50 } }),
    refetchInterval: 5_000,
  });

export const schedulerQuery = () =>
  queryOptions({ queryKey: ["scheduler"], queryFn: () => petit.get("/api/scheduler/state") });
