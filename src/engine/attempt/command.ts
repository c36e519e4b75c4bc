import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import type { Item } from "../../domain/item.ts";
import { type Container, type Job, type Program, type SshProgram, secretsOfTask, type Task } from "../../domain/job.ts";
import type { TaskLimits } from "../../domain/limits/task-limits.ts";
import type { Run } from "../../domain/run.ts";
import type { TextOrSecret } from "../../domain/secret.ts";
import { configVariables, itemVariables, paramVariables } from "../../domain/task-environment.ts";
import type { OwnFolders } from "../../jobfile/mount.ts";
import { expandJson, expandTemplate, hasTemplate, type TemplateScope } from "../../jobfile/template.ts";
import { type TraceParent, traceHeaders, traceVariables } from "../../lib/wire/trace-parent.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Spool } from "../output/spool.ts";
import type { SecretValues } from "../secrets/attempt-secrets.ts";
import { containerOf } from "./container/engine.ts";
import { SCRIPT_IN_CONTAINER } from "./container/mounts.ts";
import { planContainer } from "./container/plan.ts";
import { findFile } from "./find-file.ts";
import { type HttpPlanOptions, planRequest } from "./http/plan.ts";
import { requestArguments } from "./http/request-command.ts";
import type { ProcessCommand } from "./process.ts";
import { reopensOutput } from "./reopens-output.ts";
import { SpawnError } from "./spawn-error.ts";
import { planSsh } from "./ssh/plan.ts";

export type AttemptPlan = {
  readonly command: ProcessCommand;
  readonly script: string | null;
  readonly stdin: string | null;
  /** The event that started the run, as JSON; null without one, and if it goes to another machine. */
  readonly event: string | null;
  /** The working directory, if files in it may be kept as artifacts. */
  readonly workdir: string | null;
  /** True if other users, those of a container, read the script and write the outputs. Default false. */
  readonly isShared?: boolean;
};

/** What an attempt is of. */
export type AttemptContext = {
  readonly job: Job;
  readonly task: Task;
  readonly run: Run;
  /** Null in a task without items. */
  readonly item: Item | null;
  /** The span of the attempt, which its program continues; null without traces. */
  readonly trace: TraceParent | null;
  /** Returns the values for templates. Called only if the task has any. */
  readonly scope: () => TemplateScope;
};

/** What decides about the variables of an attempt. */
type CallOptions = AttemptContext & {
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  readonly spool: Spool;
  readonly secrets: SecretValues;
};

export type CommandOptions = CallOptions & {
  readonly runtime: Runtime;
  /** The environment that tasks may inherit; see `inheritable`. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the processes of the task may use. */
  readonly limits: TaskLimits;
  readonly ownFolders: OwnFolders;
  /** True if the process has another user than petit, who can create files only in the folder of artifacts. */
  readonly hasOtherUser: boolean;
};

/**
 * Returns everything that is needed to start the process of an attempt. Throws SpawnError if its folder or program is
 * missing.
 */
export const planAttempt = (context: CommandOptions): AttemptPlan => {
  const { job, task, runtime } = context;
  let known: TemplateScope | null = null;
  const scope = (): TemplateScope => {
    known ??= context.scope();
    return known;
  };
  const expand = (text: string): string => (hasTemplate(text) ? expandTemplate(text, scope()) : text);
  if (task.program.type === "ssh") return planRemote(context, task.program, { expand, scope });
  const cwd = task.workingDir === null ? process.cwd() : resolve(job.source.folder, expand(task.workingDir));
  if (task.program.type === "http") return planHttp(context, { program: task.program, cwd, expand, scope });
  const program = programOf({
    program: task.program,
    args: argumentsOf(task, expand),
    cwd,
    job,
    runtime,
    script: task.container === undefined ? context.spool.script : SCRIPT_IN_CONTAINER,
  });
  if (task.container !== undefined) return planContained(context, task.container, { program, cwd, expand, scope });
  const environment = { ...environmentOf(context, expand), ...program.environment };
  assertFolder(cwd);
  const stdin = task.stdin === null ? null : expand(task.stdin);
  const script = program.script ?? null;
  const workdir = task.artifacts === undefined ? null : realpathSync(cwd);
  const argv = findProgram(program.argv, cwd, environment.PATH);
  // Another user can't open the files of the output at all, so that even a program that this one calls would fail.
  const reopens = context.hasOtherUser || reopensOutput({ argv, cwd, script, file: program.file ?? null });
  return {
    command: { argv, cwd, environment, hasStdin: stdin !== null, reopensOutput: reopens },
    script,
    stdin,
    event: eventText(context, scope),
    workdir,
  };
};

