import { type Static, type TSchema, t } from "elysia";
import { TASK_CONDITIONS } from "../../../domain/graph.ts";
import type { DeclaredMatrix, ItemSource, ItemsSpec } from "../../../domain/item.ts";
import {
  CONTAINER_ENGINES,
  type Container,
  HTTP_METHODS,
  type HttpBody,
  type Program,
  PULL_POLICIES,
  TASK_TYPES,
  type Task,
  TIMEOUT_DECISIONS,
} from "../../../domain/job.ts";
import { ENFORCEMENTS, LEFTOVERS, type TaskLimits } from "../../../domain/limits/task-limits.ts";
import { BACKOFFS, RETRY_CONDITIONS, type Retry } from "../../../domain/retry.ts";
import { maskSecrets } from "../../../jobfile/possible-secrets.ts";
import type { TaskFields } from "../../../jobfile/schema/job.ts";
import { TASK } from "../../../jobfile/schema/task.ts";
import { assertNever } from "../../../lib/never.ts";
import { exactly, integer, JobIdText, nullable, TaskIdText, word } from "../schemas.ts";

/** Fields of a task that define its place in the graph. */
export const nodeFields = {
  name: t.String({ description: "Name of the task; its id if it has none" }),
  type: word(TASK_TYPES, "What the task runs"),
  depends_on: t.Array(TaskIdText, { description: "Ids of the tasks that it depends on" }),
  condition: word(TASK_CONDITIONS, "What it requires of these tasks"),
  if: nullable(t.String(), "Expression that must be true for it to start; null if there is none"),
  allow_failure: t.Boolean({
    description: "True if it may fail, at least with some exit codes, without failing the run",
  }),
  repeat: nullable(
    word(["foreach", "matrix"]),
    "`foreach`: it runs once for each item of a list. `matrix`: once for each combination of values. Null: it runs once",
  ),
  runs_job: nullable(
    exactly({ job_id: JobIdText, wait: t.Boolean({ description: "True if the task lasts until that run has ended" }) }),
    "The job that a task of the type `job` runs; null for other tasks",
  ),
  runs_on: nullable(
    t.Array(t.String(), { examples: [["gpu", "zone=eu"]] }),
    "The labels that a worker must have to run it, sorted; null if it runs on petit's own machine",
  ),
};

type Body<Fields extends Readonly<Record<string, TSchema>>> = {
  readonly [Field in keyof Fields]: Static<Fields[Field]>;
};

export const nodeBody = (task: Task): Body<typeof nodeFields> => ({
  name: task.name,
  type: task.program.type,
  depends_on: [...task.dependsOn],
  condition: task.condition,
  if: task.if ?? null,
  allow_failure: task.allowFailure !== undefined,
  repeat: task.items === undefined ? null : task.items.source.kind === "matrix" ? "matrix" : "foreach",
  runs_job: task.program.type === "job" ? { job_id: task.program.jobId, wait: task.program.wait } : null,
  runs_on: task.runsOn === undefined ? null : [...task.runsOn],
});

/** The fields of a task whose name in the API is another one, because their value is. */
const RENAMED = {
  allow_failure: "allowed_exit_codes",
  timeout: "timeout_ms",
  timeout_secs: "timeout_ms",
  job: "runs_job",
  wait: "runs_job",
} as const satisfies { readonly [Field in keyof TaskFields]?: string };

/** The schemas of the fields of the job file, by their names in the API. A field that the API lacks does not compile. */
export type SchemasOf<Fields, Renamed> = Readonly<
  Record<
    { [Field in keyof Fields]: Field extends keyof Renamed ? Renamed[Field] : Field }[keyof Fields] & string,
    TSchema
  >
>;

