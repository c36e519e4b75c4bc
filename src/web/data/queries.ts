import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { ExistingRule } from "../../domain/backfill/backfill.ts";
import type { WaitingCode } from "../../domain/limits/waiting-for.ts";
import type { SendingStatus } from "../../domain/notification.ts";
import type { ParamValues, RunStatus, Trigger } from "../../domain/run.ts";
import type { TaskStatus } from "../../domain/task-run.ts";
import { petit } from "./client.ts";
import { fetchLines } from "./lines.ts";
import { timelineOf } from "./timeline.ts";

// The queries of the page, for TanStack Query: `useQuery(jobsQuery())`. Live events keep them up to date (see
// live/event-applier.ts); only data without events is polled.

/** Query for all jobs. */
export const jobsQuery = () => queryOptions({ queryKey: ["jobs"], queryFn: () => petit.get("/api/jobs") });

/** Query for the jobs that no job file defines any more. */
export const goneJobsQuery = () =>
  queryOptions({
    queryKey: ["gone-jobs"],
    queryFn: () => petit.get("/api/jobs", { query: { gone: true } }),
  });

/** Query for all jobs that says whether they take params: only an answer with runs does. */
export const jobsWithParamsQuery = () =>
  queryOptions({
    queryKey: ["jobs-with-params"],
    queryFn: () => petit.get("/api/jobs", { query: { recent: 1 } }),
  });

/** Query for all jobs with their newest runs, success rate and usual duration. The answer is large. */
export const jobsWithRunsQuery = () =>
  queryOptions({
    queryKey: ["jobs-with-runs"],
    queryFn: () => petit.get("/api/jobs", { query: { recent: RECENT_RUNS } }),
  });

/** Maximum number of newest runs per job in `jobsWithRunsQuery`. */
export const RECENT_RUNS = 30;

export const jobQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["job", jobId],
    queryFn: () => petit.get("/api/jobs/:job_id", { params: { job_id: jobId } }),
  });

/** Query for the text of a job in its file. */
export const definitionQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["definition", jobId],
    queryFn: () => petit.get("/api/jobs/:job_id/definition", { params: { job_id: jobId } }),
  });

/** Query for the newest versions of a job. */
export const versionsQuery = (jobId: string, limit: number) =>
  queryOptions({
    queryKey: ["versions", jobId, "list", limit],
    queryFn: () => petit.get("/api/jobs/:job_id/versions", { params: { job_id: jobId }, query: { limit } }),
    placeholderData: keepPreviousData,
  });

/** Query for a version of a job, and what differs from another one; from the one before if that is null. */
export const versionQuery = (jobId: string, version: number, other: number | null) =>
  queryOptions({
    queryKey: ["versions", jobId, version, other],
    queryFn: () =>
      petit.get("/api/jobs/:job_id/versions/:version", {
        params: { job_id: jobId, version: String(version) },
        query: { ...(other !== null && { diff: String(other) }) },
      }),
  });

type RunsFilter = {
  readonly waiting_for?: WaitingCode;
  readonly tag?: string;
  readonly status?: RunStatus;
  /** 1 to 1000; default 20. */
  readonly limit?: number;
  /** Id of a run: returns only runs before it. */
  readonly before?: string;
  readonly trigger?: Trigger;
  /** Only runs created in `[from, to)`, in ms since the Unix epoch. */
  readonly from?: number;
  readonly to?: number;
  /** Part of the error, a param, the job id or the name of a person. */
  readonly text?: string;
  /** Id of a backfill: returns only runs that it has made. */
  readonly backfill_id?: string;
  /** `NAME` or `NAME=VALUE`. */
  readonly param?: string;
  /** The first or last 4 to 36 characters of the id, or the first of its last eight. */
  readonly id?: string;
  /** True to read why each run failed. */
  readonly failure?: boolean;
  /** Includes what the attempts of each run used. */
  readonly usage?: boolean;
};

