import { type TSchema, t } from "elysia";
import { DEPENDENCY_CONDITIONS, type Dependency } from "../../../domain/dependency.ts";
import { INTERRUPT_POLICIES, type Job, OVERLAP_POLICIES, type Param, type Source } from "../../../domain/job.ts";
import { PRIORITY } from "../../../domain/limits/queue.ts";
import { CATCHUP_POLICIES } from "../../../domain/schedule/schedule.ts";
import { isSecretName, maskSecrets, maskText } from "../../../jobfile/possible-secrets.ts";
import { NotifyBody, notifyBody } from "../notify.ts";
import { exactly, integer, JobIdText, nullable, TaskIdText, word } from "../schemas.ts";
import { EnvironmentBody, TaskBody, taskBody } from "./task.ts";
import { TriggerBody, triggerBody } from "./trigger.ts";

/** `all` is no limit. */
const orAll = <Schema extends TSchema>(limit: Schema) => t.Union([limit, t.Literal("all")]);

const ParamBody = exactly(
  {
    description: nullable(t.String(), "Description for people"),
    default: nullable(t.String(), "Value if the trigger passes none; `…` if it may be a secret"),
    required: t.Boolean({ description: "True if a trigger must pass a value, unless there is a default" }),
    enum: nullable(t.Array(t.String()), "The allowed values, those that may be secrets as `…`; null allows any"),
    pattern: nullable(t.String(), "Regular expression (RE2) that a value must match"),
    secret: t.Boolean({
      description: "True if its name or its values suggest that it is a secret, so that the values above are hidden",
    }),
  },
  { title: "Param", description: "A param that a trigger may pass" },
);

const gateFields = {
  job_id: JobIdText,
  condition: word(DEPENDENCY_CONDITIONS, "What the gate requires of the other job"),
  window_ms: nullable(integer(), "Length of the window in ms; null unless the condition is `within_window`"),
};

const DependencyBody = exactly(gateFields, { title: "Dependency", description: "A gate on another job" });

const DependentBody = exactly(
  { ...gateFields, condition: word(DEPENDENCY_CONDITIONS, "What the gate requires of this job") },
  { title: "Dependent", description: "A job with a gate on this one" },
);

const CallerBody = exactly(
  { job_id: JobIdText, task_id: TaskIdText },
  { title: "Caller", description: "A task of another job that runs this one" },
);

export const LinksBody = t.Record(t.String(), t.String(), { description: "Web addresses by name, such as a runbook" });

export const definitionFields = {
  links: LinksBody,
  tasks: t.Array(TaskBody, { description: "Tasks in the order of the job file" }),
  params: t.Record(t.String(), ParamBody, { description: "Params by name" }),
  outputs: t.Record(t.String(), t.String(), {
    description: "What a completed run passes to the run that started it, with templates",
  }),
  depends_on: t.Array(DependencyBody, { description: "Gates on other jobs" }),
  dependents: t.Array(DependentBody, { description: "Jobs with a gate on this job, by id" }),
  callers: t.Array(CallerBody, { description: "Tasks of other jobs that run this job, by job" }),
  config: t.Record(t.String(), t.Unknown(), { description: "Values for its tasks, with possible secrets hidden" }),
  environment: EnvironmentBody,
  inherit_environment: t.Boolean({ description: "True if its tasks inherit petit's environment variables" }),
  notify: t.Array(NotifyBody, { description: "Where notifications about the job are sent" }),
  triggers: t.Array(TriggerBody, { description: "What starts it beside its schedule and people" }),
  max_concurrency: nullable(integer({ minimum: 1 }), "Maximum of concurrent runs; null is unlimited"),
  on_overlap: word(OVERLAP_POLICIES, "What a scheduled occurrence does at this limit"),
  queue: nullable(t.String(), "The queue whose limit its runs share with those of other jobs; null if there is none"),
  priority: integer({
    minimum: PRIORITY.min,
    description: `Its waiting runs start before those with a lower priority; at most ${PRIORITY.max}`,
  }),
  on_interrupt: nullable(
    word(INTERRUPT_POLICIES),
    "What happens to a run that loses an attempt; null uses the setting",
  ),
  timeout_ms: nullable(integer({ minimum: 1 }), "Timeout of a run in ms; null is unlimited"),
  warn_after_ms: nullable(
    integer({ minimum: 1 }),
    "How long after it was due an unfinished run counts as late, in ms; null if there is no such time",
  ),
  expect: nullable(
    exactly({ success_within_ms: integer({ minimum: 1, description: "A run completes at least this often, in ms" }) }),
    "What is expected of it; null if there is nothing",
  ),
  kill_grace_ms: nullable(integer({ minimum: 0 }), "Time between SIGTERM and SIGKILL in ms; null uses the setting"),
  catchup: nullable(word(CATCHUP_POLICIES), "What happens to missed occurrences; null without a schedule"),
  catchup_window_ms: nullable(integer({ minimum: 0 }), "How far back catch-up reaches, in ms; null without a schedule"),
  except: t.Array(t.String(), {
    description: "Dates in the time zone of the schedule on which it starts no run, such as `2026-12-25`",
  }),
  retention: exactly(
    {
      runs: nullable(orAll(integer({ minimum: 1 })), "Maximum of runs; null uses the setting"),
      days: nullable(orAll(integer({ minimum: 1 })), "Maximum age in days; null uses the setting"),
    },
    { title: "Retention", description: "How many finished runs are kept, and for how long" },
  ),
  source: exactly(
    {
      file: t.String({ description: "Path of the job file, relative to JOBS_DIR" }),
      line: integer({ minimum: 1, description: "Line of the file at which the job begins, from 1" }),
    },
    { title: "Source", description: "Where the job is defined" },
  ),
};