const RetryBody = exactly(
  {
    max_attempts: integer({ minimum: 0, description: "Maximum of retries after the first attempt" }),
    delay_ms: integer({ minimum: 0, description: "Delay before the first retry, in ms" }),
    backoff: word(BACKOFFS, "How the delay grows"),
    max_delay_ms: integer({ minimum: 0, description: "Maximum delay, in ms" }),
    condition: word(RETRY_CONDITIONS, "Which failures are retried"),
  },
  { title: "Retry" },
);

const textOrDefault = (what: string, absent = "the default of the engine") =>
  nullable(t.String(), `${what}; null uses ${absent}`);

const ContainerBody = exactly(
  {
    image: t.String({ description: "The image" }),
    engine: nullable(
      word(CONTAINER_ENGINES),
      "The program that starts it; null uses docker if its daemon runs, otherwise podman",
    ),
    volumes: t.Array(t.String(), { description: "Further folders and volumes, as for `docker run --volume`" }),
    user: textOrDefault("The user in it", "that of the image"),
    network: textOrDefault("The network"),
    pull: nullable(word(PULL_POLICIES), "When the image is pulled; null pulls an image that is missing"),
    memory: textOrDefault("The most memory that it may use"),
    cpus: textOrDefault("How many processors it may use"),
    entrypoint: textOrDefault("The program that replaces the entrypoint", "that of the image"),
  } satisfies Record<keyof Container, TSchema>,
  { title: "Container", description: "The container in which a task runs" },
);

const LimitsBody = exactly(
  {
    memory_bytes: nullable(integer({ minimum: 1 }), "The most memory of its processes together; null is unlimited"),
    cpus: nullable(t.Number(), "How many processors' worth of time they may use together; null is unlimited"),
    pids: nullable(integer({ minimum: 1 }), "How many processes and threads it may have; null is unlimited"),
    nice: nullable(integer(), "The priority of its processes, from -20 to 19; null uses that of petit"),
    io: nullable(t.String(), "The I/O class of its processes, such as `best-effort:7`; null uses that of petit"),
    enforce: word(ENFORCEMENTS, "What happens where memory, cpus and pids can't be enforced"),
  },
  { title: "TaskLimits", description: "What the processes of a task may use" },
);

/** A text, or where a secret is read. The secret itself is never in an answer. */
const TextOrSource = t.Union([
  t.String(),
  exactly({ env: t.String() }),
  exactly({ file: t.String() }),
  exactly({ credential: t.String() }),
]);

export const EnvironmentBody = t.Record(t.String(), TextOrSource, {
  description:
    "Environment variables for its processes: a text, or where a secret is read; other possible secrets are hidden",
});

const exitCodes = t.Array(integer({ minimum: 1 }));
const texts = t.Array(t.String());
const textsByName = t.Record(t.String(), t.String());
const textOrNull = t.Union([t.String(), t.Null()]);

/** Returns the schema of a field with the description of the job file. */
const described = <Schema extends TSchema>(field: keyof typeof TASK.fields, schema: Schema): Schema => ({
  ...schema,
  description: TASK.fields[field].doc,
});

/** Returns the schema of a field that only some tasks have. */
const some = <Schema extends TSchema>(field: keyof typeof TASK.fields, schema: Schema) =>
  t.Optional(described(field, schema));

const programFields = {
  command: some("command", t.String()),
  script: some("script", t.String()),
  inline: some("inline", t.Boolean()),
  shell: some("shell", texts),
  url: some("url", t.String()),
  method: some("method", word(HTTP_METHODS)),
  headers: some("headers", t.Record(t.String(), TextOrSource)),
  json: some("json", t.Unknown()),
  body: some("body", textOrNull),
  form: some("form", t.Union([textsByName, t.Null()])),
  file: some("file", textOrNull),
  expect: some("expect", t.Union([exactly({ status: t.Array(integer()) }), t.Null()])),
  outputs: some("outputs", textsByName),
  ca_file: some("ca_file", textOrNull),
  host: some("host", t.String()),
  user: some("user", textOrNull),
  port: some("port", t.Union([integer(), t.Null()])),
  identity_file: some("identity_file", textOrNull),
  known_hosts: some("known_hosts", textOrNull),
  jump: some("jump", textOrNull),
  prompt: some("prompt", textOrNull),
  on_timeout: some("on_timeout", word(TIMEOUT_DECISIONS)),
  params: some("params", textsByName),
};

