import { t } from "elysia";
import { DEPENDENCY_CONDITIONS, type Dependency } from "../../domain/dependency.ts";
import { TASK_CONDITIONS } from "../../domain/graph.ts";
import {
  INTERRUPT_POLICIES,
  type Job,
  OVERLAP_POLICIES,
  type Param,
  type Source,
  TASK_TYPES,
  type Task,
} from "../../domain/job.ts";
import { BACKOFFS, RETRY_CONDITIONS, type Retry } from "../../domain/retry.ts";
import { CATCHUP_POLICIES } from "../../domain/schedule/schedule.ts";
import { NotifyBody, notifyBody } from "./notify.ts";
import { exactly, integer, JobIdText, nullable, TaskIdText, word } from "./schemas.ts";

/** What a graph is drawn of: a task's place in it. */
export const nodeFields = {
  name: t.String({ description: "Its name; its id where it has none" }),
  type: word(TASK_TYPES, "How its process is made"),
  depends_on: t.Array(TaskIdText, { description: "The tasks before it" }),
  condition: word(TASK_CONDITIONS, "What it wants of the tasks before it"),
};

export const nodeBody = (task: Task) => ({
  name: task.name,
  type: task.program.type,
  depends_on: [...task.dependsOn],
  condition: task.condition,
});

const RetryBody = exactly(
  {
    max_attempts: integer({ minimum: 0, description: "Retries after the first attempt" }),
    delay_ms: integer({ minimum: 0, description: "Wait before the first retry, in ms" }),
    backoff: word(BACKOFFS, "How the wait grows"),
    max_delay_ms: integer({ minimum: 0, description: "Upper bound of the wait, in ms" }),
    condition: word(RETRY_CONDITIONS, "Which failures are retried"),
  },
  { title: "Retry" },
);

const TaskBody = exactly(
  {
    id: TaskIdText,
    ...nodeFields,
    timeout_ms: nullable(integer(), "How long an attempt may take, in ms"),
    retry: nullable(RetryBody, "What is done about a failed attempt"),
  },
  { title: "Task", description: "A node of a job's graph" },
);

const ParamBody = exactly(
  {
    description: nullable(t.String(), "What it is for"),
    default: nullable(t.String(), "Its value where a trigger gives none"),
    required: t.Boolean({ description: "Whether a trigger must give it, where there is no default" }),
    enum: nullable(t.Array(t.String()), "The values it may have"),
    pattern: nullable(t.String(), "A regular expression that its value matches"),
  },
  { title: "Param", description: "A value that a trigger may pass" },
);

const gateFields = {
  job_id: JobIdText,
  condition: word(DEPENDENCY_CONDITIONS, "What is asked of the other job"),
  window_ms: nullable(integer(), "Only with `within_window`, in ms"),
};

const DependencyBody = exactly(gateFields, { title: "Dependency", description: "A gate on another job" });

const DependentBody = exactly(
  { ...gateFields, condition: word(DEPENDENCY_CONDITIONS, "What it asks of this job") },
  { title: "Dependent", description: "A job with a gate on this one" },
);

export const definitionFields = {
  tasks: t.Array(TaskBody, { description: "In the order of the job file" }),
  params: t.Record(t.String(), ParamBody, { description: "By name" }),
  depends_on: t.Array(DependencyBody, { description: "Its gates on other jobs" }),
  dependents: t.Array(DependentBody, { description: "The jobs that have a gate on this one, by id" }),
  notify: t.Array(NotifyBody, { description: "Who is told what became of it" }),
  max_concurrency: nullable(integer({ minimum: 1 }), "Concurrent runs it may have; null is unlimited"),
  on_overlap: word(OVERLAP_POLICIES, "What a scheduled occurrence does at that limit"),
  on_interrupt: nullable(
    word(INTERRUPT_POLICIES),
    "What becomes of a run that loses an attempt; null is the setting's",
  ),
  timeout_ms: nullable(integer({ minimum: 1 }), "How long a run may take, in ms; null is unlimited"),
  kill_grace_ms: nullable(integer({ minimum: 0 }), "Between SIGTERM and SIGKILL, in ms; null is the setting's"),
  catchup: nullable(word(CATCHUP_POLICIES), "What is done about occurrences missed; null without a schedule"),
  catchup_window_ms: nullable(integer({ minimum: 0 }), "How far back that reaches, in ms; null without a schedule"),
  jitter_ms: nullable(
    integer({ minimum: 0 }),
    "By how much an occurrence may start later, in ms; null without a schedule",
  ),
  retention: exactly(
    {
      runs: nullable(integer({ minimum: 0 }), "How many; null is the setting's"),
      days: nullable(t.Number({ minimum: 0 }), "For how long; null is the setting's"),
    },
    { title: "Retention", description: "How many finished runs are kept" },
  ),
  source: exactly(
    {
      file: t.String({ description: "Path of its file, relative to JOBS_DIR" }),
      line: integer({ minimum: 1, description: "Where it begins in it" }),
    },
    { title: "Source", description: "Where its definition stands" },
  ),
};