export const DEFINITION_EXAMPLE = {
  links: { runbook: "https://example.com/runbook" },
  tasks: [
    {
      id: "extract",
      name: "Extract",
      type: "shell",
      depends_on: [],
      condition: "all_success",
      if: null,
      allow_failure: false,
      repeat: null,
      runs_job: null,
      runs_on: null,
      script: './extract.sh "$PETIT_PARAM_DAY"',
      shell: ["/bin/sh", "-e"],
      args: [],
      working_dir: "/srv/etl",
      stdin: null,
      environment: { STAGE: "extract" },
      container: null,
      allowed_exit_codes: null,
      skip_exit_codes: [99],
      artifacts: ["out/*.csv"],
      limits: { memory_bytes: 536870912, cpus: 1.5, pids: null, nice: null, io: null, enforce: "required" as const },
      run_as: null,
      leftovers: "keep" as const,
      timeout_ms: 300000,
      retry: null,
    },
  ],
  params: {
    day: { description: null, default: "2026-01-01", required: false, enum: null, pattern: null, secret: false },
  },
  outputs: { rows: "${{ tasks.extract.outputs.rows }}" },
  depends_on: [{ job_id: "upstream_job", condition: "last_success", window_ms: null }],
  dependents: [{ job_id: "weekly_report", condition: "within_window", window_ms: 3600000 }],
  callers: [{ job_id: "nightly", task_id: "load" }],
  config: { batch_size: 1000 },
  environment: { TZ: "UTC" },
  inherit_environment: true,
  notify: [],
  triggers: [],
  max_concurrency: 1,
  on_overlap: "skip",
  queue: "database",
  priority: 0,
  on_interrupt: null,
  timeout_ms: 7200000,
  warn_after_ms: 1800000,
  expect: { success_within_ms: 93600000 },
  kill_grace_ms: null,
  catchup: "latest",
  catchup_window_ms: 3600000,
  except: ["2026-12-25"],
  retention: { runs: 1000, days: 30 },
  source: { file: "pipeline.yaml", line: 1 },
};

/** Encodes a definition. `others` are all jobs, to find those with a gate on this one, and those that run it. */
export const definitionBody = (job: Job, others: readonly Job[]) => ({
  links: maskSecrets({ ...job.links }, ".links"),
  tasks: job.tasks.map(taskBody),
  params: Object.fromEntries(Object.entries(job.params).map(([name, param]) => [name, paramBody(name, param)])),
  outputs: maskSecrets({ ...job.outputs }, ".outputs"),
  depends_on: job.dependsOn.map((gate) => gateBody(gate, gate.jobId)),
  dependents: dependents(job, others),
  callers: callers(job, others),
  config: maskSecrets({ ...job.config }, ".config"),
  environment: maskSecrets({ ...job.environment }, ".environment"),
  inherit_environment: job.inheritEnvironment,
  notify: (job.notify ?? []).map(notifyBody),
  triggers: (job.triggers ?? []).map((trigger) => triggerBody(job.id, trigger)),
  max_concurrency: job.maxConcurrency,
  queue: job.queue ?? null,
  priority: job.priority ?? PRIORITY.default,
  on_overlap: job.onOverlap,
  on_interrupt: job.onInterrupt,
  timeout_ms: job.timeoutMs,
  warn_after_ms: job.warnAfterMs ?? null,
  expect: job.expect === undefined ? null : { success_within_ms: job.expect.successWithinMs },
  kill_grace_ms: job.killGraceMs,
  catchup: job.schedule?.catchup ?? null,
  catchup_window_ms: job.schedule?.catchupWindowMs ?? null,
  except: [...(job.schedule?.except?.dates ?? [])],
  retention: { runs: job.retention.runs, days: job.retention.days },
  source: { file: job.source.file, line: job.source.line },
});

const dependents = (job: Job, others: readonly Job[]) =>
  others.flatMap((other) =>
    other.dependsOn.filter(({ jobId }) => jobId === job.id).map((gate) => gateBody(gate, other.id)),
  );

const callers = (job: Job, others: readonly Job[]): (typeof CallerBody.static)[] =>
  others.flatMap((other) =>
    other.tasks
      .filter(({ program }) => program.type === "job" && program.jobId === job.id)
      .map(({ id }) => ({ job_id: other.id, task_id: id })),
  );

const paramBody = (name: string, param: Param): typeof ParamBody.static => {
  const shown = maskSecrets(
    {
      description: param.description,
      default: param.default,
      required: param.required,
      enum: param.enum === null ? null : [...param.enum],
      pattern: param.pattern,
    },
    `.params.${name}`,
  );
  const isHidden = [param.default, ...(param.enum ?? [])].some((value) => value !== null && maskText(value) !== value);
  return { ...shown, secret: isSecretName(name) || isHidden };
};

/** Encodes a gate; `jobId` is the job at its other end. */
const gateBody = ({ condition, windowMs }: Dependency, jobId: string): typeof DependencyBody.static => ({
  job_id: jobId,
  condition,
  window_ms: windowMs,
});

export const DefinitionText = exactly(
  {
    file: t.String({ description: "Path of the job file, relative to JOBS_DIR" }),
    line: integer({ minimum: 1, description: "Line of the file at which the text begins, from 1" }),
    text: t.String({ description: "The YAML document of the job as it was last read, with secrets hidden" }),
  },
  {
    title: "DefinitionText",
    description: "The YAML text of a job",
    examples: [
      { file: "hello.yaml", line: 1, text: "id: hello_world\ntasks:\n  - {id: hello, type: command, command: date}\n" },
    ],
  },
);

/** Encodes the text of a job, or returns null if petit has none. */
export const definitionText = ({ file, document }: Source): typeof DefinitionText.static | null =>
  document === undefined ? null : { file, line: document.line, text: document.text };
