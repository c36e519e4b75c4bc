import { TASK_STATUSES } from "../../domain/task-run.ts";
import type { FieldType, ObjectType, Value } from "./field.ts";
import { paramName } from "./param.ts";
import { datum, jobId, outputName, path, taskId, title } from "./text.ts";

/** How a stub can end an attempt. */
const STUB_STATUSES = ["completed", "failed"] as const;

/** How tasks of a run that has ended can have ended. */
const ENDED = TASK_STATUSES.filter((status) => status !== "pending" && status !== "running");

const time = {
  kind: "text",
  form: "a time such as 2027-03-28, 2027-03-28T01:55 or 2027-03-28T01:55:00+01:00",
  characters: "name",
} as const satisfies FieldType;

const part = { kind: "text", form: "a text", characters: "prose" } as const satisfies FieldType;

const outputs = { kind: "map", keys: outputName, of: datum, emptyValue: "" } as const satisfies FieldType;

const variables = {
  kind: "map",
  keys: { kind: "text", form: "a variable name", characters: "name" },
  of: datum,
  emptyValue: "",
} as const satisfies FieldType;

const ATTEMPT = {
  kind: "object",
  fields: {
    status: {
      type: { kind: "choice", values: STUB_STATUSES },
      doc: "How it ends: `failed` is exit code 1. An approval is approved (`completed`) or rejected (`failed`).",
      absent: "what `exit_code` or `signal` says, otherwise completed",
    },
    exit_code: { type: { kind: "integer", min: 0, max: 255 }, doc: "The exit code.", absent: "0", example: 75 },
    signal: {
      type: { kind: "text", form: "a signal such as SIGKILL", characters: "name" },
      doc: "The signal that ends the process.",
      absent: "none",
      example: "SIGSEGV",
    },
    outputs: { type: outputs, doc: "What it writes to `$PETIT_OUTPUT`.", default: {}, example: { rows: 3 } },
    takes: {
      type: { kind: "duration", minMs: 0 },
      doc: "How long it takes, by the clock of the test: no time passes in reality. Longer than a `timeout`: it times out.",
      default: 0,
      example: "2h",
    },
  },
  exclusive: [["status", "exit_code", "signal"]],
} as const satisfies ObjectType;

const attempt = {
  kind: "shape",
  scalar: { kind: "choice", values: STUB_STATUSES },
  map: ATTEMPT,
} as const satisfies FieldType;

const attempts = {
  kind: "shape",
  scalar: { kind: "choice", values: STUB_STATUSES },
  list: { kind: "list", of: attempt, minItems: 1 },
  map: ATTEMPT,
} as const satisfies FieldType;

const itemKey = { kind: "text", form: "the key of an item", characters: "prose" } as const satisfies FieldType;

const STUB = {
  kind: "object",
  fields: {
    ...ATTEMPT.fields,
    items: {
      type: { kind: "map", keys: itemKey, of: attempts },
      doc: "By the key of an item, what its attempts do; the other items do what the stub says.",
      default: {},
      example: { north: "failed" },
    },
    real: {
      type: { kind: "boolean" },
      doc: "True to start its process, on this machine. A `job` task then runs the other job with all of its processes.",
      default: false,
    },
  },
  exclusive: [
    ["status", "exit_code", "signal"],
    ["real", "status"],
    ["real", "exit_code"],
    ["real", "signal"],
    ["real", "items"],
  ],
} as const satisfies ObjectType;

const stub = { ...attempts, map: STUB } as const satisfies FieldType;

const ended = { kind: "choice", values: ENDED } as const satisfies FieldType;

