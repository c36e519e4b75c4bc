import type { DEPENDENCY_CONDITIONS } from "../domain/dependency.ts";
import { TASK_CONDITIONS } from "../domain/graph.ts";
import { ID_PATTERN } from "../domain/ids.ts";
import { INTERRUPT_POLICIES, OVERLAP_POLICIES, TASK_TYPES, type TaskType } from "../domain/job.ts";
import { BACKOFFS, RETRY_CONDITIONS } from "../domain/retry.ts";
import { CATCHUP_POLICIES, type CatchupPolicy } from "../domain/schedule.ts";
import type { Draft, Field, ObjectType, TextType, Value } from "./field.ts";

const ID_FORM = "1 to 128 letters, digits, '_', '.' and '-', the first one a letter or a digit";

const jobId = {
  kind: "text",
  form: `a job's id: ${ID_FORM}`,
  pattern: ID_PATTERN,
  characters: "name",
} as const satisfies TextType;
const taskId = {
  kind: "text",
  form: `a task's id: ${ID_FORM}`,
  pattern: ID_PATTERN,
  characters: "name",
} as const satisfies TextType;
const title = { kind: "text", form: "a name", maxLength: 256, characters: "name" } as const satisfies TextType;
const prose = { kind: "text", form: "a text", empty: true } as const satisfies TextType;
const path = { kind: "text", form: "a path", characters: "name" } as const satisfies TextType;
const datum = {
  kind: "text",
  form: "a text",
  empty: true,
  scalars: true,
  characters: "argument",
} as const satisfies TextType;

const environmentName = {
  kind: "text",
  form: "the name of a variable, without '='",
  pattern: "^[^=]+$",
  characters: "name",
} as const satisfies TextType;

const environment = (whose: string) =>
  ({
    type: { kind: "map", keys: environmentName, of: datum, emptyValue: "" },
    doc: `Variables ${whose}. Numbers and booleans stand for their text as written, nothing for an empty text.`,
    default: {},
  }) as const satisfies Field;

const cron = {
  kind: "shape",
  scalar: { kind: "text", form: "a cron expression", characters: "name" },
  list: { kind: "list", of: { kind: "text", form: "a cron expression", characters: "name" }, minItems: 1 },
} as const;

/** For a schedule that is given by its expression alone, as well. */
export const DEFAULT_CATCHUP = "latest" satisfies CatchupPolicy;
export const DEFAULT_CATCHUP_WINDOW_MS = 3_600_000;

const SCHEDULE = {
  kind: "object",
  fields: {
    cron: {
      type: cron,
      required: true,
      doc: "One expression or a list of them: 5 fields (minute hour day month weekday) or 6 (second first), @hourly, @daily, @weekly, @monthly, @yearly, or @every 1h30m.",
      example: "0 2 * * *",
    },
    timezone: {
      type: { kind: "text", form: "an IANA name", characters: "name" },
      doc: "The zone it is read in, by its IANA name.",
      absent: "the `timezone` setting, else the system's",
      example: "Europe/Paris",
    },
    catchup: {
      type: { kind: "choice", values: CATCHUP_POLICIES },
      doc: "What to do about occurrences that passed while petit was down: run the latest once, all of them, or none.",
      default: DEFAULT_CATCHUP,
    },
    catchup_window: {
      type: { kind: "duration", minMs: 0 },
      doc: "How far back to catch up.",
      default: DEFAULT_CATCHUP_WINDOW_MS,
    },
    jitter: {
      type: { kind: "duration", minMs: 0 },
      doc: "Starts each run up to this much later, so that many jobs don't start at once.",
      default: 0,
    },
  },
} as const satisfies ObjectType;

const GATE = {
  kind: "object",
  fields: {
    job: { type: jobId, doc: "The id of the other job.", example: "upstream_job" },
    job_id: { type: jobId, doc: "The same as `job`." },
    condition: {
      type: {
        kind: "shape",
        scalar: {
          kind: "choice",
          values: ["last_success", "last_complete"],
          refused: {
            within_window: "'within_window' needs its window; expected `condition: {within_window: {seconds: 3600}}`",
          },
        },
        map: {
          kind: "object",
          fields: {
            within_window: {
              type: {
                kind: "shape",
                scalar: { kind: "duration", minMs: 1 },
                map: {
                  kind: "object",
                  fields: {
                    seconds: {
                      type: { kind: "seconds", minMs: 1 },
                      required: true,
                      doc: "The window, in seconds.",
                      example: 3600,
                    },
                  },
                },
              },
              required: true,
              doc: "Some run of the other job completed, and ended within this window.",
              example: { seconds: 3600 },
            },
          },
        },
      },
      doc: "What the other job's newest run must be: `last_success` completed, `last_complete` completed or failed; or `{within_window: {seconds: N}}`: some run completed within the last N seconds.",
      default: "last_success" satisfies (typeof DEPENDENCY_CONDITIONS)[number],
    },
  },
  exclusive: [["job", "job_id"]],
  oneOf: [["job", "job_id"]],
} as const satisfies ObjectType;

