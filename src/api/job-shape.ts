import { t } from "elysia";
import { DEPENDENCY_CONDITIONS, type Dependency } from "../domain/dependency.ts";
import { TASK_CONDITIONS } from "../domain/graph.ts";
import type { JobId } from "../domain/ids.ts";
import { type Job, type Param, TASK_TYPES, type Task } from "../domain/job.ts";
import { BACKOFFS, RETRY_CONDITIONS, type Retry } from "../domain/retry.ts";
import type { Run } from "../domain/run.ts";
import type { JobView } from "../engine/engine.ts";
import type { RecentRun } from "../store/recent-runs.ts";
import { NotifyBody, notifyBody } from "./notify-shape.ts";
import { recentBody, recentFields } from "./recent-shape.ts";
import { durationMs, RunStatusWord } from "./run-shape.ts";
import {
  Count,
  durationOrNull,
  exactly,
  instantOrNull,
  integer,
  JobIdText,
  nullable,
  RunIdText,
  TaskIdText,
  word,
} from "./schemas.ts";

const LastRun = exactly(
  {
    id: RunIdText,
    status: RunStatusWord,
    started_at: instantOrNull("When it started"),
    ended_at: instantOrNull("When it ended"),
    duration_ms: durationOrNull,
  },
  { title: "LastRun", description: "The newest run of a job" },
);

const summaryFields = {
  id: JobIdText,
  name: t.String({ description: "Its name; its id where it has none" }),
  description: nullable(t.String(), "What it is for"),
  enabled: t.Boolean({ description: "Whether its schedule counts; a trigger works either way" }),
  scheduled: t.Boolean({ description: "Whether it has a schedule" }),
  schedule: nullable(t.Array(t.String()), "Its schedule's expressions"),
  timezone: nullable(t.String(), "The zone its schedule names; null is the `timezone` setting's, else the system's"),
  next_run_at: instantOrNull("Its next occurrence, null where none comes; also given while petit is paused"),
  last_run: nullable(LastRun, "Its newest run"),
  running: integer({ minimum: 0, description: "Runs that are going on" }),
  task_count: integer({ minimum: 1, description: "How many tasks it has" }),
};

const SUMMARY_EXAMPLE = {
  id: "data_pipeline",
  name: "Data Pipeline",
  description: null,
  enabled: true,
  scheduled: true,
  schedule: ["0 0 2 * * *"],
  timezone: "Europe/Paris",
  next_run_at: 1767225600000,
  last_run: null,
  running: 0,
  task_count: 1,
};

const JobSummary = exactly(
  { ...summaryFields, ...recentFields },
  { title: "JobSummary", description: "A job", examples: [SUMMARY_EXAMPLE] },
);

export const JobList = exactly(
  { jobs: t.Array(JobSummary, { description: "By id" }), count: Count },
  { title: "JobList" },
);

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
    name: t.String({ description: "Its name; its id where it has none" }),
    type: word(TASK_TYPES, "How its process is made"),
    depends_on: t.Array(TaskIdText, { description: "The tasks before it" }),
    condition: word(TASK_CONDITIONS, "What it wants of the tasks before it"),
    timeout_ms: nullable(integer(), "How long an attempt may take, in ms"),
    retry: nullable(RetryBody, "What is done about a failed attempt"),
  },
  { title: "Task", description: "A node of a job's graph" },
);

const ParamBody = exactly(
  {
    description: nullable(t.String(), "What it is for"),
    default: nullable(t.String(), "Its value where a trigger gives none"),
    required: t.Boolean({ description: "Whether a trigger must give it" }),
    enum: nullable(t.Array(t.String()), "The values it may have"),
    pattern: nullable(t.String(), "A regular expression that its value matches"),
  },
  { title: "Param", description: "A value that a trigger may pass" },
);

const DependencyBody = exactly(
  {
    job_id: JobIdText,
    condition: word(DEPENDENCY_CONDITIONS, "What is asked of the other job"),
    window_ms: nullable(integer(), "Only with `within_window`, in ms"),
  },
  { title: "Dependency", description: "A gate on another job" },
);

export const JobDetail = exactly(
  {
    ...summaryFields,
    tasks: t.Array(TaskBody, { description: "In the order of the job file" }),
    params: t.Record(t.String(), ParamBody, { description: "By name" }),
    depends_on: t.Array(DependencyBody, { description: "Its gates on other jobs" }),
    notify: t.Array(NotifyBody, { description: "Who is told what became of it" }),
    max_concurrency: nullable(integer({ minimum: 1 }), "Concurrent runs it may have; null is unlimited"),
    source: exactly(
      {
        file: t.String({ description: "Path of its file, relative to JOBS_DIR" }),
        line: integer({ minimum: 1, description: "Where it begins in it" }),
      },
      { title: "Source", description: "Where its definition stands" },
    ),
  },
  {
    title: "JobDetail",
    description: "A job with its definition",
    examples: [
      {
        ...SUMMARY_EXAMPLE,
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
        notify: [],
        max_concurrency: 1,
        source: { file: "pipeline.yaml", line: 1 },
      },
    ],
  },
);

/** With the newest runs of each job, where they are given. */
export const jobList = (
  views: readonly JobView[],
  recent: ReadonlyMap<JobId, readonly RecentRun[]> | null = null,
): typeof JobList.static => ({
  jobs: views.map((view) =>
    recent === null
      ? jobSummary(view)
      : { ...jobSummary(view), ...recentBody(view.job, recent.get(view.job.id) ?? []) },
  ),
  count: views.length,
});

const jobSummary = ({ job, nextRunAt, lastRun, running }: JobView) => ({
  id: job.id,
  name: job.name,
  description: job.description,
  enabled: job.enabled,
  scheduled: job.schedule !== null,
  schedule: job.schedule === null ? null : [...job.schedule.expressions],
  timezone: job.schedule?.timezone ?? null,
  next_run_at: nextRunAt,
  last_run: lastRun === null ? null : lastRunBody(lastRun),
  running,
  task_count: job.tasks.length,
});

const lastRunBody = (run: Run): typeof LastRun.static => ({
  id: run.id,
  status: run.status,
  started_at: run.startedAt,
  ended_at: run.endedAt,
  duration_ms: durationMs(run.startedAt, run.endedAt),
});

export const jobDetail = (view: JobView): typeof JobDetail.static => ({
  ...jobSummary(view),
  ...definitionOf(view.job),
});

const definitionOf = (job: Job) => ({
  tasks: job.tasks.map(taskBody),
  params: Object.fromEntries(Object.entries(job.params).map(([name, param]) => [name, paramBody(param)])),
  depends_on: job.dependsOn.map(dependencyBody),
  notify: (job.notify ?? []).map(notifyBody),
  max_concurrency: job.maxConcurrency,
  source: { file: job.source.file, line: job.source.line },
});

const taskBody = (task: Task): typeof TaskBody.static => ({
  id: task.id,
  name: task.name,
  type: task.program.type,
  depends_on: [...task.dependsOn],
  condition: task.condition,
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

const dependencyBody = (gate: Dependency): typeof DependencyBody.static => ({
  job_id: gate.jobId,
  condition: gate.condition,
  window_ms: gate.windowMs,
});
