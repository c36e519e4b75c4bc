import { TASK_CONDITIONS } from "../../domain/graph.ts";
import { CONTAINER_ENGINES, PULL_POLICIES, TASK_TYPES, type TaskType, TIMEOUT_DECISIONS } from "../../domain/job.ts";
import { BACKOFFS, RETRY_CONDITIONS } from "../../domain/retry.ts";
import { environment } from "./environment.ts";
import type { FieldType, ObjectType } from "./field.ts";
import { HTTP_FIELD_NAMES, HTTP_FIELDS } from "./http.ts";
import { ITEM_FIELDS } from "./items.ts";
import { limitFields } from "./limits.ts";
import { paramName } from "./param.ts";
import { artifactPattern, datum, jobId, labels, path, taskId, title } from "./text.ts";

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
    delay_secs: { type: { kind: "seconds", minMs: 0 }, doc: "Same as `delay`, in seconds.", example: 10 },
    backoff: {
      type: { kind: "choice", values: BACKOFFS },
      doc: "`fixed` always waits for `delay`; `exponential` doubles it after each attempt and waits for a random part of it.",
      default: "fixed",
    },
    max_delay: {
      type: { kind: "duration", minMs: 0 },
      doc: "The most that `exponential` grows to, and that a server can ask to wait with `Retry-After`.",
      default: 3_600_000,
    },
    condition: {
      type: { kind: "choice", values: RETRY_CONDITIONS },
      doc: "Which failures are retried. `always`: all. `transient_only`: a timeout, a lack of resources, exit code 75, or what an `http` or `ssh` task calls temporary. `never`: none.",
      default: "always",
    },
  },
  exclusive: [["delay", "delay_secs"]],
} as const satisfies ObjectType;

const exitCodes = {
  kind: "list",
  of: { kind: "integer", min: 1, max: 255 },
  minItems: 1,
} as const satisfies FieldType;

const word = (form: string) => ({ kind: "text", form, characters: "name" }) as const satisfies FieldType;

const CONTAINER = {
  kind: "object",
  fields: {
    image: {
      type: word("an image"),
      required: true,
      doc: "The image; templates are expanded.",
      example: "python:3.13",
    },
    engine: {
      type: { kind: "choice", values: CONTAINER_ENGINES },
      doc: "The program that starts the container.",
      absent: "docker if its daemon runs, otherwise podman",
    },
    volumes: {
      type: { kind: "list", of: word("a volume, such as `./data:/data:ro`"), minItems: 0 },
      doc: "Further folders and volumes, as for `docker run --volume`. A path that begins with `.` is relative to the job file's folder. JOBS_DIR is read-only.",
      default: [],
      example: ["./data:/data:ro"],
    },
    user: {
      type: { ...word("a user"), scalars: true },
      doc: "The user in the container.",
      absent: "that of the image",
      example: "1000:1000",
    },
    network: {
      type: word("a network"),
      doc: "The network, such as `none` or `host`.",
      absent: "the engine's default",
      example: "none",
    },
    pull: {
      type: { kind: "choice", values: PULL_POLICIES },
      doc: "When the image is pulled.",
      absent: "`missing`, if this machine has no such image",
    },
    memory: {
      type: { ...word("an amount of memory"), scalars: true },
      doc: "The most memory that it may use.",
      absent: "no limit",
      example: "512m",
    },
    cpus: {
      type: { ...word("a number of processors"), scalars: true },
      doc: "How many processors it may use.",
      absent: "no limit",
      example: 1.5,
    },
    entrypoint: {
      type: word("a program"),
      doc: "The program that replaces the entrypoint of the image.",
      absent: "that of the image",
    },
  },
} as const satisfies ObjectType;

