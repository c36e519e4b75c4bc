import { type DecidedApproval, decisionsOf } from "../../domain/words/people/decision.ts";
import type { Client } from "../client.ts";
import { isRefused } from "../error.ts";
import type { ResponseBody } from "../routes.ts";
import { knownGates } from "./blockers.ts";
import { type BlockerFacts, type GateFacts, pauseFacts, type RunFacts, UPSTREAM_RUNS } from "./facts.ts";

/** Everything that explains why a job runs or does not run. */
export type JobFacts = BlockerFacts & {
  readonly lastRun: RunFacts | null;
  /** The tasks of that run that wait for a worker. */
  readonly workerWaits: readonly WorkerWaitFacts[];
  /** What people decided about the approvals of that run. */
  readonly decisions: readonly DecidedApproval[];
  /** The next occurrences in ascending order, ms since the Unix epoch. */
  readonly upcoming: readonly number[];
  /** What needs attention about the job. */
  readonly attention: readonly AttentionFacts[];
  /** Newest first; empty for a job without triggers. */
  readonly deliveries: readonly DeliveryFacts[];
};

type AttentionFacts = ResponseBody<"get", "/api/attention">["items"][number];

type DeliveryFacts = ResponseBody<"get", "/api/jobs/:job_id/deliveries">["deliveries"][number];

type TaskBody = ResponseBody<"get", "/api/runs/:run_id/tasks">["tasks"][number];

/** A task that waits for a worker. */
type WorkerWaitFacts = { readonly taskId: string; readonly waitsFor: NonNullable<TaskBody["waits_for"]> };

type FactOptions = {
  readonly client: Client;
  /** The health of petit; null if it is unknown. */
  readonly health: Promise<BlockerFacts["health"]>;
  /** How many past occurrences to read. */
  readonly past: number;
  /** How many upcoming occurrences to read. */
  readonly upcoming: number;
};

/** Reads the facts from the running petit. Throws a `ClientError` if petit does not answer or has no such job. */
export const readJobFacts = async (jobId: string, options: FactOptions): Promise<JobFacts> => {
  const { client } = options;
  const params = { job_id: jobId };
  const job = await client.get("/api/jobs/:job_id", { params });
  const [occurrences, runs, waiting, queues, scheduler, attention, health, ...gates] = await Promise.all([
    client.get("/api/jobs/:job_id/occurrences", { params, query: { limit: options.past, coming: options.upcoming } }),
    client.get("/api/jobs/:job_id/runs", { params, query: { limit: 1, failure: true } }),
    client.get("/api/jobs/:job_id/runs", { params, query: { status: "pending", limit: 1000 } }),
    client.get("/api/queues"),
    client.get("/api/scheduler/state"),
    listAttention(client, job.id),
    options.health,
    ...job.depends_on.map((gate) => readGate(client, gate)),
  ]);
  const lastRun = runs.runs[0] ?? null;
  const deliveries = await listDeliveries(client, job, options.past);
  const tasks = lastRun === null || lastRun.status === "pending" ? [] : await listTasks(client, lastRun.id);
  return {
    job,
    lastRun,
    workerWaits: workerWaitsOf(tasks),
    decisions: decisionsOf(tasks),
    waiting: { count: waiting.count, waitsFor: waiting.runs.map((run) => run.waits_for) },
    queue: queues.queues.find(({ name }) => name === job.queue) ?? null,
    occurrences: occurrences.occurrences.filter(({ outcome }) => outcome !== "due"),
    upcoming: occurrences.occurrences.flatMap((each) => (each.outcome === "due" ? [each.scheduled_for] : [])).reverse(),
    gates: knownGates({ job, gates }),
    state: scheduler.state,
    pause: pauseFacts(scheduler),
    attention,
    health,
    deliveries,
  };
};

/** An older petit has no triggers. */
const listDeliveries = async (
  client: Client,
  { id, triggers = [] }: Partial<Pick<JobFacts["job"], "triggers">> & { readonly id: string },
  limit: number,
): Promise<readonly DeliveryFacts[]> =>
  triggers.length === 0
    ? []
    : (await client.get("/api/jobs/:job_id/deliveries", { params: { job_id: id }, query: { limit } })).deliveries;

/** Returns the tasks that wait for a worker. */
export const workerWaitsOf = (tasks: readonly TaskBody[]): readonly WorkerWaitFacts[] =>
  tasks.flatMap(({ task_id: taskId, waits_for: waitsFor }) => (waitsFor === null ? [] : [{ taskId, waitsFor }]));

/** Returns none if the run was deleted meanwhile. */
const listTasks = async (client: Client, runId: string): Promise<readonly TaskBody[]> => {
  try {
    return (await client.get("/api/runs/:run_id/tasks", { params: { run_id: runId } })).tasks;
  } catch (error) {
    if (isRefused(error, "NOT_FOUND")) return [];
    throw error;
  }
};

/** An older petit can't list what needs attention about one job. */
const listAttention = async (client: Client, jobId: string): Promise<readonly AttentionFacts[]> => {
  try {
    return (await client.get("/api/attention", { query: { job: jobId } })).items;
  } catch (error) {
    if (isRefused(error, "NOT_FOUND") || isRefused(error, "INVALID_REQUEST")) return [];
    throw error;
  }
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
