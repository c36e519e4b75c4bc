import type { Client } from "../../../client/client.ts";
import { ifFound } from "../../../client/error.ts";
import { RECENT_RUNS } from "../state/job-events.ts";
import type { JobData, ShownRun } from "../state/state.ts";
import type { TopAttention, TopJob, TopRun, TopWorkers } from "./shapes.ts";

/** Number of newest runs in the list of runs. */
const NEWEST_RUNS = 200;
const JOB_RUNS = 50;
const JOB_COMING = 10;

export const loadJobs = async (client: Client): Promise<readonly TopJob[]> =>
  (await client.get("/api/jobs", { query: { recent: RECENT_RUNS } })).jobs;

/** Loads the newest runs, and all that have not ended. */
export const loadRuns = async (client: Client): Promise<readonly TopRun[]> => {
  const lists = await Promise.all([
    client.get("/api/runs", { query: { status: "running", limit: NEWEST_RUNS } }),
    client.get("/api/runs", { query: { status: "pending", limit: NEWEST_RUNS } }),
    client.get("/api/runs", { query: { limit: NEWEST_RUNS } }),
  ]);
  // A run that was in two lists had changed in between; the last list has its newer status.
  const byId = new Map(lists.flatMap(({ runs }) => runs).map((run) => [run.id, run]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
};

/** Returns null if this petit is too old to report it. */
export const loadAttention = async (client: Client): Promise<readonly TopAttention[] | null> =>
  (await ifFound(client.get("/api/attention")))?.items ?? null;

/** Returns null if this petit is too old to have workers. */
export const loadWorkers = (client: Client): Promise<TopWorkers | null> => ifFound(client.get("/api/workers"));

export const loadJob = async (client: Client, jobId: string): Promise<JobData> => {
  const params = { job_id: jobId };
  const [detail, { runs }, { occurrences }] = await Promise.all([
    client.get("/api/jobs/:job_id", { params }),
    client.get("/api/jobs/:job_id/runs", { params, query: { limit: JOB_RUNS, failure: true } }),
    client.get("/api/jobs/:job_id/occurrences", { params, query: { coming: JOB_COMING, limit: 1 } }),
  ]);
  const coming = occurrences.filter(({ outcome }) => outcome === "due").toReversed();
  return { jobId, detail, runs, coming };
};

/** Number of items of a task that are listed. */
const MAX_ITEMS = 1_000;

/** Loads a run with its tasks, and the items of `itemsOf`, one of its tasks. */
export const loadRun = async (client: Client, runId: string, itemsOf: string | null): Promise<ShownRun> => {
  const params = { run_id: runId };
  const [detail, { tasks }, list] = await Promise.all([
    client.get("/api/runs/:run_id", { params }),
    client.get("/api/runs/:run_id/tasks", { params }),
    itemsOf === null
      ? null
      : client.get("/api/runs/:run_id/tasks/:task_id/items", {
          params: { ...params, task_id: itemsOf },
          query: { limit: MAX_ITEMS },
        }),
  ]);
  const items = itemsOf === null || list === null ? null : { taskId: itemsOf, items: list.items };
  return { runId, detail, tasks, items };
};