export const DEFINITION_EXAMPLE = {
  tasks: [
    {
      id: "extract",
      name: "Extract",
      type: "command",
      depends_on: [],
      condition: "all_success",
      timeout_ms: 300000,
      retry: null,
    },
  ],
  params: { day: { description: null, default: "2026-01-01", required: false, enum: null, pattern: null } },
  depends_on: [{ job_id: "upstream_job", condition: "last_success", window_ms: null }],
  dependents: [{ job_id: "weekly_report", condition: "within_window", window_ms: 3600000 }],
  notify: [],
  max_concurrency: 1,
  on_overlap: "skip",
  on_interrupt: null,
  timeout_ms: 7200000,
  kill_grace_ms: null,
  catchup: "latest",
  catchup_window_ms: 3600000,
  jitter_ms: 0,
  retention: { runs: 1000, days: 30 },
  source: { file: "pipeline.yaml", line: 1 },
};

/** `others`: where the gates on this job are looked for. */
export const definitionBody = (job: Job, others: readonly Job[]) => ({
  tasks: job.tasks.map(taskBody),
  params: Object.fromEntries(Object.entries(job.params).map(([name, param]) => [name, paramBody(param)])),
  depends_on: job.dependsOn.map((gate) => gateBody(gate, gate.jobId)),
  dependents: dependents(job, others),
  notify: (job.notify ?? []).map(notifyBody),
  max_concurrency: job.maxConcurrency,
  on_overlap: job.onOverlap,
  on_interrupt: job.onInterrupt,
  timeout_ms: job.timeoutMs,
  kill_grace_ms: job.killGraceMs,
  catchup: job.schedule?.catchup ?? null,
  catchup_window_ms: job.schedule?.catchupWindowMs ?? null,
  jitter_ms: job.schedule?.jitterMs ?? null,
  retention: { runs: job.retention.runs, days: job.retention.days },
  source: { file: job.source.file, line: job.source.line },
});

const dependents = (job: Job, others: readonly Job[]) =>
  others.flatMap((other) =>
    other.dependsOn.filter(({ jobId }) => jobId === job.id).map((gate) => gateBody(gate, other.id)),
  );

const taskBody = (task: Task): typeof TaskBody.static => ({
  id: task.id,
  ...nodeBody(task),
  timeout_ms: task.timeoutMs,
  retry: task.retry === null ? null : retryBody(task.retry),
});

const retryBody = (retry: Retry): typeof RetryBody.static => ({
  max_attempts: retry.maxAttempts,
  delay_ms: retry.delayMs,
  backoff: retry.backoff,
  max_delay_ms: retry.maxDelayMs,
  condition: retry.condition,
});

const paramBody = (param: Param): typeof ParamBody.static => ({
  description: param.description,
  default: param.default,
  required: param.required,
  enum: param.enum === null ? null : [...param.enum],
  pattern: param.pattern,
});

/** A gate, with the job at its other end. */
const gateBody = ({ condition, windowMs }: Dependency, jobId: string): typeof DependencyBody.static => ({
  job_id: jobId,
  condition,
  window_ms: windowMs,
});

export const DefinitionText = exactly(
  {
    file: t.String({ description: "Path of the job's file, relative to JOBS_DIR" }),
    line: integer({ minimum: 1, description: "Line of the file at which the text begins" }),
    text: t.String({ description: "The job's YAML document as it was last read, with secrets hidden" }),
  },
  {
    title: "DefinitionText",
    description: "What a job file says of a job",
    examples: [
      { file: "hello.yaml", line: 1, text: "id: hello_world\ntasks:\n  - {id: hello, type: command, command: date}\n" },
    ],
  },
);

/** Null where the text isn't known. */
export const definitionText = ({ file, document }: Source): typeof DefinitionText.static | null =>
  document === undefined ? null : { file, line: document.line, text: document.text };
