import type { JobDetail } from "../../api/shapes/job.ts";
import type { OccurrenceList } from "../../api/shapes/occurrence.ts";
import type { RunBody } from "../../api/shapes/run.ts";
import { urlOf } from "../../app/settings/settings.ts";
import type { Client } from "../../client/client.ts";
import { isRefused } from "../../client/error.ts";
import type { SchedulerState } from "../../engine/engine.ts";
import { openClient } from "../client/client.ts";
import { askHealth, type HealthAnswer } from "../client/health.ts";
import type { Context } from "../command.ts";

export type JobBody = typeof JobDetail.static;
export type OccurrenceFacts = (typeof OccurrenceList.static)["occurrences"][number];
export type RunFacts = typeof RunBody.static;

/** A gate of the job with the newest runs of the other job, newest first; null if that job no longer exists. */
export type GateFacts = { readonly gate: JobBody["depends_on"][number]; readonly runs: readonly RunFacts[] | null };

/** Everything that explains why a job runs or does not run. */
export type JobFacts = {
  readonly job: JobBody;
  readonly lastRun: RunFacts | null;
  /** Number of runs of the job that wait for a slot. */
  readonly pending: number;
  /** Newest first. */
  readonly occurrences: readonly OccurrenceFacts[];
  /** The next occurrences in ascending order, ms since the Unix epoch. */
  readonly upcoming: readonly number[];
  readonly gates: readonly GateFacts[];
  readonly state: SchedulerState;
  readonly health: HealthAnswer;
};

/** How many past and upcoming occurrences to read. */
export type FactOptions = { readonly past: number; readonly upcoming: number };

/** Number of runs to read of an upstream job: enough to reconstruct a gate at the past occurrences. */
export const UPSTREAM_RUNS = 100;

/** Reads the facts from the running petit. Throws a `ClientError` if petit does not answer or has no such job. */
export const readJobFacts = async (jobId: string, options: FactOptions, context: Context): Promise<JobFacts> => {
  const client = openClient(context);
  const params = { job_id: jobId };
  const job = await client.get("/api/jobs/:job_id", { params });
  const [occurrences, runs, waiting, scheduler, health, ...gates] = await Promise.all([
    client.get("/api/jobs/:job_id/occurrences", { params, query: { limit: options.past, coming: options.upcoming } }),
    client.get("/api/jobs/:job_id/runs", { params, query: { limit: 1 } }),
    client.get("/api/jobs/:job_id/runs", { params, query: { status: "pending", limit: 1000 } }),
    client.get("/api/scheduler/state"),
    askHealth(urlOf(context.settings)),
    ...job.depends_on.map((gate) => readGate(client, gate)),
  ]);
  return {
    job,
    lastRun: runs.runs[0] ?? null,
    pending: waiting.count,
    occurrences: occurrences.occurrences.filter(({ outcome }) => outcome !== "due"),
    upcoming: occurrences.occurrences.flatMap((each) => (each.outcome === "due" ? [each.scheduled_for] : [])).reverse(),
    gates,
    state: scheduler.state,
    health,
  };
};

const readGate = async (client: Client, gate: GateFacts["gate"]): Promise<GateFacts> => {
  try {
    const query = { limit: UPSTREAM_RUNS };
    const { runs } = await client.get("/api/jobs/:job_id/runs", { params: { job_id: gate.job_id }, query });
    return { gate, runs };
  } catch (error) {
    if (isRefused(error, "NOT_FOUND")) return { gate, runs: null };
    throw error;
  }
};