const PARAM = {
  kind: "object",
  fields: {
    description: { type: prose, doc: "What it is for." },
    default: {
      type: datum,
      doc: "The value where a trigger gives none.",
      absent: "no value: an empty text in templates, no variable",
      example: "2026-01-01",
    },
    required: { type: { kind: "boolean" }, doc: "Whether a trigger must give it.", default: false },
    enum: {
      type: { kind: "list", of: datum, minItems: 1 },
      doc: "The values it can have.",
      absent: "any",
      example: ["fast", "full"],
    },
    pattern: {
      type: { kind: "text", form: "a regular expression", characters: "prose" },
      doc: "A regular expression (JavaScript's, with the `u` flag) that a value must match; anchor it to match the whole.",
      absent: "any",
      example: "^\\d{4}-\\d\\d-\\d\\d$",
    },
  },
} as const satisfies ObjectType;

const RETENTION = {
  kind: "object",
  fields: {
    runs: {
      type: { kind: "integer", min: 1, max: 1_000_000_000 },
      doc: "How many finished runs to keep.",
      absent: "the setting's",
      example: 1000,
    },
    days: {
      type: { kind: "integer", min: 1, max: 36_500 },
      doc: "How many days to keep a finished run.",
      absent: "the setting's",
      example: 30,
    },
  },
} as const satisfies ObjectType;

const RETRY = {
  kind: "object",
  fields: {
    max_attempts: {
      type: { kind: "integer", min: 0, max: 1_000_000 },
      required: true,
      doc: "How many retries after the first attempt; 0 means none.",
      example: 3,
    },
    delay: {
      type: { kind: "duration", minMs: 0 },
      doc: "How long to wait before a retry.",
      absent: "0s",
      example: "10s",
    },
    delay_secs: { type: { kind: "seconds", minMs: 0 }, doc: "The same as `delay`, in seconds.", example: 10 },
    backoff: {
      type: { kind: "choice", values: BACKOFFS },
      doc: "`fixed` waits the delay each time; `exponential` doubles it each time and waits a random part of it.",
      default: "fixed",
    },
    max_delay: {
      type: { kind: "duration", minMs: 0 },
      doc: "The most that `exponential` grows to.",
      default: 3_600_000,
    },
    condition: {
      type: { kind: "choice", values: RETRY_CONDITIONS },
      doc: "Which failures are retried: `always` any; `transient_only` a timeout, a lack of resources, or exit code 75; `never` none.",
      default: "always",
    },
  },
  exclusive: [["delay", "delay_secs"]],
} as const satisfies ObjectType;

export const TASK = {
  kind: "object",
  fields: {
    id: { type: taskId, required: true, doc: "Its id, unique in the job.", example: "extract" },
    name: { type: title, doc: "What people see.", absent: "the id", example: "Extract" },
    type: {
      type: {
        kind: "choice",
        values: TASK_TYPES,
        refused: {
          custom: `'custom' tasks need code of petit's own and are not supported; expected one of ${TASK_TYPES.join(", ")}`,
        },
      },
      required: true,
      doc: "How it is run: `command` one program without a shell; `shell` a script for /bin/sh; `python` and `typescript` a program in that language (TypeScript needs nothing installed).",
      example: "shell",
    },
    command: {
      type: { kind: "text", form: "a program", characters: "argument" },
      doc: "The program of a `command` task, by name or path; its arguments stand in `args`.",
      example: "python3",
    },
    script: {
      type: { kind: "text", form: "a script", characters: "argument" },
      doc: "The text of a `shell` task; of a `python` or `typescript` task the file (looked for in the job file's folder, then in the working directory), or with `inline: true` the text. Templates are not expanded in it: use the variables.",
      example: 'echo "hello"',
    },
    inline: {
      type: { kind: "boolean" },
      doc: "Whether `script` is the program's text rather than its file; for `python` and `typescript`.",
      absent: "false",
    },
    shell: {
      type: {
        kind: "list",
        of: { kind: "text", form: "a program or an argument", characters: "argument" },
        minItems: 1,
      },
      doc: "What runs the script of a `shell` task.",
      absent: '["/bin/sh", "-e"]',
      example: ["bash", "-euo", "pipefail"],
    },
    args: {
      type: { kind: "list", of: datum, minItems: 0 },
      doc: "Arguments; templates are expanded. Numbers and booleans stand for their text as written.",
      default: [],
      example: ["--day", "${{ params.day }}"],
    },
    working_dir: {
      type: path,
      doc: "The folder it runs in, relative to the job file's folder; templates are expanded.",
      absent: "petit's own working directory",
      example: "/srv/etl",
    },
    stdin: {
      type: { kind: "text", form: "a text", empty: true, scalars: true, characters: "data" },
      doc: "What it reads from standard input; templates are expanded.",
      absent: "nothing",
    },
    environment: environment("for this task, over those of the job; templates are expanded in the values"),
    depends_on: {
      type: { kind: "list", of: taskId, minItems: 0 },
      doc: "Ids of the tasks it waits for.",
      default: [],
      example: ["extract"],
    },
    condition: {
      type: { kind: "choice", values: TASK_CONDITIONS, aliases: { always: "all_done" } },
      doc: "When it starts, given the tasks it waits for: `all_success` each completed; `on_failure` some failed; `all_done` (or `always`) each has ended, in whatever way.",
      default: "all_success",
    },
    timeout: {
      type: { kind: "duration", minMs: 1 },
      doc: "How long an attempt may take.",
      absent: "no limit",
      example: "5m",
    },
    timeout_secs: { type: { kind: "seconds", minMs: 1 }, doc: "The same as `timeout`, in seconds.", example: 300 },
    retry: { type: RETRY, doc: "Whether and how a failed attempt is made again.", absent: "no retry" },
  },
  exclusive: [["timeout", "timeout_secs"]],
} as const satisfies ObjectType;

