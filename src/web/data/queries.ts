import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { DeliveryStatus } from "../../domain/notification.ts";
import type { RunStatus } from "../../domain/run.ts";
import { answerOf, petit } from "./client.ts";

/**
 * What petit can be asked, as TanStack queries: `useQuery(jobsQuery())`. The live stream of events keeps them fresh (see
 * apply-events.ts), so that nothing polls.
 */
export const jobsQuery = () =>
  queryOptions({ queryKey: ["jobs"], queryFn: () => answerOf(petit.api.jobs.get({ query: {} })) });

/** With the newest runs of each job, its success rate and usual duration: more to send, for those who show it. */
export const jobsWithRunsQuery = () =>
  queryOptions({
    queryKey: ["jobs-with-runs"],
    queryFn: () => answerOf(petit.api.jobs.get({ query: { recent: RECENT_RUNS } })),
  });

/** How many of its newest runs a job of `jobsWithRunsQuery` has, at most. */
export const RECENT_RUNS = 30;

export const jobQuery = (jobId: string) =>
  queryOptions({ queryKey: ["job", jobId], queryFn: () => answerOf(petit.api.jobs({ job_id: jobId }).get()) });

/** What the job's file says of it. */
export const definitionQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["definition", jobId],
    queryFn: () => answerOf(petit.api.jobs({ job_id: jobId }).definition.get()),
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
    queryFn: () => answerOf(petit.api.jobs({ job_id: jobId }).runs.get({ query: asQuery(filter) })),
  });

export const runsQuery = (filter: RunsFilter = {}) =>
  queryOptions({
    queryKey: ["runs", filter],
    queryFn: () => answerOf(petit.api.runs.get({ query: asQuery(filter) })),
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
    queryFn: () => answerOf(petit.api.jobs({ job_id: jobId }).occurrences.get({ query: asQuery(filter) })),
  });

export const runQuery = (runId: string) =>
  queryOptions({ queryKey: ["run", runId], queryFn: () => answerOf(petit.api.runs({ run_id: runId }).get()) });

export const runTasksQuery = (runId: string) =>
  queryOptions({
    queryKey: ["run-tasks", runId],
    queryFn: () => answerOf(petit.api.runs({ run_id: runId }).tasks.get()),
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
    queryFn: () => answerOf(petit.api.timeline.get({ query: asQuery(window) })),
    placeholderData: keepPreviousData,
    gcTime: 30_000,
  });

/** Asked again each minute: the past that it counts moves on. */
export const statsQuery = (hours = 24) =>
  queryOptions({
    queryKey: ["stats", hours],
    queryFn: () => answerOf(petit.api.stats.get({ query: { hours } })),
    refetchInterval: 60_000,
  });

/** Asked again now and then: nothing tells of the database. */
export const healthQuery = () =>
  queryOptions({
    queryKey: ["health"],
    queryFn: async () => {
      const answer = await petit.api.health.get();
      // An `unavailable` is an answer, though its status says 503.
      return answer.error?.status === 503 && "version" in answer.error.value
        ? answer.error.value
        : await answerOf(Promise.resolve(answer));
    },
    refetchInterval: 30_000,
  });

/** Asked again now and then: nothing tells of the database and of what runs. */
export const systemQuery = () =>
  queryOptions({
    queryKey: ["system"],
    queryFn: () => answerOf(petit.api.system.get()),
    refetchInterval: 15_000,
  });

/** Asked again now and then: nothing tells of a delivery. */
export const notificationsQuery = (status: DeliveryStatus) =>
  queryOptions({
    queryKey: ["notifications", status],
    queryFn: () => answerOf(petit.api.notifications.get({ query: { status, limit: 50 } })),
    refetchInterval: 5_000,
  });

export const schedulerQuery = () =>
  queryOptions({ queryKey: ["scheduler"], queryFn: () => answerOf(petit.api.scheduler.state.get()) });

/** Eden leaves out what is not there, and types each number of a query as text. */
const asQuery = <Filter extends object>(filter: Filter) => filter;