/** What an attempt gets from its job file and from petit. */
export type AttemptCall = {
  readonly args: readonly string[];
  /** Without the variables that it inherits. */
  readonly environment: Variables;
  readonly stdin: string | null;
};

/**
 * Returns what an attempt would be called with, and looks for neither its program, nor its folders, nor its secrets: each of them is `***`.
 * Throws SpawnError as `planAttempt` does.
 */
export const describeCall = (context: Omit<CallOptions, "secrets">): AttemptCall => {
  const { job, task } = context;
  const expand = (text: string): string => (hasTemplate(text) ? expandTemplate(text, context.scope()) : text);
  const secrets = new Map(secretsOfTask(job, task).map(({ source }) => [source, HIDDEN] as const));
  if (task.workingDir !== null) expand(task.workingDir);
  return {
    args: argumentsOf(task, expand),
    environment: { ...givenVariables({ job, task, secrets }, expand), ...ownVariables(context) },
    stdin: task.stdin === null ? null : expand(task.stdin),
  };
};

const HIDDEN = "***";

type Scope = () => TemplateScope;

/** Returns the event that started the run as JSON; null if none did. */
const eventText = ({ run }: CommandOptions, scope: Scope): string | null =>
  run.deliveryId === null ? null : JSON.stringify(scope().event);

/** Plans a program in a container: the local process is the client of the container engine. */
const planContained = (
  context: CommandOptions,
  container: Container,
  {
    program,
    cwd,
    expand,
    scope,
  }: { readonly program: ProgramCall; readonly cwd: string; readonly expand: Expand; readonly scope: Scope },
): AttemptPlan => {
  const { job, task, run, spool } = context;
  const started = containerOf(container, spool, context.environment);
  if (started === null)
    throw new SpawnError("ENOENT", `there is no ${container.engine ?? "docker or podman"} on this machine`);
  assertFolder(cwd);
  const stdin = task.stdin === null ? null : expand(task.stdin);
  const event = eventText(context, scope);
  const { argv, environment } = planContainer({
    container,
    started,
    spool,
    runId: run.id,
    argv: program.argv,
    cwd: task.workingDir === null ? null : cwd,
    environment: { ...traceVariables(context.trace), ...givenVariables(context, expand), ...ownVariables(context) },
    hasStdin: stdin !== null,
    secrets: secretNames(context),
    hasScript: program.script !== undefined,
    hasEvent: event !== null,
    file: program.file ?? null,
    folder: job.source.folder,
    ownFolders: context.ownFolders,
    expand,
    limits: context.limits,
  });
  const command = { argv, cwd, environment, hasStdin: stdin !== null };
  const workdir = task.artifacts === undefined || task.workingDir === null ? null : realpathSync(cwd);
  return { command, script: program.script ?? null, stdin, event, workdir, isShared: true };
};

type Expand = (text: string) => string;

/** Plans a script on another machine: the local process is that of ssh, and the job's own variables go to that machine. */
const planRemote = (
  context: CommandOptions,
  program: SshProgram,
  { expand, scope }: { readonly expand: Expand; readonly scope: Scope },
): AttemptPlan => {
  const { job, task, spool, trace } = context;
  const cwd = process.cwd();
  const environment: Variables = {
    ...inheritedBy(context),
    ...ownVariables(context),
    // ssh runs its LocalCommand with it, and the shell of a user for programs may be nologin.
    ...(context.hasOtherUser && { SHELL: "/bin/sh" }),
  };
  if (inPath("ssh", cwd, environment.PATH) === undefined)
    throw new SpawnError("ENOENT", "there is no ssh on this machine; install OpenSSH's client (openssh-client)");
  const { PETIT_OUTPUT: _, PETIT_ARTIFACTS: __, PETIT_EVENT: ___, ...own } = ownVariables(context);
  const { argv, stdin: privateStdin } = planSsh({
    program,
    args: argumentsOf(task, expand),
    cwd: task.workingDir === null ? null : expand(task.workingDir),
    environment: { ...traceVariables(trace), ...givenVariables(context, expand), ...own },
    stdin: task.stdin === null ? null : expand(task.stdin),
    event: eventText(context, scope),
    expand,
    folder: job.source.folder,
    pipe: context.hasOtherUser ? join(spool.artifacts, PIPE) : spool.pipe,
    token: randomBytes(16).toString("hex"),
  });
  return {
    command: { argv, cwd, environment, hasStdin: false, privateStdin },
    script: null,
    stdin: null,
    event: null,
    workdir: null,
  };
};