const EXPECTED_NODE = {
  status: { type: ended, doc: "How it has ended.", absent: "any" },
  reason: { type: part, doc: "Why, as the reason of a run's task in the API.", absent: "any", example: "timeout" },
  attempts: {
    type: { kind: "integer", min: 0, max: 1_000_000 },
    doc: "How many attempts it had.",
    absent: "any number",
  },
  exit_code: { type: { kind: "integer", min: 0, max: 255 }, doc: "The exit code of the last attempt.", absent: "any" },
  error: { type: part, doc: "A part of its error.", absent: "any" },
  outputs: { type: outputs, doc: "Outputs that it has, beside others.", default: {} },
  args: {
    type: { kind: "list", of: datum, minItems: 0 },
    doc: "All arguments of its last attempt, with templates expanded.",
    absent: "any",
    example: ["--day", "2027-03-28"],
  },
  env: {
    type: variables,
    doc: "Variables of its last attempt that the job file or petit sets, beside others. A secret is `***`.",
    default: {},
    example: { ROWS: 3 },
  },
  unset: {
    type: { kind: "list", of: variables.keys, minItems: 0, unique: true },
    doc: "Variables that neither the job file nor petit sets.",
    default: [],
  },
  stdin: {
    type: { kind: "text", form: "a text", empty: true, scalars: true, characters: "data" },
    doc: "Its standard input.",
    absent: "any",
  },
  params: {
    type: { kind: "map", keys: paramName, of: datum, emptyValue: "" },
    doc: "Params of the run that a `job` task has started, beside others.",
    default: {},
  },
  output: { type: part, doc: "A part of what the process of a task with `real: true` wrote.", absent: "any" },
} as const;

const EXPECTED_ITEM = { kind: "object", fields: EXPECTED_NODE } as const satisfies ObjectType;

const EXPECTED_TASK = {
  kind: "object",
  fields: {
    ...EXPECTED_NODE,
    items: {
      type: {
        kind: "map",
        keys: itemKey,
        of: { kind: "shape", scalar: ended, map: EXPECTED_ITEM },
      },
      doc: "By the key of an item, what is expected of it. There may be other items.",
      default: {},
    },
    item_count: {
      type: { kind: "integer", min: 0, max: 1_000 },
      doc: "How many items it was expanded into.",
      absent: "any number",
    },
  },
} as const satisfies ObjectType;

const EXPECT = {
  kind: "object",
  fields: {
    status: {
      type: { kind: "choice", values: ["completed", "failed", "cancelled", "interrupted"] },
      doc: "How the run has ended.",
      absent: "any, but there is a run",
    },
    reason: { type: part, doc: "Why the run has ended so, as in the API.", absent: "any", example: "timeout" },
    error: { type: part, doc: "A part of the error of the run.", absent: "any" },
    outputs: { type: outputs, doc: "Outputs of the run, beside others.", default: {} },
    params: {
      type: { kind: "map", keys: paramName, of: datum, emptyValue: "" },
      doc: "Params of the run, beside others.",
      default: {},
    },
    tasks: {
      type: { kind: "map", keys: taskId, of: { kind: "shape", scalar: ended, map: EXPECTED_TASK } },
      doc: "By task, how it has ended, or a map with more.",
      default: {},
      example: { load: "completed", alert: "skipped" },
    },
    skipped: {
      type: { kind: "list", of: taskId, minItems: 0, unique: true },
      doc: "All tasks that were skipped.",
      absent: "any",
      example: ["alert"],
    },
    refused: {
      type: part,
      doc: "There is no run, and this is a part of the reason.",
      absent: "there is a run",
      example: "dependency",
    },
    occurrences: {
      type: {
        kind: "map",
        keys: {
          kind: "text",
          form: "a month or a day such as 2027-03 or 2027-03-28",
          pattern: "^[1-9]\\d{3}-\\d\\d(-\\d\\d)?$",
          characters: "name",
        },
        of: {
          kind: "shape",
          scalar: { kind: "integer", min: 0, max: 3_000_000 },
          list: { kind: "list", of: time, minItems: 0 },
        },
      },
      doc: "By month or day in the time zone of the schedule: how many occurrences it has, or all of them.",
      default: {},
      example: { "2027-03-28": ["2027-03-28T03:00"] },
    },
  },
  // Without a run there is nothing else to expect of it.
  exclusive: [
    ["refused", "status"],
    ["refused", "reason"],
    ["refused", "error"],
    ["refused", "outputs"],
    ["refused", "params"],
    ["refused", "tasks"],
    ["refused", "skipped"],
  ],
} as const satisfies ObjectType;