/** Everything a job file can say. An empty value (`schedule:` with nothing after it) is the same as none. */
export const JOB = {
  kind: "object",
  fields: {
    id: { type: jobId, required: true, doc: "Its id, unique in JOBS_DIR.", example: "data_pipeline" },
    name: { type: title, doc: "What people see.", absent: "the id", example: "Data Pipeline" },
    description: { type: prose, doc: "What it is for." },
    enabled: {
      type: { kind: "boolean" },
      doc: "False: it is never scheduled; a manual trigger still works.",
      default: true,
    },
    schedule: {
      type: { kind: "shape", scalar: cron.scalar, list: cron.list, map: SCHEDULE },
      doc: "When it runs: a cron expression, a list of them, or a map with more.",
      absent: "it runs only when triggered",
      example: "0 2 * * *",
    },
    max_concurrency: {
      type: { kind: "integer", min: 1, max: 1_000_000 },
      doc: "How many runs of it may go on at once.",
      absent: "unlimited",
      example: 1,
    },
    on_overlap: {
      type: { kind: "choice", values: OVERLAP_POLICIES },
      doc: "What a scheduled occurrence does at that limit: `skip` it, `queue` it, or `replace` what runs.",
      default: "skip",
    },
    timeout: {
      type: { kind: "duration", minMs: 1 },
      doc: "How long the whole run may take.",
      absent: "no limit",
      example: "2h",
    },
    kill_grace: {
      type: { kind: "duration", minMs: 0 },
      doc: "The time between SIGTERM and SIGKILL when a task has to end.",
      absent: "the setting's, 10s",
      example: "10s",
    },
    on_interrupt: {
      type: { kind: "choice", values: INTERRUPT_POLICIES },
      doc: "What becomes of a run that lost a process with the machine: it ends as interrupted (`fail`), or the task is run anew (`rerun`).",
      absent: "the setting's, fail",
    },
    depends_on: {
      type: { kind: "list", of: { kind: "shape", scalar: jobId, map: GATE }, minItems: 0 },
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
      type: {
        kind: "map",
        keys: {
          kind: "text",
          form: "a param's name: letters, digits, '_', '.' and '-', the first one a letter, a digit or '_'",
          pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
          characters: "name",
        },
        of: PARAM,
        emptyValue: { required: false },
      },
      doc: "What a trigger may pass, as `${{ params.NAME }}` and `$PETIT_PARAM_NAME`; others are refused.",
      default: {},
      example: { day: { default: "2026-01-01" } },
    },
    environment: environment("for every task; templates are expanded in the values"),
    inherit_environment: { type: { kind: "boolean" }, doc: "Whether tasks see petit's own variables.", default: true },
    retention: { type: RETENTION, doc: "How long finished runs are kept.", absent: "the settings'" },
    tasks: { type: { kind: "list", of: TASK, minItems: 1 }, required: true, doc: "What it does: at least one task." },
  },
} as const satisfies ObjectType;

export type JobFields = Value<typeof JOB>;
export type TaskFields = Value<typeof TASK>;
/** A job as a file with mistakes gives it. */
export type JobDraft = Draft<JobFields>;
export type TaskDraft = Draft<TaskFields>;

/** The fields that only some types of task have: which of them each must have, and may have. */
export const PROGRAM_FIELDS = {
  command: { required: ["command"], optional: [] },
  shell: { required: ["script"], optional: ["shell"] },
  python: { required: ["script"], optional: ["inline"] },
  typescript: { required: ["script"], optional: ["inline"] },
} as const satisfies Record<
  TaskType,
  { readonly required: readonly ProgramField[]; readonly optional: readonly ProgramField[] }
>;

export type ProgramField = "command" | "script" | "inline" | "shell";
