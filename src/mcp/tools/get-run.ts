import type { ResponseBody } from "../../client/routes.ts";
import { workerWaitsOf } from "../../client/why/job-facts.ts";
import { lastRunText } from "../../client/why/sentences.ts";
import { durationText } from "../../domain/words/duration.ts";
import { cpuText, memoryText } from "../../domain/words/limits/usage.ts";
import { decisionsOf } from "../../domain/words/people/decision.ts";
import { REASON_TEXT } from "../../domain/words/run.ts";
import { position, required, text } from "../arguments.ts";
import { failureLines, withoutSecrets } from "../facts/run.ts";
import { defineTool, type ToolContext } from "../tool.ts";
import { findRunId } from "./find-run.ts";

type RunFacts = ResponseBody<"get", "/api/runs/:run_id">;
type TaskFacts = ResponseBody<"get", "/api/runs/:run_id/tasks">["tasks"][number];

/** Attempts of a task that are listed, the last ones. */
const MAX_ATTEMPTS = 5;

export const getRun = defineTool({
  name: "get_run",
  description: "Show a run: its tasks, their attempts, params, and why it failed. A line's number goes to read_log.",
  args: { run: required(text("Its id, or 8 characters of its end")), cursor: position() },
  effect: "reads",
  run: async ({ run: given, cursor = 0 }, context) => {
    const { client } = context;
    const params = { run_id: await findRunId(client, given) };
    const run = await client.get("/api/runs/:run_id", { params });
    const { tasks } = await client.get("/api/runs/:run_id/tasks", { params });
    const entries = tasks.map((task, index) => ({ data: taskEntry(task, context), cursor: String(index + 1) }));
    return {
      fields: runFields(run, tasks, context),
      list: { name: "tasks", entries: entries.slice(cursor), cursor: null },
    };
  },
});

const runFields = (run: RunFacts, tasks: readonly TaskFacts[], { clock, iso }: ToolContext) => ({
  run: run.id,
  job: run.job_id,
  status: run.status,
  why: lastRunText(
    {
      // The error can contain output.
      lastRun: { ...run, error: null },
      job: { id: run.job_id },
      workerWaits: workerWaitsOf(tasks),
      decisions: decisionsOf(tasks),
    },
    { now: clock.now(), atText: (at) => iso(at) ?? "" },
  ),
  trigger: run.trigger,
  scheduled_for: iso(run.scheduled_for),
  created: iso(run.created_at),
  started: iso(run.started_at),
  ended: iso(run.ended_at),
  by: run.triggered_by,
  cancelled_by: run.cancelled_by,
  retry_of: run.retry_of,
  retried_by: run.retried_by,
  recovered_by: run.recovered_by?.run_id,
  parent_run: run.parent?.run_id,
  commit: run.commit,
  job_version: run.version.version,
  can_retry: run.can_retry,
  links: run.links,
  failed_task: run.failure?.task_id,
  untrusted: {
    params: withoutSecrets(run.params),
    outputs: run.outputs,
    run_error: run.error,
    ...failureLines(run.failure),
  },
});

const taskEntry = (task: TaskFacts, { iso }: ToolContext) => ({
  task: task.task_id,
  type: task.type,
  depends_on: task.depends_on,
  status: task.status,
  reason: task.reason === null ? null : REASON_TEXT[task.reason],
  allowed_to_fail: task.allow_failure === false ? null : true,
  reused: task.reused || null,
  started: iso(task.started_at),
  retry_at: iso(task.retry_at),
  child_run: task.child_run_id,
  items: task.items,
  attempt_count: task.attempts,
  attempts: task.attempt_list.slice(-MAX_ATTEMPTS).map((attempt) => ({
    attempt: attempt.attempt,
    status: attempt.status,
    reason: attempt.reason,
    exit_code: attempt.exit_code,
    signal: attempt.signal,
    started: iso(attempt.started_at),
    duration: attempt.duration_ms === null ? null : durationText(attempt.duration_ms),
    worker: attempt.worker,
    cpu: cpuText(attempt.usage),
    memory: memoryText(attempt.usage, attempt.memory_limit_bytes),
    limits_enforced: attempt.limits_enforced === false ? false : null,
    untrusted: attempt.cause === null ? null : { line: { number: attempt.cause.seq, text: attempt.cause.text } },
  })),
  untrusted: {
    prompt: task.approval?.prompt,
    error: task.error,
    outputs: task.outputs,
    failed_items: task.failures.map(({ text: line, count }) => ({ count, line })),
  },
});
