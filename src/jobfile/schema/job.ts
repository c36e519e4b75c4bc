import { INTERRUPT_POLICIES, OVERLAP_POLICIES } from "../../domain/job.ts";
import { PRIORITY } from "../../domain/limits/queue.ts";
import { environment } from "./environment.ts";
import type { Draft, ObjectType, Value } from "./field.ts";
import { gate } from "./gate.ts";
import { limitFields } from "./limits.ts";
import { notify } from "./notify.ts";
import { params } from "./param.ts";
import { schedule } from "./schedule.ts";
import { TASK } from "./task.ts";
import {
  datum,
  formerIds,
  jobId,
  labels,
  linkName,
  linkUrl,
  outputName,
  prose,
  queueName,
  tag,
  title,
} from "./text.ts";
import { triggers } from "./trigger.ts";

const RETENTION = {
  kind: "object",
  fields: {
    runs: {
      type: { kind: "integer", min: 1, max: 1_000_000_000, word: "all" },
      doc: "How many finished runs to keep, or `all`.",
      absent: "the setting",
      example: 1000,
    },
    days: {
      type: { kind: "integer", min: 1, max: 36_500, word: "all" },
      doc: "How many days to keep a finished run, or `all`.",
      absent: "the setting",
      example: 30,
    },
  },
} as const satisfies ObjectType;

const EXPECT = {
  kind: "object",
  fields: {
    success_within: {
      type: { kind: "duration", minMs: 1 },
      required: true,
      doc: "If no run completes within this time, counted from the last completed run or from when petit first read this, the job is stale.",
      example: "26h",
    },
  },
} as const satisfies ObjectType;