/** Name of the pipe to ssh in the folder of artifacts. Only files are kept as artifacts. */
const PIPE = ".ssh-pipe";

type HttpOptions = Pick<HttpPlanOptions, "program" | "cwd" | "expand"> & { readonly scope: () => TemplateScope };

/** Plans an HTTP request: the process is petit itself, which reads the request with its secrets from stdin. */
const planHttp = (context: CommandOptions, options: HttpOptions): AttemptPlan => {
  const { job, task, spool, secrets, runtime, trace } = context;
  const { program, cwd, expand, scope } = options;
  const environment = {
    ...inheritedBy(context),
    ...givenVariables({ job: { ...job, environment: withoutSecrets(job.environment) }, task, secrets }, expand),
    ...ownVariables(context),
  };
  assertFolder(cwd);
  const request = planRequest({
    program,
    cwd,
    expand,
    secrets,
    trace: traceHeaders(trace),
    expandJson: (value) => expandJson(value, scope),
    folder: job.source.folder,
    resultFile: spool.result,
  });
  const privateStdin = JSON.stringify(request);
  const argv = runtime.self(requestArguments);
  return {
    command: { argv, cwd, environment, hasStdin: false, privateStdin },
    script: null,
    stdin: null,
    event: null,
    workdir: null,
  };
};

const withoutSecrets = (environment: Job["environment"]): Job["environment"] =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => typeof value === "string"));

type ProgramOptions = {
  readonly program: Program;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly job: Job;
  readonly runtime: Runtime;
  readonly script: string;
};

type ProgramCall = {
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Content of the spool's script file. */
  readonly script?: string;
  /** The script file that the job file names. */
  readonly file?: string;
};

const programOf = ({ program, args, cwd, job, runtime, script }: ProgramOptions): ProgramCall => {
  if (program.type === "approval" || program.type === "job" || program.type === "http" || program.type === "ssh")
    throw new Error(`no local program for ${program.type}`);
  if (program.type === "command") return { argv: [program.command, ...args] };
  if (program.type === "shell") return { argv: [...program.shell, script, ...args], script: program.script };
  const source = program.inline
    ? { text: program.text }
    : { file: findFile("script", program.file, { folder: job.source.folder, cwd }) };
  if (program.type === "typescript") return { ...runtime.typescript({ ...source, args }), ...source };
  // Python imports modules from the folder of its file. With `-c` that is the working directory, which another user may be
  // able to write to; `-P` prevents that, but needs Python 3.11. `-u` is unbuffered: output appears when it is written.
  if ("file" in source) return { argv: ["python3", "-u", source.file, ...args], file: source.file };
  return { argv: ["python3", "-u", script, ...args], script: source.text };
};

/** Variables that configure petit itself or its runtime. */
const OWN = /^(PETIT_|BUN_|WATCHDOG_)|^(NOTIFY_SOCKET|CREDENTIALS_DIRECTORY)$/;

/** Returns the variables of an environment that tasks may inherit. */
export const inheritable = (environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !OWN.test(name)));

type Variables = Readonly<Record<string, string>>;

/** Python leaves compiled modules beside the sources. Root could do so in the folder of a commit, which is read-only. */
const READ_ONLY: Variables = { PYTHONDONTWRITEBYTECODE: "1" };

const environmentOf = (context: CommandOptions, expand: (text: string) => string): Variables => ({
  ...(context.job.source.commit !== undefined && READ_ONLY),
  ...inheritedBy(context),
  ...givenVariables(context, expand),
  ...ownVariables(context),
});

/** Returns the variables from outside of the job file. A trace that petit itself is part of is not that of its attempts. */
const inheritedBy = ({ job, environment, trace }: CommandOptions): Variables => {
  const inherited = job.inheritEnvironment ? environment : {};
  if (trace === null) return inherited;
  const { TRACEPARENT: _, TRACESTATE: __, ...others } = inherited;
  return { ...others, ...traceVariables(trace) };
};

type GivenVariables = Pick<CommandOptions, "job" | "task" | "secrets">;