const itemFields = {
  foreach: some(
    "foreach",
    t.Union([t.Array(t.Unknown()), exactly({ range: t.Array(integer()) }), t.String(), t.Null()]),
  ),
  matrix: t.Optional(
    nullable(
      t.Array(t.Record(t.String(), t.Unknown())),
      "The combinations of values that it runs with; null without `matrix`",
    ),
  ),
  matrix_axes: t.Optional(
    nullable(
      t.Record(t.String(), t.Array(t.Unknown())),
      "The values of each axis; null without `matrix`, and for a definition that an earlier petit has stored",
    ),
  ),
  matrix_exclude: t.Optional(
    t.Array(t.Record(t.String(), t.Unknown()), { description: "The combinations that `exclude` removes" }),
  ),
  matrix_include: t.Optional(
    t.Array(t.Record(t.String(), t.Unknown()), { description: "What `include` adds to combinations, or adds as one" }),
  ),
  item_key: some("item_key", textOrNull),
  max_parallel: some("max_parallel", t.Union([integer({ minimum: 1 }), t.Null()])),
  fail_fast: some("fail_fast", t.Boolean()),
  max_failures: some("max_failures", t.String()),
};

export const TaskBody = exactly(
  {
    id: TaskIdText,
    ...nodeFields,
    ...programFields,
    args: described("args", texts),
    working_dir: described("working_dir", textOrNull),
    stdin: described("stdin", textOrNull),
    environment: EnvironmentBody,
    container: nullable(ContainerBody, "The container in which it runs; null if it runs on the machine itself"),
    allowed_exit_codes: nullable(
      exitCodes,
      "The exit codes with which it may fail without failing the run; null if it may fail with all of them, or with none",
    ),
    skip_exit_codes: described("skip_exit_codes", exitCodes),
    artifacts: described("artifacts", texts),
    limits: nullable(LimitsBody, "What its processes may use, by its file; null if the file limits nothing"),
    run_as: nullable(t.String(), "The user that it runs as, a name or a numeric id; null if that is petit's own"),
    leftovers: word(LEFTOVERS, "What happens to processes that it leaves running when it ends by itself"),
    timeout_ms: nullable(integer(), "Timeout of an attempt in ms; null if there is none"),
    retry: nullable(RetryBody, "How failed attempts are retried; null if they are not"),
    ...itemFields,
  } satisfies SchemasOf<TaskFields, typeof RENAMED>,
  {
    title: "Task",
    description:
      "A task of a job, with the fields of the job file. A field that its type does not have is missing, and so are those about items if it runs once",
  },
);

/** Encodes a task. Values that may be secrets are hidden, and of a secret there is only where it is read. */
export const taskBody = (task: Task): typeof TaskBody.static => {
  const known = KNOWN_BODIES.get(task) ?? encodeTask(task);
  KNOWN_BODIES.set(task, known);
  return known;
};

/** A definition never changes, and looking for secrets in it takes time. */
const KNOWN_BODIES = new WeakMap<Task, typeof TaskBody.static>();

const encodeTask = (task: Task): typeof TaskBody.static =>
  maskSecrets(
    {
      id: task.id,
      ...nodeBody(task),
      ...programBody(task.program),
      args: [...task.args],
      working_dir: task.workingDir,
      stdin: task.stdin,
      environment: { ...task.environment },
      container: task.container === undefined ? null : { ...task.container, volumes: [...task.container.volumes] },
      allowed_exit_codes: typeof task.allowFailure === "object" ? [...task.allowFailure.exitCodes] : null,
      skip_exit_codes: [...(task.skipExitCodes ?? [])],
      artifacts: [...(task.artifacts ?? [])],
      limits: task.limits === undefined ? null : limitsBody(task.limits),
      run_as: task.runAs ?? null,
      leftovers: task.leftovers ?? "keep",
      timeout_ms: task.timeoutMs,
      retry: task.retry === null ? null : retryBody(task.retry),
      ...(task.items !== undefined && itemsBody(task.items)),
    },
    ".tasks",
  );