const EVENT = {
  kind: "object",
  fields: {
    trigger: {
      type: { kind: "text", form: "a trigger's name", characters: "name" },
      doc: "Which trigger of the job it reaches: its name, for a `run` trigger also the other job, for a `nats` trigger also the stream.",
      absent: "the only trigger of the job",
    },
    type: {
      type: { kind: "text", form: "a type of events", characters: "name" },
      doc: "The provider's type of the event of a webhook.",
      absent: "the first of the trigger's `events`",
      example: "push",
    },
    body: { type: { kind: "json" }, doc: "The body of a webhook or a message.", absent: "that of `file`, or null" },
    file: {
      type: path,
      doc: "A file with the body, relative to the test file: JSON, or any text.",
      absent: "`body`",
      example: "../events/github_push.json",
    },
    headers: {
      type: {
        kind: "map",
        keys: { kind: "text", form: "a header's name", characters: "name" },
        of: datum,
        emptyValue: "",
      },
      doc: "Headers of a webhook or a message.",
      default: {},
    },
    paths: {
      type: { kind: "list", of: path, minItems: 1 },
      doc: "The files of a `files` trigger, which need not exist.",
      absent: "none; a `files` trigger needs them",
      example: ["inbox/people.csv"],
    },
    subject: {
      type: { kind: "text", form: "a subject", characters: "name" },
      doc: "The subject of a message of NATS.",
      absent: "that of the trigger",
    },
    status: {
      type: { kind: "choice", values: STUB_STATUSES },
      doc: "How the run of the other job has ended that a `run` trigger follows.",
      absent: "completed",
    },
    params: {
      type: { kind: "map", keys: paramName, of: datum, emptyValue: "" },
      doc: "The params of that run.",
      absent: "their defaults",
    },
    outputs: { type: outputs, doc: "The outputs of that run.", default: {} },
  },
  exclusive: [["body", "file"]],
} as const satisfies ObjectType;

const TEST = {
  kind: "object",
  fields: {
    name: {
      type: title,
      required: true,
      doc: "What it shows, unique in the file.",
      example: "reports only if asked to",
    },
    params: {
      type: { kind: "map", keys: paramName, of: datum, emptyValue: "" },
      doc: "The params that a person gives.",
      absent: "their defaults",
      example: { level: "full" },
    },
    at: { type: time, doc: "When the run is started.", absent: "2030-01-01T00:00Z", example: "2027-03-28T01:55" },
    occurrence: {
      type: time,
      doc: "The occurrence of its schedule that starts the run.",
      absent: "a person starts it",
      example: "2027-03-28T02:00",
    },
    event: {
      type: EVENT,
      doc: "The event that starts the run by a trigger of the job. Signatures are not checked.",
      absent: "a person starts it",
      example: { type: "push", file: "../events/github_push.json" },
    },
    jobs: {
      type: { kind: "map", keys: jobId, of: { kind: "choice", values: STUB_STATUSES } },
      doc: "How the last runs of other jobs have ended, for `depends_on` of the job. They are over when the test begins; others have never run.",
      default: {},
      example: { data_pipeline: "completed" },
    },
    tasks: {
      type: { kind: "map", keys: taskId, of: stub },
      doc: "By task, what happens instead of its process: a status, a map, or a list with one entry for each attempt, of which the last stands for all that follow. Tasks that are not named complete.",
      default: {},
      example: { load: ["failed", { outputs: { rows: 3 } }] },
    },
    expect: { type: EXPECT, required: true, doc: "What is expected. Fields that are left out can have any value." },
  },
  exclusive: [
    ["occurrence", "at"],
    ["occurrence", "params"],
    ["event", "occurrence"],
    ["event", "params"],
  ],
} as const satisfies ObjectType;

/** A document of a test file. */
export const TEST_FILE = {
  kind: "object",
  fields: {
    job: { type: jobId, required: true, doc: "The job that is tested.", example: "data_pipeline" },
    tests: {
      type: { kind: "list", of: TEST, minItems: 1 },
      required: true,
      doc: "The tests. Each starts at most one run.",
    },
  },
} as const satisfies ObjectType;

export type TestFields = Value<typeof TEST_FILE>;
export type TestEvent = Value<typeof EVENT>;
export type JobTest = Value<typeof TEST>;
export type TaskStub = Value<typeof stub>;
export type StubbedAttempt = Value<typeof attempt>;
export type Expected = Value<typeof EXPECT>;
export type ExpectedNode = Value<typeof EXPECTED_ITEM>;
export type ExpectedTask = Value<typeof EXPECTED_TASK>;