/** A task of a job. */
export const TASK = {
  kind: "object",
  fields: {
    id: { type: taskId, required: true, doc: "Its id, unique in the job.", example: "extract" },
    name: { type: title, doc: "The display name.", absent: "the id", example: "Extract" },
    type: {
      type: {
        kind: "choice",
        values: TASK_TYPES,
        refused: {
          custom: `'custom' tasks need code of petit's own and are not supported; expected one of ${TASK_TYPES.join(", ")}`,
        },
      },
      required: true,
      doc: "How the task runs. `command`: a program without a shell. `shell`: a script for /bin/sh. `python` and `typescript`: a program in that language (TypeScript needs no installed runtime). `http`: a request to a server. `ssh`: a shell script on another machine. `approval`: waits until a person approves or rejects. `job`: runs another job.",
      example: "shell",
    },
    command: {
      type: { kind: "text", form: "a program", characters: "argument" },
      doc: "The program of a `command` task, a name or a path. Its arguments are in `args`.",
      example: "python3",
    },
    script: {
      type: { kind: "text", form: "a script", characters: "argument" },
      doc: "The text of a `shell` or `ssh` task; of a `python` or `typescript` task the file (looked for in the job file's folder, then in the working directory), or with `inline: true` the text. Templates are not expanded in it: use the variables.",
      example: 'echo "hello"',
    },
    inline: {
      type: { kind: "boolean" },
      doc: "Whether `script` is the program text instead of a file name; for `python` and `typescript`.",
      absent: "false",
    },
    ...HTTP_FIELDS,
    prompt: {
      type: { kind: "text", form: "a text", characters: "prose" },
      doc: "What the person who approves is asked; templates are expanded.",
      absent: "only the name of the task is shown",
      example: "Deploy to production?",
    },
    on_timeout: {
      type: { kind: "choice", values: TIMEOUT_DECISIONS },
      doc: "What happens when nobody has decided about an approval within its `timeout`.",
      absent: "reject",
    },
    host: {
      type: { kind: "text", form: "a host", characters: "name" },
      doc: "The machine of an `ssh` task: a name, an address, or an alias of `~/.ssh/config`; templates are expanded.",
      example: "web-1",
    },
    user: {
      type: { kind: "text", form: "a user", characters: "name" },
      doc: "The user on the machine of an `ssh` task; templates are expanded.",
      absent: "as in `~/.ssh/config`",
      example: "deploy",
    },
    port: {
      type: { kind: "integer", min: 1, max: 65_535 },
      doc: "The port of an `ssh` task.",
      absent: "as in `~/.ssh/config`",
      example: 2222,
    },
    identity_file: {
      type: path,
      doc: "The private key of an `ssh` task, relative to the job file's folder; templates are expanded.",
      absent: "as in `~/.ssh/config`",
      example: "/etc/petit/id_ed25519",
    },
    known_hosts: {
      type: path,
      doc: "The file with the host keys that an `ssh` task trusts, relative to the job file's folder; templates are expanded.",
      absent: "as in `~/.ssh/config`",
      example: "/etc/petit/known_hosts",
    },
    jump: {
      type: { kind: "text", form: "a host", characters: "name" },
      doc: "The host through which an `ssh` task connects; templates are expanded.",
      absent: "as in `~/.ssh/config`",
      example: "bastion",
    },
    job: { type: jobId, doc: "The id of the job that a `job` task runs.", example: "import_rows" },
    params: {
      type: { kind: "map", keys: paramName, of: datum, emptyValue: "" },
      doc: "The params of the run that a `job` task starts; templates are expanded in the values.",
      absent: "the defaults of that job",
      example: { day: "${{ params.day }}" },
    },
    wait: {
      type: { kind: "boolean" },
      doc: "Whether a `job` task lasts until the run has ended, and ends like it. False: the task completes as soon as the run is stored, and the run is on its own.",
      absent: "true",
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
    container: {
      type: { kind: "shape", scalar: word("an image"), map: CONTAINER },
      doc: "The container in which a `command`, `shell` or `python` task runs: an image, or a map with more.",
      absent: "it runs on the machine itself",
      example: "python:3.13",
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
      absent: "petit's own working directory; in a container that of the image",
      example: "/srv/etl",
    },
    stdin: {
      type: { kind: "text", form: "a text", empty: true, scalars: true, characters: "data" },
      doc: "The text for standard input; templates are expanded.",
      absent: "nothing",
    },
    environment: environment("for this task, over those of the job; templates are expanded in the values"),
    depends_on: {
      type: { kind: "list", of: taskId, minItems: 0, unique: true },
      doc: "Ids of the tasks it waits for.",
      default: [],
      example: ["extract"],
    },
    condition: {
      type: { kind: "choice", values: TASK_CONDITIONS, aliases: { always: "all_done" } },
      doc: "When the task starts, depending on its upstream tasks. `all_success`: all completed. `on_failure`: at least one failed. `all_done` (or `always`): all ended, whatever the result.",
      default: "all_success",
    },
    timeout: {
      type: { kind: "duration", minMs: 1 },
      doc: "How long an attempt may take.",
      absent: "no limit",
      example: "5m",
    },
    timeout_secs: { type: { kind: "seconds", minMs: 1 }, doc: "Same as `timeout`, in seconds.", example: 300 },
    if: {
      type: { kind: "text", form: "an expression", scalars: true, characters: "prose" },
      doc: "An expression in the language of GitHub Actions. If it is false when the task could start, the task is skipped with the reason `condition_not_met`.",
      absent: "always true",
      example: "params.level == 'full' && tasks.scan.outputs.count != '0'",
    },
    allow_failure: {
      type: {
        kind: "shape",
        scalar: { kind: "boolean" },
        map: {
          kind: "object",
          fields: {
            exit_codes: {
              type: exitCodes,
              required: true,
              doc: "The exit codes with which it may fail.",
              example: [3],
            },
          },
        },
      },
      doc: "Whether its failure does not fail the run: `true`, or `{exit_codes: [3]}`. Tasks after it run as if it had completed, and the run has a warning.",
      absent: "false",
    },
    skip_exit_codes: {
      type: exitCodes,
      doc: "Exit codes with which the task counts as skipped, with the reason `skipped_by_exit`, and not as failed.",
      absent: "none",
      example: [99],
    },
    artifacts: {
      type: { kind: "list", of: artifactPattern, minItems: 0 },
      doc: "Patterns of files below the working directory that petit keeps with the run, whatever the result of the attempt. `*` stands for any characters but `/`, and `**` for any folders. Files in the folder `$PETIT_ARTIFACTS` are always kept.",
      default: [],
      example: ["out/*.csv", "report.html"],
    },
    runs_on: {
      type: labels,
      doc: "The labels that a worker must have to run it, instead of those of the job: a label or a list of them. An empty list: it runs on the machine of the scheduler.",
      absent: "that of the job",
      example: ["gpu", "zone=eu"],
    },
    ...limitFields("task"),
    retry: { type: RETRY, doc: "How a failed attempt is retried.", absent: "no retry" },
    ...ITEM_FIELDS,
  },
  otherNames: {
    artefacts: "artifacts",
    continue_on_error: "allow_failure",
    allow_failures: "allow_failure",
    when: "if",
    "runs-on": "runs_on",
  },
  excused: { type: { custom: ["handler", "config"] } },
  exclusive: [
    ["timeout", "timeout_secs"],
    ["json", "body", "form", "file"],
    ["foreach", "matrix"],
  ],
} as const satisfies ObjectType;

/** The required and optional fields of each task type. */
export const PROGRAM_FIELDS = {
  command: { required: ["command"], optional: [] },
  shell: { required: ["script"], optional: ["shell"] },
  python: { required: ["script"], optional: ["inline"] },
  typescript: { required: ["script"], optional: ["inline"] },
  http: { required: ["url"], optional: HTTP_FIELD_NAMES.filter((name) => name !== "url") },
  ssh: { required: ["host", "script"], optional: ["user", "port", "identity_file", "known_hosts", "jump"] },
  approval: { required: [], optional: ["prompt", "on_timeout"] },
  job: { required: ["job"], optional: ["params", "wait"] },
} as const satisfies Record<
  TaskType,
  { readonly required: readonly ProgramField[]; readonly optional: readonly ProgramField[] }
>;

/** The task types whose program can run in a container. */
export const CONTAINED: readonly TaskType[] = ["command", "shell", "python"];

/** The fields without effect for a type of task, except those for which an empty list or map is no mistake. */
const USELESS_FIELDS: Readonly<Partial<Record<TaskType, readonly string[]>>> = {
  http: ["stdin", "limits", "leftovers"],
  ssh: ["limits", "leftovers"],
  approval: ["stdin", "working_dir", "limits", "run_as", "leftovers"],
  job: ["stdin", "working_dir", "limits", "run_as", "leftovers"],
};

/** Returns the fields, beside those of other types, that a task of a type must not have, whatever their value. */
export const refusedFields = (type: TaskType): readonly string[] => [
  ...(USELESS_FIELDS[type] ?? []),
  ...(CONTAINED.includes(type) ? [] : ["container"]),
];

export const PROGRAM_FIELD_NAMES = [
  "command",
  "script",
  "inline",
  "shell",
  ...HTTP_FIELD_NAMES,
  "host",
  "user",
  "port",
  "identity_file",
  "known_hosts",
  "jump",
  "prompt",
  "on_timeout",
  "job",
  "params",
  "wait",
] as const;
export type ProgramField = (typeof PROGRAM_FIELD_NAMES)[number];