/** All fields of a job. An empty value (`schedule:` with nothing after it) is the same as a missing field. */
export const JOB = {
  kind: "object",
  fields: {
    id: { type: jobId, required: true, doc: "Its id, unique in JOBS_DIR.", example: "data_pipeline" },
    name: { type: title, doc: "The display name.", absent: "the id", example: "Data Pipeline" },
    description: { type: prose, doc: "What it does, for people." },
    tags: {
      type: { kind: "list", of: tag, minItems: 0, unique: true },
      doc: "Words to find it by: lists of jobs and of runs can be limited to a tag.",
      default: [],
      example: ["nightly", "finance"],
    },
    links: {
      type: { kind: "map", keys: linkName, of: linkUrl },
      doc: "Addresses (http or https) for whoever has to act, such as a runbook: shown with it and with its failed runs, and sent with notifications.",
      default: {},
      example: { runbook: "https://example.com/runbook" },
    },
    formerly: {
      type: formerIds,
      doc: "The id that it had before, or a list of them: its runs and occurrences carry on under the new id, and the old one leads to it.",
      absent: "it has only the history of its own id",
      example: "data_import",
    },
    enabled: {
      type: { kind: "boolean" },
      doc: "False: it is never scheduled; a manual trigger still works.",
      default: true,
    },
    schedule: {
      type: schedule,
      doc: "When it runs: a cron expression, a list of them, or a map with more.",
      absent: "it runs only when triggered",
      example: "0 2 * * *",
    },
    triggers: {
      type: triggers,
      doc: "What starts it beside its schedule and people, such as a webhook.",
      default: [],
      example: [{ type: "webhook", verify: "github", secret: { file: "hook.secret" }, events: ["push"] }],
    },
    max_concurrency: {
      type: { kind: "integer", min: 1, max: 1_000_000 },
      doc: "How many runs of it may go on at once.",
      absent: "unlimited",
      example: 1,
    },
    on_overlap: {
      type: { kind: "choice", values: OVERLAP_POLICIES },
      doc: "What a scheduled occurrence does when the limit is reached: `skip` it, `queue` it, or `replace` the oldest run.",
      default: "skip",
    },
    queue: {
      type: queueName,
      doc: "The queue that limits how many runs of all its jobs go on at once; `queues` in the configuration file or `--queue NAME=N` defines it. A run that finds no place waits, also one that was triggered by hand.",
      absent: "no limit shared with other jobs",
      example: "database",
    },
    priority: {
      type: { kind: "integer", min: PRIORITY.min, max: PRIORITY.max },
      doc: "Which waiting run, or task that waits for a worker, starts first: the one with the highest priority, then the oldest.",
      default: PRIORITY.default,
      example: 10,
    },
    timeout: {
      type: { kind: "duration", minMs: 1 },
      doc: "How long the whole run may take.",
      absent: "no limit",
      example: "2h",
    },
    warn_after: {
      type: { kind: "duration", minMs: 1 },
      doc: "How long after it was due (for a manual run, created) an unfinished run counts as late.",
      absent: "a run is late only if it waits for a slot for long",
      example: "30m",
    },
    expect: {
      type: EXPECT,
      doc: "What is expected of it, whether it has a schedule or not, and also while it is paused or disabled.",
      absent: "nothing",
      example: { success_within: "26h" },
    },
    kill_grace: {
      type: { kind: "duration", minMs: 0 },
      doc: "The time between SIGTERM and SIGKILL when a task has to end.",
      absent: "the setting, 10s",
      example: "10s",
    },
    on_interrupt: {
      type: { kind: "choice", values: INTERRUPT_POLICIES },
      doc: "What happens to a run whose process was lost, for example in a reboot: the run ends as interrupted (`fail`), or the task runs again (`rerun`).",
      absent: "the setting, fail",
    },
    depends_on: {
      type: { kind: "list", of: gate, minItems: 0 },
      doc: "Other jobs whose last run decides whether this one may start.",
      default: [],
      example: ["upstream_job"],
    },
    config: {
      type: {
        kind: "map",
        keys: { kind: "text", form: "a key", maxLength: 128, characters: "name" },
        of: { kind: "json" },
        emptyValue: null,
      },
      doc: "Values for its tasks, as `${{ config.KEY }}` and `$PETIT_CONFIG_KEY`.",
      default: {},
      example: { batch_size: 1000 },
    },
    params: {
      type: params,
      doc: "What a trigger may pass, as `${{ params.NAME }}` and `$PETIT_PARAM_NAME`; others are refused.",
      default: {},
      example: { day: { default: "2026-01-01" } },
    },
    outputs: {
      type: { kind: "map", keys: outputName, of: datum },
      doc: "What a completed run passes to the `job` task that started it, as its outputs; templates are expanded in the values.",
      default: {},
      example: { rows: "${{ tasks.load.outputs.rows }}" },
    },
    runs_on: {
      type: labels,
      doc: "The labels that a worker must have to run its tasks: a label or a list of them. It needs `petit run --nats`. Tasks without a process, approvals and `job` tasks, ignore it.",
      absent: "its tasks run on the machine of the scheduler",
      example: ["gpu", "zone=eu"],
    },
    ...limitFields("job"),
    environment: environment("for every task; templates are expanded in the values"),
    inherit_environment: {
      type: { kind: "boolean" },
      doc: "Whether tasks inherit petit's environment variables.",
      default: true,
    },
    retention: {
      type: RETENTION,
      doc: "How long finished runs are kept. A run is deleted when it is beyond one of the limits.",
      absent: "the settings",
    },
    notify: {
      type: notify,
      doc: "Who is told what became of it, beside the run and without holding it up. An empty list tells nobody.",
      absent: "the list of the configuration file, if it has one",
      example: [{ type: "webhook", url: "https://example.com/hook" }],
    },
    tasks: {
      type: { kind: "list", of: TASK, minItems: 1 },
      required: true,
      doc: "What it does: at least one task. One that exits with 0 completes; 128 + n stands for signal n, as in a shell: 137 is SIGKILL.",
    },
  },
  otherNames: { "runs-on": "runs_on" },
} as const satisfies ObjectType;

export type JobFields = Value<typeof JOB>;
export type TaskFields = Value<typeof TASK>;
/** The fields of a job in a file that may have problems. */
export type JobDraft = Draft<JobFields>;
export type TaskDraft = Draft<TaskFields>;