/** Filter of the runs of all jobs. */
type AllRunsFilter = RunsFilter & {
  /** A part of the id of the run: its beginning or its end. */
  readonly id?: string;
  /** Id of a job, which may have been removed. */
  readonly job?: string;
  /** Ids of jobs that are left out, separated by commas. */
  readonly exclude?: string;
};

export const jobRunsQuery = (jobId: string, filter: RunsFilter = {}) =>
  queryOptions({
    queryKey: ["job-runs", jobId, filter],
    queryFn: () => petit.get("/api/jobs/:job_id/runs", { params: { job_id: jobId }, query: filter }),
  });

export const runsQuery = (filter: AllRunsFilter = {}) =>
  queryOptions({
    queryKey: ["runs", filter],
    queryFn: () => petit.get("/api/runs", { query: filter }),
  });

type OccurrencesFilter = {
  /** Number of past occurrences: 1 to 1000; default 100. */
  readonly limit?: number;
  /** Returns only occurrences that were due before this time, in ms since the Unix epoch. */
  readonly before?: number;
  /** Number of upcoming occurrences: up to 1000. */
  readonly coming?: number;
};

export const occurrencesQuery = (jobId: string, filter: OccurrencesFilter = {}) =>
  queryOptions({
    queryKey: ["occurrences", jobId, filter],
    queryFn: () => petit.get("/api/jobs/:job_id/occurrences", { params: { job_id: jobId }, query: filter }),
  });

/** Query for the newest events that reached a job. */
export const deliveriesQuery = (jobId: string, limit: number) =>
  queryOptions({
    queryKey: ["deliveries", jobId, limit],
    queryFn: () => petit.get("/api/jobs/:job_id/deliveries", { params: { job_id: jobId }, query: { limit } }),
  });

/** Query for the newest backfills of a job, or of all jobs. */
export const backfillsQuery = (jobId: string | null, limit: number) =>
  queryOptions({
    queryKey: ["backfills", jobId, limit],
    queryFn: () => petit.get("/api/backfills", { query: { limit, ...(jobId !== null && { job_id: jobId }) } }),
  });

export const backfillQuery = (backfillId: string) =>
  queryOptions({
    queryKey: ["backfill", backfillId],
    queryFn: () => petit.get("/api/backfills/:backfill_id", { params: { backfill_id: backfillId } }),
  });

/** What a person asks for. */
export type AskedBackfill = {
  readonly job_id: string;
  readonly from: string;
  readonly to: string;
  readonly existing: ExistingRule;
  readonly parallel: number;
  readonly newest_first: boolean;
  readonly params: ParamValues;
};

/** Query for what a backfill would do. */
export const backfillPlanQuery = (request: AskedBackfill) =>
  queryOptions({
    queryKey: ["backfill-plan", request],
    queryFn: async () => {
      const plan = await petit.post("/api/backfills", { body: { ...request, dry_run: true } });
      return { count: "occurrences" in plan ? plan.count : 0 };
    },
  });

/** Query for what became of each task of a job in its newest runs, with up to `tasks` tasks: at most 1000. */
export const taskHistoryQuery = (jobId: string, tasks: number) =>
  queryOptions({
    queryKey: ["task-history", jobId, tasks],
    queryFn: () => petit.get("/api/jobs/:job_id/task-history", { params: { job_id: jobId }, query: { tasks } }),
    placeholderData: keepPreviousData,
  });

/** Query for the durations of a job by day. Polls, because they are figures and not a list of runs. */
export const durationsQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["durations", jobId],
    queryFn: () => petit.get("/api/jobs/:job_id/durations", { params: { job_id: jobId } }),
    refetchInterval: 300_000,
  });

/** Items of a part that one request for more loads. */
const REVIEW_PAGE = 200;

type ReviewRest = { readonly from: number; readonly to: number; readonly tag?: string; readonly offset: number };