/** The variables that the job file gives. */
const givenVariables = ({ job, task, secrets }: GivenVariables, expand: (text: string) => string): Variables => {
  const given = [...Object.entries(job.environment), ...Object.entries(task.environment)];
  return Object.fromEntries(
    given.map(([name, value]) => {
      const text = variableOf(value, secrets, expand);
      assertNoNul(text, `the variable ${name}`);
      return [name, text];
    }),
  );
};

const argumentsOf = ({ args }: Task, expand: Expand): readonly string[] =>
  args.map((arg, index) => {
    const text = expand(arg);
    assertNoNul(text, `args[${index}]`);
    return text;
  });

/** A NUL would end the text in the process that gets it. Data from outside, such as an event, can contain one. */
const assertNoNul = (text: string, what: string): void => {
  if (text.includes("\0"))
    throw new SpawnError("EINVAL", `the process could not be started: ${what} contains a NUL character`);
};

const secretNames = ({ job, task }: CommandOptions): ReadonlySet<string> => {
  const given = Object.entries({ ...job.environment, ...task.environment });
  return new Set(given.flatMap(([name, value]) => (typeof value === "string" ? [] : [name])));
};

/** The variables that petit sets. */
const ownVariables = (context: Omit<CallOptions, "secrets">): Record<string, string> => {
  const { job, task, run, item } = context;
  return {
    ...configVariables(job.config),
    ...paramVariables(run.params),
    ...(item === null ? {} : itemVariables(item, task.items?.source.kind === "matrix")),
    PETIT_JOB_ID: job.id,
    PETIT_RUN_ID: run.id,
    PETIT_TASK_ID: task.id,
    PETIT_ATTEMPT: String(context.attempt),
    PETIT_TRIGGER: run.trigger,
    PETIT_OUTPUT: context.spool.outputs,
    ...(run.deliveryId === null ? {} : { PETIT_EVENT: context.spool.event }),
    PETIT_ARTIFACTS: context.spool.artifacts,
    ...timeVariables(run),
  };
};

/** A petit of an earlier version offers a run to a worker without `intervalStart`. */
const timeVariables = ({ scheduledFor, intervalStart = null }: TimesOfRun): Record<string, string> => {
  if (scheduledFor === null) return {};
  const at = new Date(scheduledFor).toISOString();
  return {
    PETIT_SCHEDULED_FOR: at,
    ...(intervalStart === null ? {} : { PETIT_INTERVAL_START: new Date(intervalStart).toISOString() }),
    PETIT_INTERVAL_END: at,
  };
};

type TimesOfRun = Pick<Run, "scheduledFor"> & Partial<Pick<Run, "intervalStart">>;

/** Returns the value of a variable. A secret is not expanded, whatever it contains. */
const variableOf = (value: TextOrSecret, secrets: SecretValues, expand: (text: string) => string): string =>
  typeof value === "string" ? expand(value) : (secrets.get(value) ?? "");

const assertFolder = (cwd: string): void => {
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new SpawnError("ENOENT", `working directory ${cwd} ${existsSync(cwd) ? "is not a folder" : "does not exist"}`);
};

/** The search path if the environment has no PATH. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Returns `argv` with the path of the program, since the wrapper's shell could take a bare name for a builtin. Throws
 * SpawnError if the program can't be executed; the shell could only report status 126 or 127.
 */
const findProgram = (argv: readonly string[], cwd: string, path: string | undefined): readonly string[] => {
  const [program = "", ...args] = argv;
  if (program.includes("/")) {
    const file = isAbsolute(program) ? program : resolve(cwd, program);
    if (isExecutable(file)) return argv;
    throw existsSync(file)
      ? new SpawnError("EACCES", `program ${program} is not an executable file`)
      : new SpawnError("ENOENT", `program ${program} does not exist${isAbsolute(program) ? "" : ` in ${cwd}`}`);
  }
  const found = inPath(program, cwd, path);
  if (found === undefined)
    throw new SpawnError("ENOENT", `program '${program}' was not found in PATH`, path ?? DEFAULT_PATH);
  return [found, ...args];
};

/** Returns the path of a program that is in the search path, or undefined. */
const inPath = (program: string, cwd: string, path = DEFAULT_PATH): string | undefined =>
  path
    .split(delimiter)
    .map((folder) => join(folder === "" ? cwd : folder, program))
    .find(isExecutable);

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};
