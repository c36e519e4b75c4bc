import type { Client } from "../../client/client.ts";
import type { ResponseBody } from "../../client/routes.ts";
import { findBlockers } from "../../client/why/blockers.ts";
import { readJobFacts } from "../../client/why/job-facts.ts";
import { resolveParams } from "../../domain/params/param.ts";
import { loadPatterns } from "../../domain/params/pattern.ts";
import { isFinal } from "../../domain/run.ts";
import { type Blocker, blockerText } from "../../domain/words/blocker.ts";
import { flag, required, text, values } from "../arguments.ts";
import { withoutSecrets } from "../facts/run.ts";
import { defineTool, type ToolContext } from "../tool.ts";
import { ToolError } from "../tool-error.ts";
import { findRunId } from "./find-run.ts";

type JobFacts = ResponseBody<"get", "/api/jobs/:job_id">;

const dryRun = flag("Only say what would happen");

export const trigger = defineTool({
  name: "trigger",
  description: "Run a job now. Its tasks can do anything.",
  args: { job: required(text()), params: values("By name; get_job lists them"), dry_run: dryRun },
  effect: { isDestructive: true, isIdempotent: false, isOpen: true },
  run: async ({ job: name, params = {}, dry_run: isDry = false }, context) => {
    const { client } = context;
    if (isDry) return { fields: await plannedTrigger(name, params, context) };
    const started = await client.post("/api/jobs/:job_id/trigger", { params: { job_id: name }, body: { params } });
    return { fields: { run: started.run_id, job: started.job_id, message: started.message, next: WATCH } };
  },
});

const WATCH = "get_run shows how it goes";

const plannedTrigger = async (
  name: string,
  params: Readonly<Record<string, string | number | boolean>>,
  { client, clock, iso }: ToolContext,
) => {
  const facts = await readJobFacts(name, { client, health: Promise.resolve(null), past: 1, upcoming: 0 });
  const { job } = facts;
  if (job.gone) throw new ToolError(`job '${job.id}' can't run: no job file defines it any more`);
  const used = await paramsOf(job, params);
  const blockers = findBlockers(facts, clock.now());
  // Only a run of a job with a queue waits for a slot.
  const effectOf = ({ code }: Blocker): Effect =>
    code === "slots_taken" && facts.queue === null ? "refuses" : EFFECTS[code];
  const textsOf = (effect: Effect): readonly string[] =>
    blockers
      .filter((blocker) => effectOf(blocker) === effect)
      .map((blocker) => blockerText(blocker, (at) => iso(at) ?? "").what);
  const refusals = textsOf("refuses");
  const would = refusals.length === 0 ? `trigger job '${job.id}'` : `nothing: ${refusals.join("; ")}`;
  return { dry_run: true, would, params: withoutSecrets(used), held_back_by: textsOf("delays") };
};

type Effect = "refuses" | "delays" | null;

/** What a blocker does to a run that a person triggers. A pause does nothing. */
const EFFECTS: Readonly<Record<Blocker["code"], Effect>> = {
  job_gone: "refuses",
  storage: "refuses",
  stopped: "refuses",
  scheduler_paused: null,
  job_paused: null,
  job_disabled: null,
  file_broken: null,
  trigger_failing: null,
  gate_shut: "refuses",
  hidden_gate_shut: "refuses",
  max_concurrency: "refuses",
  queue_full: "delays",
  slots_taken: "delays",
};

const paramsOf = async (
  job: Pick<JobFacts, "params">,
  given: Readonly<Record<string, string | number | boolean>>,
): Promise<Readonly<Record<string, string>>> => {
  if (Object.values(job.params).some(({ pattern }) => pattern !== null)) await loadPatterns();
  const texts = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
  const resolved = resolveParams(job.params, texts);
  if ("values" in resolved) return resolved.values;
  throw new ToolError(resolved.problems.map(({ problem }) => problem).join("; "));
};

