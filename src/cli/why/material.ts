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
export type Occurrence = (typeof OccurrenceList.static)["occurrences"][number];
export type Run = typeof RunBody.static;

/** A gate of the job, with what is known of the other job: its runs, newest first; null where it is gone. */
export type Gate = { readonly gate: JobBody["depends_on"][number]; readonly runs: readonly Run[] | null };

/** All that there is to know about why a job runs and doesn't. */
export type Material = {
  readonly job: JobBody;
  readonly lastRun: Run | null;
  /** Runs of it that wait for a place. */
  readonly pending: number;
  /** Newest first. */
  readonly occurrences: readonly Occurrence[];
  /** Ms since the epoch, the next one first. */
  readonly coming: readonly number[];
  readonly gates: readonly Gate[];
  readonly state: SchedulerState;
  readonly health: HealthAnswer;
};

export type MaterialOptions = { readonly past: number; readonly coming: number };

/** Of an upstream job: enough to tell what a gate saw at the occurrences that are told of. */
export const UPSTREAM_RUNS = 100;

/** Throws a `ClientError` if petit does not answer or has no such job. */
export const gather = async (jobId: string, options: MaterialOptions, context: Context): Promise<Material> => {
  const client = openClient(context);
  const params = { job_id: jobId };
  const job = await client.get("/api/jobs/:job_id", { params });
  const [occurrences, runs, waiting, scheduler, health, ...gates] = await Promise.all([
    client.get("/api/jobs/:job_id/occurrences", { params, query: { limit: options.past, coming: options.coming } }),
    client.get("/api/jobs/:job_id/runs", { params, query: { limit: 1 } }),
    client.get("/api/jobs/:job_id/runs", { params, query: { status: "pending", limit: 1000 } }),
    client.get("/api/scheduler/state"),
    askHealth(urlOf(context.settings)),
    ...job.depends_on.map((gate) => gateOf(client, gate)),
  ]);
  return {
    job,
    lastRun: runs.runs[0] ?? null,
    pending: waiting.count,
    occurrences: occurrences.occurrences.filter(({ outcome }) => outcome !== "due"),
    coming: occurrences.occurrences.flatMap((each) => (each.outcome === "due" ? [each.scheduled_for] : [])).reverse(),
    gates,
    state: scheduler.state,
    health,
  };
};

const gateOf = async (client: Client, gate: Gate["gate"]): Promise<Gate> => {
  try {
    const query = { limit: UPSTREAM_RUNS };
    const { runs } = await client.get("/api/jobs/:job_id/runs", { params: { job_id: gate.job_id }, query });
    return { gate, runs };
  } catch (error) {
    if (isRefused(error, "NOT_FOUND")) return { gate, runs: null };
    throw error;
  }
};