const limitsBody = ({ memoryBytes, cpus, pids, nice, io, enforce }: TaskLimits): typeof LimitsBody.static => ({
  memory_bytes: memoryBytes ?? null,
  cpus: cpus ?? null,
  pids: pids ?? null,
  nice: nice ?? null,
  io: io ?? null,
  enforce: enforce ?? "required",
});

const retryBody = (retry: Retry): typeof RetryBody.static => ({
  max_attempts: retry.maxAttempts,
  delay_ms: retry.delayMs,
  backoff: retry.backoff,
  max_delay_ms: retry.maxDelayMs,
  condition: retry.condition,
});

type ProgramBody = Partial<Body<typeof programFields>>;

/** Encodes the fields of a type of task. That of a task that runs a job is in `runs_job`. */
const programBody = (program: Program): ProgramBody => {
  switch (program.type) {
    case "command":
      return { command: program.command };
    case "shell":
      return { script: program.script, shell: [...program.shell] };
    case "python":
    case "typescript":
      return { script: program.inline ? program.text : program.file, inline: program.inline };
    case "http":
      return {
        url: program.url,
        method: program.method,
        headers: { ...program.headers },
        ...httpBody(program.body),
        expect: program.statuses === null ? null : { status: [...program.statuses] },
        outputs: { ...program.outputs },
        ca_file: program.caFile,
      };
    case "ssh":
      return {
        host: program.host,
        user: program.user,
        port: program.port,
        identity_file: program.identityFile,
        known_hosts: program.knownHosts,
        jump: program.jump,
        script: program.script,
      };
    case "approval":
      return { prompt: program.prompt, on_timeout: program.onTimeout };
    case "job":
      return { params: { ...program.params } };
    default:
      return assertNever(program);
  }
};

const httpBody = (body: HttpBody | null): Pick<ProgramBody, "json" | "body" | "form" | "file"> => ({
  json: body?.kind === "json" ? body.value : null,
  body: body?.kind === "text" ? body.text : null,
  form: body?.kind === "form" ? { ...body.fields } : null,
  file: body?.kind === "file" ? body.path : null,
});

const itemsBody = ({ source, key, maxParallel, failFast, maxFailures }: ItemsSpec): Body<typeof itemFields> => ({
  foreach: foreachBody(source),
  matrix: source.kind === "matrix" ? source.combinations.map((each) => ({ ...each })) : null,
  ...declaredBody(source.kind === "matrix" ? source.declared : undefined),
  item_key: key,
  max_parallel: maxParallel,
  fail_fast: failFast,
  max_failures: `${maxFailures.value}${maxFailures.unit === "percent" ? "%" : ""}`,
});

const declaredBody = (
  declared: DeclaredMatrix | undefined,
): Pick<Body<typeof itemFields>, "matrix_axes" | "matrix_exclude" | "matrix_include"> => ({
  matrix_axes:
    declared === undefined
      ? null
      : Object.fromEntries(Object.entries(declared.axes).map(([axis, values]) => [axis, [...values]])),
  matrix_exclude: (declared?.exclude ?? []).map((each) => ({ ...each })),
  matrix_include: (declared?.include ?? []).map((each) => ({ ...each })),
});

const foreachBody = (source: ItemSource): Static<typeof itemFields.foreach> => {
  switch (source.kind) {
    case "list":
      return [...source.values];
    case "range":
      return { range: [source.from, source.to] };
    case "template":
      return source.text;
    case "matrix":
      return null;
    default:
      return assertNever(source);
  }
};