export const retry = defineTool({
  name: "retry",
  description: "Retry a run that has ended: a new run reuses the completed tasks and runs the rest.",
  args: {
    run: required(text()),
    from_start: flag("Run all tasks again"),
    dry_run: dryRun,
  },
  effect: { isDestructive: true, isIdempotent: false, isOpen: true },
  run: async ({ run: given, from_start: isWhole = false, dry_run: isDry = false }, { client }) => {
    const params = { run_id: await findRunId(client, given) };
    if (isDry) return { fields: await plannedRetry(params, isWhole, client) };
    const query = isWhole ? { from: "start" } : {};
    const started = await client.post("/api/runs/:run_id/retry", { params, query, body: {} });
    return { fields: { run: started.run_id, job: started.job_id, message: started.message, next: WATCH } };
  },
});

const plannedRetry = async (params: { readonly run_id: string }, isWhole: boolean, client: Client) => {
  const run = await client.get("/api/runs/:run_id", { params });
  if (!isFinal(run.status)) throw new ToolError(`run ${run.id} has not ended; it can be retried after that`);
  if (!run.can_retry && !(isWhole && run.status === "completed"))
    throw new ToolError(`run ${run.id} can't be retried: there is nothing to run again; from_start runs all tasks`);
  const { tasks } = await client.get("/api/runs/:run_id/tasks", { params });
  const again = tasks.filter(({ status }) => isWhole || status !== "completed").map(({ task_id: id }) => id);
  return {
    dry_run: true,
    would: `retry run ${run.id} of job '${run.job_id}'`,
    runs_tasks: again,
    already_retried_by: run.retried_by,
  };
};

export const cancel = defineTool({
  name: "cancel",
  description: "Cancel a run that has not ended: its running tasks are ended.",
  args: { run: required(text()), dry_run: dryRun },
  // A second call ends the clean-up tasks, too.
  effect: { isDestructive: true, isIdempotent: false, isOpen: true },
  run: async ({ run: given, dry_run: isDry = false }, { client }) => {
    const params = { run_id: await findRunId(client, given) };
    if (!isDry) {
      const cancelled = await client.post("/api/runs/:run_id/cancel", { params });
      return { fields: { run: cancelled.run_id, job: cancelled.job_id, message: cancelled.message } };
    }
    const run = await client.get("/api/runs/:run_id", { params });
    const would = run.can_cancel
      ? `cancel run ${run.id} of job '${run.job_id}'`
      : `nothing: the run has ended (${run.status})`;
    return { fields: { dry_run: true, would } };
  },
});

export const pauseJob = defineTool({
  name: "pause_job",
  description: "Pause a job's schedule until it is resumed: what is due meanwhile is skipped.",
  args: { job: required(text()), dry_run: dryRun },
  effect: { isDestructive: true, isIdempotent: true, isOpen: false },
  run: async ({ job: name, dry_run: isDry = false }, { client, isoIn }) => {
    const params = { job_id: name };
    if (!isDry) return { fields: { ...(await client.post("/api/jobs/:job_id/pause", { params })) } };
    const job = await client.get("/api/jobs/:job_id", { params });
    const would = job.paused ? `nothing: job '${job.id}' is already paused` : `pause job '${job.id}'`;
    return { fields: { dry_run: true, would, next_run: job.paused ? null : isoIn(job.timezone, job.next_start_at) } };
  },
});

export const resumeJob = defineTool({
  name: "resume_job",
  description: "Resume a job's schedule. What was due meanwhile stays skipped.",
  args: { job: required(text()), dry_run: dryRun },
  effect: { isDestructive: false, isIdempotent: true, isOpen: false },
  run: async ({ job: name, dry_run: isDry = false }, { client, isoIn }) => {
    const params = { job_id: name };
    if (!isDry) return { fields: { ...(await client.post("/api/jobs/:job_id/resume", { params })) } };
    const job = await client.get("/api/jobs/:job_id", { params });
    const would = job.paused ? `resume job '${job.id}'` : `nothing: job '${job.id}' is not paused`;
    return { fields: { dry_run: true, would, next_run: isoIn(job.timezone, job.next_start_at) } };
  },
});