/** Query for the items of a review from number `offset` on, page by page. The period is that of the first page. */
export const reviewRestQuery = ({ from, to, tag, offset: first }: ReviewRest) =>
  infiniteQueryOptions({
    queryKey: ["review-rest", from, to, tag, first],
    queryFn: ({ pageParam: offset }) => {
      const [since, until] = [from, to].map((at) => new Date(at).toISOString());
      return petit.get("/api/review", {
        query: { since, until, ...(tag !== undefined && { tag }), limit: REVIEW_PAGE, offset },
      });
    },
    initialPageParam: first,
    getNextPageParam: (_page, pages) => first + pages.length * REVIEW_PAGE,
  });

/** Query for what happened in a period. Its texts are those of `parseMoment`; a tag selects jobs. */
export const reviewQuery = (filter: { readonly since: string; readonly until?: string; readonly tag?: string }) =>
  queryOptions({
    queryKey: ["review", filter],
    queryFn: () => petit.get("/api/review", { query: filter }),
    refetchInterval: 300_000,
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

/** Query for the files that are kept with a run. */
export const artifactsQuery = (runId: string) =>
  queryOptions({
    queryKey: ["artifacts", runId],
    queryFn: () => petit.get("/api/runs/:run_id/artifacts", { params: { run_id: runId } }),
  });

/** Maximum that is read of a text for its preview. */
export const PREVIEW_BYTES = 65_536;

/** Query for the beginning of a text that is kept with a run. */
export const artifactTextQuery = (
  runId: string,
  { path, sha256 }: { readonly path: string; readonly sha256: string },
) =>
  queryOptions({
    queryKey: ["artifact-text", runId, path, sha256],
    queryFn: async () => {
      const params = { run_id: runId, "*": path };
      const headers = { range: `bytes=0-${PREVIEW_BYTES - 1}` };
      const decoder = new TextDecoder();
      let text = "";
      for await (const part of await petit.stream("/api/runs/:run_id/artifacts/*", { params, headers }))
        text += decoder.decode(part, { stream: true });
      return text;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });

type ItemsFilter = {
  readonly runId: string;
  readonly taskId: string;
  /** Returns only items with this status; null for all. */
  readonly status: TaskStatus | null;
  /** Position of the first item, from 0. */
  readonly from: number;
  /** 1 to 1000. */
  readonly limit: number;
};

/** Query for the items of a task of a run, in order. */
export const runItemsQuery = ({ runId, taskId, status, from, limit }: ItemsFilter) =>
  queryOptions({
    queryKey: ["run-items", runId, taskId, { status, from, limit }],
    queryFn: () =>
      petit.get("/api/runs/:run_id/tasks/:task_id/items", {
        params: { run_id: runId, task_id: taskId },
        query: { limit, ...(status !== null && { status }), ...(from > 0 && { after: from - 1 }) },
      }),
  });

type LastLinesFilter = {
  readonly runId: string;
  readonly taskId: string;
  /** Null for all attempts. */
  readonly attempt: number | null;
  readonly stream: "stdout" | "stderr";
  /** Status of the run: the lines are fetched again when it changes. */
  readonly status: string;
};

/** Number of lines of `lastLinesQuery`. */
const LAST_LINES = 20;

/** Query for the last lines of an attempt that has ended. */
export const lastLinesQuery = ({ runId, taskId, attempt, stream, status }: LastLinesFilter) =>
  queryOptions({
    queryKey: ["last-lines", runId, taskId, attempt, stream, status],
    queryFn: () =>
      fetchLines(runId, {
        task: taskId,
        ...(attempt === null ? {} : { attempt }),
        stream,
        tail: true,
        limit: LAST_LINES,
      }),
  });

export type TimelineWindow = {
  /** In ms since the Unix epoch. Round both: each pair is a separate cache entry. */
  readonly from: number;
  readonly to: number;
  /** Number of bins of the window, and maximum bars per job: 10 to 2000; default 600. */
  readonly bins?: number;
  /** Comma-separated ids: returns only these jobs. */
  readonly jobs?: string;
  /** Returns only jobs with this tag. */
  readonly tag?: string;
  /** Maximum of jobs: the first ones by name. */
  readonly limit?: number;
};

/** Query for the timeline. Shows the previous window until the new one is loaded. */
export const timelineQuery = (window: TimelineWindow) =>
  queryOptions({
    queryKey: ["timeline", window],
    queryFn: async () => timelineOf(await petit.get("/api/timeline/compact", { query: window })),
    placeholderData: keepPreviousData,
    gcTime: 30_000,
  });

/** Query for what needs attention. Polls each minute, because a run becomes stuck, and a sending fails, without an event. */
export const attentionQuery = () =>
  queryOptions({
    queryKey: ["attention"],
    queryFn: () => petit.get("/api/attention"),
    refetchInterval: 60_000,
  });

/** Query for what needs attention about a job. */
export const jobAttentionQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["attention", jobId],
    queryFn: () => petit.get("/api/attention", { query: { job: jobId } }),
  });

/** Query for how a run differs from the last successful run of its job. */
export const comparisonQuery = (runId: string) =>
  queryOptions({
    queryKey: ["comparison", runId],
    queryFn: () => petit.get("/api/runs/:run_id/comparison", { params: { run_id: runId } }),
  });

/** Query for the statistics of the last hours. Polls each minute, because the time window moves. */
export const statsQuery = (hours = 24) =>
  queryOptions({
    queryKey: ["stats", hours],
    queryFn: () => petit.get("/api/stats", { query: { hours } }),
    refetchInterval: 60_000,
  });

/** How often a petit that is starting is polled, in ms. */
const STARTING_MS = 1_000;

/** Query for the health of petit. Polls, because no event reports a change of the database. */
export const healthQuery = () =>
  queryOptions({
    queryKey: ["health"],
    queryFn: () => petit.get("/api/health"),
    refetchInterval: ({ state }) => (state.data?.status === "starting" ? STARTING_MS : 30_000),
  });

/** Query for the system information. Polls, because no event reports a change of the database. */
export const systemQuery = () =>
  queryOptions({
    queryKey: ["system"],
    queryFn: () => petit.get("/api/system"),
    refetchInterval: ({ state }) => (state.data?.health.status === "starting" ? STARTING_MS : 15_000),
  });

/** Query for what a commit, a branch or a tag would change; null for the commit that is refused, or else the newest one. */
export const jobsDiffQuery = (ref: string | null) =>
  queryOptions({
    queryKey: ["repository", "diff", ref],
    queryFn: () => petit.get("/api/job-repository/diff", { query: ref === null ? {} : { ref } }),
    // petit asks the server of the repository for a branch.
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });

/** Query for the repository with the job files. Ask it only if there is one: a run names a commit. */
export const repositoryQuery = () =>
  queryOptions({ queryKey: ["repository"], queryFn: () => petit.get("/api/job-repository") });

/** Query for notifications. Polls, because no event reports a sending. */
export const notificationsQuery = (status: SendingStatus) =>
  queryOptions({
    queryKey: ["notifications", status],
    queryFn: () => petit.get("/api/notifications", { query: { status, limit: 50 } }),
    refetchInterval: 5_000,
  });

/** Query for who is logged in. */
export const sessionQuery = () => queryOptions({ queryKey: ["session"], queryFn: () => petit.get("/api/session") });

/** Query for the workers. It polls, because no event reports a hello, or that a worker claims a task. */
export const workersQuery = () =>
  queryOptions({ queryKey: ["workers"], queryFn: () => petit.get("/api/workers"), refetchInterval: 60_000 });

/** Query for the queues. What waits in them has no events, so it is polled. */
export const queuesQuery = () =>
  queryOptions({ queryKey: ["queues"], queryFn: () => petit.get("/api/queues"), refetchInterval: 5_000 });

/** Query for the queues with their first runs. */
export const queueRunsQuery = () =>
  queryOptions({
    queryKey: ["queue-runs"],
    queryFn: () => petit.get("/api/queues", { query: { runs: true } }),
    refetchInterval: 5_000,
  });

export const schedulerQuery = () =>
  queryOptions({ queryKey: ["scheduler"], queryFn: () => petit.get("/api/scheduler/state") });
