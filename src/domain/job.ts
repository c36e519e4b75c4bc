import type { Json } from "../lib/json.ts";
import type { EventTrigger } from "./deliveries/trigger.ts";
import type { Dependency } from "./dependency.ts";
import type { TaskCondition } from "./graph.ts";
import type { JobId, TaskId } from "./ids.ts";
import type { Expect } from "./inbox/expectation.ts";
import type { ItemsSpec } from "./item.ts";
import type { Retention } from "./limits/retention.ts";
import type { Leftovers, TaskLimits } from "./limits/task-limits.ts";
import type { NotifyTarget } from "./notification.ts";
import type { Retry } from "./retry.ts";
import { isLostReason, type Reason } from "./run.ts";
import type { ScheduleSpec } from "./schedule/schedule.ts";
import type { SecretSource, TextOrSecret } from "./secret.ts";
import type { TaskStatus } from "./task-run.ts";

/** What a task runs. `approval` and `job` have no process. */
export const TASK_TYPES = ["command", "shell", "python", "typescript", "http", "ssh", "approval", "job"] as const;
export type TaskType = (typeof TASK_TYPES)[number];

/** Returns whether tasks of a type start a process, which can run on another machine. */
export const hasProcess = (type: TaskType): boolean => type !== "approval" && type !== "job";

/** Returns whether tasks of a type run a program of the user here, and not only the client of a server. */
export const runsProgram = (type: TaskType): boolean => hasProcess(type) && type !== "http" && type !== "ssh";

/** What a scheduled occurrence does when the job has reached its limit: `skip` it, `queue` it, or `replace` the oldest run. */
export const OVERLAP_POLICIES = ["skip", "queue", "replace"] as const;
type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** What happens to a run that lost an attempt. `fail`: the run continues and ends as `interrupted`. `rerun`: the attempt is repeated. */
export const INTERRUPT_POLICIES = ["fail", "rerun"] as const;
export type InterruptPolicy = (typeof INTERRUPT_POLICIES)[number];

/**
 * A job definition, as read from a job file and stored in the database: plain data that survives JSON unchanged.
 * Durations are in ms. Null means "not given"; the setting then applies.
 */
export type Job = {
  readonly id: JobId;
  /** The ids that the job had before. Missing if the file names none. */
  readonly formerly?: readonly JobId[];
  readonly name: string;
  readonly description: string | null;
  /** Missing if the job has none, and in definitions stored by versions without tags. */
  readonly tags?: readonly string[];
  /** URLs by name. Missing if the job has none, and in definitions stored by versions without links. */
  readonly links?: Links;
  readonly enabled: boolean;
  readonly schedule: ScheduleSpec | null;
  /** What starts it beside its schedule and people. Missing if there is nothing. */
  readonly triggers?: readonly EventTrigger[];
  /** Maximum number of concurrent runs; null means unlimited. */
  readonly maxConcurrency: number | null;
  readonly onOverlap: OverlapPolicy;
  /** The queue whose limit its runs share with those of other jobs. Missing if the job has none. */
  readonly queue?: string;
  /** Its pending runs, and its tasks that wait for a worker, start before those with a lower priority. Missing for the default, 0. */
  readonly priority?: number;
  /** Timeout of the whole run. */
  readonly timeoutMs: number | null;
  /**
   * Time after which an unfinished run is late, from when it was due. Missing if the job has none, and in definitions stored
   * by versions without late runs.
   */
  readonly warnAfterMs?: number;
  /** What it is expected to do. Missing if there is nothing. */
  readonly expect?: Expect;
  /** Time between SIGTERM and SIGKILL. */
  readonly killGraceMs: number | null;
  /** Null means the setting. */
  readonly onInterrupt: InterruptPolicy | null;
  readonly dependsOn: readonly Dependency[];
  readonly config: { readonly [key: string]: Json };
  readonly params: { readonly [name: string]: Param };
  /** What a parent run may read when a run has completed; values may contain templates. Missing if there is nothing. */
  readonly outputs?: { readonly [name: string]: string };
  readonly environment: Environment;
  readonly inheritEnvironment: boolean;
  readonly retention: Retention;
  /** Missing if nobody is notified by default, and in definitions stored by versions without notifications. */
  readonly notify?: readonly NotifyTarget[];
  /** True if `notify` is the list of the configuration file, because the job has none. */
  readonly hasDefaultNotify?: true;
  readonly tasks: readonly Task[];
  readonly source: Source;
};

/** Returns a definition that runs nothing, for what refers to a definition without being a job of a file. */
export const emptyJob = ({ id, name, source }: Pick<Job, "id" | "name" | "source">): Job => ({
  id,
  name,
  description: null,
  enabled: false,
  schedule: null,
  maxConcurrency: null,
  onOverlap: "skip",
  timeoutMs: null,
  killGraceMs: null,
  onInterrupt: null,
  dependsOn: [],
  config: {},
  params: {},
  environment: {},
  inheritEnvironment: true,
  retention: { runs: null, days: null },
  tasks: [],
  source,
});

export type Links = { readonly [name: string]: string };

type Environment = { readonly [name: string]: TextOrSecret };

/** The source of a definition: the file relative to JOBS_DIR, the line (from 1), and the absolute folder of the file. */
export type Source = {
  readonly file: string;
  readonly line: number;
  readonly folder: string;
  /**
   * The document's text with secrets masked, and its first line, which may be a comment. Missing in definitions
   * stored by versions that did not record it.
   */
  readonly document?: { readonly text: string; readonly line: number };
  /** The commit that the file is from, and the absolute folder of the files of the commit. Missing for files in a folder. */
  readonly commit?: { readonly id: string; readonly folder: string };
};

/** A parameter that a trigger may pass. */
export type Param = {
  readonly description: string | null;
  readonly default: string | null;
  readonly required: boolean;
  readonly enum: readonly string[] | null;
  /** A regular expression in RE2 syntax. It matches any part of the value unless it is anchored. */
  readonly pattern: string | null;
};

export type Task = {
  readonly id: TaskId;
  readonly name: string;
  readonly dependsOn: readonly TaskId[];
  readonly condition: TaskCondition;
  readonly program: Program;
  /** May contain templates. */
  readonly args: readonly string[];
  /** As written, relative to the job file's folder; may contain templates. Null means petit's working directory. */
  readonly workingDir: string | null;
  /** May contain templates. */
  readonly stdin: string | null;
  /** Values may contain templates. */
  readonly environment: Environment;
  readonly timeoutMs: number | null;
  readonly retry: Retry | null;
  /** Missing if the process runs on this machine itself. */
  readonly container?: Container;
  /** Missing if the task runs once, not for each item of a list. */
  readonly items?: ItemsSpec;
  /** An expression. If it is false, the task or item is skipped. Missing if there is none. */
  readonly if?: string;
  /** Failures that do not fail the run: all, or those with certain exit codes. Missing if there are none. */
  readonly allowFailure?: "always" | { readonly exitCodes: readonly number[] };
  /** Exit codes with which the task counts as skipped. Missing if there are none. */
  readonly skipExitCodes?: readonly number[];
  /** Patterns of files below the working directory that are kept with the run. Missing if there are none. */
  readonly artifacts?: readonly string[];
  /**
   * The labels of a worker that may run it, sorted and without duplicates. Missing if it runs on the machine of the scheduler, and for
   * tasks without a process.
   */
  readonly runsOn?: readonly string[];
  /** What its processes may use: its own limits over those of the job. Missing if both have none. */
  readonly limits?: TaskLimits;
  /** The user that it runs as: a name or a numeric id. Missing if that is petit's own. */
  readonly runAs?: string;
  /** What becomes of processes that it leaves running when it ends by itself. Missing for `keep`. */
  readonly leftovers?: Leftovers;
};

/** The program that a task runs, without its `args`. */
export type Program =
  | { readonly type: "command"; readonly command: string }
  | { readonly type: "shell"; readonly script: string; readonly shell: readonly string[] }
  | { readonly type: "python" | "typescript"; readonly inline: true; readonly text: string }
  | HttpProgram
  | SshProgram
  /** No process: it waits until a person decides, or until its timeout. */
  | Approval
  /** No process: it starts a run of another job. */
  | ChildJob
  /** `file` as written; searched in the job file's folder, then in the task's working directory. */
  | { readonly type: "python" | "typescript"; readonly inline: false; readonly file: string };

export const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
type HttpMethod = (typeof HTTP_METHODS)[number];

/** An HTTP request that petit's own executable sends. */
export type HttpProgram = {
  readonly type: "http";
  /** May contain templates. */
  readonly url: string;
  readonly method: HttpMethod;
  /** By header name. Texts may contain templates. */
  readonly headers: { readonly [name: string]: TextOrSecret };
  readonly body: HttpBody | null;
  /** The statuses that are a success; null means 200 to 299. */
  readonly statuses: readonly number[] | null;
  /** By output: where it is in the answer, as a JSON pointer (RFC 6901). */
  readonly outputs: { readonly [name: string]: string };
  /** Path of the certificates to trust, relative to the job file's folder. Null means those that the runtime trusts. */
  readonly caFile: string | null;
};

/** Values and paths may contain templates. */
export type HttpBody =
  | { readonly kind: "json"; readonly value: Json }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "form"; readonly fields: { readonly [name: string]: string } }
  /** `path` as written; searched as the file of a script is. */
  | { readonly kind: "file"; readonly path: string };

/** A script that OpenSSH's client runs on another machine. Texts may contain templates, except the script. */
export type SshProgram = {
  readonly type: "ssh";
  /** A name, an address, or an alias of ssh_config. */
  readonly host: string;
  /** Null in these fields means what ssh_config says. */
  readonly user: string | null;
  readonly port: number | null;
  /** Path of the private key, relative to the job file's folder. */
  readonly identityFile: string | null;
  readonly knownHosts: string | null;
  /** The host to connect through. */
  readonly jump: string | null;
  readonly script: string;
};

/** The clients that can start containers. */
export const CONTAINER_ENGINES = ["docker", "podman"] as const;
export const PULL_POLICIES = ["missing", "always", "never"] as const;

/** The container that a task's process runs in. Texts may contain templates. Null means the default of the engine. */
export type Container = {
  readonly image: string;
  readonly engine: (typeof CONTAINER_ENGINES)[number] | null;
  /** As for `docker run --volume`; a path that begins with `.` is relative to the job file's folder. */
  readonly volumes: readonly string[];
  readonly user: string | null;
  readonly network: string | null;
  readonly pull: (typeof PULL_POLICIES)[number] | null;
  readonly memory: string | null;
  readonly cpus: string | null;
  readonly entrypoint: string | null;
};

/** What happens when nobody has decided about an approval in time. */
export const TIMEOUT_DECISIONS = ["reject", "approve"] as const;

export type Approval = {
  readonly type: "approval";
  /** What a person is asked; may contain templates. Null means only the name of the task. */
  readonly prompt: string | null;
  readonly onTimeout: (typeof TIMEOUT_DECISIONS)[number];
};

export type ChildJob = {
  readonly type: "job";
  readonly jobId: JobId;
  /** The params of the child run; values may contain templates. */
  readonly params: { readonly [name: string]: string };
  /** False: the task completes when the child run is stored, and takes no further notice of it. */
  readonly wait: boolean;
};

/** Returns whether a task failed in a way that its job allows. A task that was ended with its run, or lost, never did. */
export const isAllowedFailure = (
  { allowFailure }: Pick<Task, "allowFailure">,
  ended: { readonly status: TaskStatus; readonly reason: Reason | null; readonly exitCode: number | null },
): boolean => {
  if (allowFailure === undefined || ended.status !== "failed") return false;
  if (ended.reason === "cancelled" || ended.reason === "shutdown" || isLostReason(ended.reason)) return false;
  return allowFailure === "always" || (ended.exitCode !== null && allowFailure.exitCodes.includes(ended.exitCode));
};

/**
 * Returns the exit code of a task that failed because of its items: that of the first one that failed by itself, if
 * `allow_failure` lists those of all of them; otherwise null.
 */
export const exitCodeOfItems = (
  { allowFailure }: Pick<Task, "allowFailure">,
  items: readonly {
    readonly status: TaskStatus;
    readonly reason: Reason | null;
    readonly exitCode?: number | null | undefined;
  }[],
): number | null => {
  if (allowFailure === undefined || allowFailure === "always") return null;
  const codes = items
    .filter(({ status, reason }) => status === "failed" && reason !== "cancelled")
    .map(({ exitCode }) => exitCode ?? null);
  return codes.every((code) => code !== null && allowFailure.exitCodes.includes(code)) ? (codes[0] ?? null) : null;
};

/** A secret that a job file names. */
export type SecretUse = {
  readonly source: SecretSource;
  /** Where the job file names it, such as `tasks.load.environment.TOKEN`. */
  readonly path: string;
  /** The environment variable of a process that has it, or null. */
  readonly variable: string | null;
};

/** Returns all secrets of a job and its tasks, except those of notifications. */
export const secretsOfJob = (job: Job): readonly SecretUse[] => {
  const known = KNOWN_SECRETS.get(job);
  if (known !== undefined) return known;
  const found = [...secretVariables(job.environment, "environment"), ...job.tasks.flatMap(ownSecrets)];
  KNOWN_SECRETS.set(job, found);
  return found;
};

/** A job with many tasks would otherwise be searched for each of them. */
const KNOWN_SECRETS = new WeakMap<Job, readonly SecretUse[]>();

/** Returns the secrets that the process of a task gets. A variable of the task replaces that of the job. */
export const secretsOfTask = (job: Job, task: Task): readonly SecretUse[] => {
  const own = ownSecrets(task);
  // A request needs no variables of the job.
  if (task.program.type === "http") return own;
  const ofJob = secretVariables(job.environment, "environment");
  return [...ofJob.filter(({ variable }) => variable !== null && !Object.hasOwn(task.environment, variable)), ...own];
};

const ownSecrets = ({ id, environment, program }: Task): readonly SecretUse[] => [
  ...secretVariables(environment, `tasks.${id}.environment`),
  ...(program.type === "http" ? secretHeaders(program, `tasks.${id}.headers`) : []),
];

const secretVariables = (environment: Environment, path: string): readonly SecretUse[] =>
  Object.entries(environment).flatMap(([variable, value]) =>
    typeof value === "string" ? [] : [{ source: value, path: `${path}.${variable}`, variable }],
  );

const secretHeaders = ({ headers }: HttpProgram, path: string): readonly SecretUse[] =>
  Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" ? [] : [{ source: value, path: `${path}.${name}`, variable: null }],
  );

/** Returns a job with the default receivers if its file names none: instead of those that it was given before. */
export const withDefaultNotify = (job: Job, targets: readonly NotifyTarget[]): Job => {
  const own = withoutDefaultNotify(job);
  return own.notify !== undefined || targets.length === 0 ? own : { ...own, notify: targets, hasDefaultNotify: true };
};

/** Returns a job as its file defines it. */
export const withoutDefaultNotify = (job: Job): Job => {
  if (job.hasDefaultNotify === undefined) return job;
  const { notify: _notify, hasDefaultNotify: _hasDefaultNotify, ...own } = job;
  return own;
};

/** The form of a tag, for patterns with the flag `u`. */
export const TAG_PATTERN = "^[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}_.:/-]{0,63}$";
export const TAG_FORM = "a tag: 1 to 64 letters, digits, '_', '.', ':', '/' and '-', the first one a letter or a digit";

/** Returns whether a job has all of these tags. */
export const hasTags = ({ tags = [] }: Pick<Job, "tags">, wanted: readonly string[]): boolean =>
  wanted.every((tag) => tags.includes(tag));

/** Returns the task of a job with an id. Throws if there is none. */
export const taskOf = (job: Job, taskId: TaskId): Task => {
  const task = job.tasks.find(({ id }) => id === taskId);
  if (task === undefined) throw new Error(`job ${job.id} has no task '${taskId}'`);
  return task;
};

/** A pause of a job or of the scheduler. */
export type Pause = {
  /** When it began, in ms since the Unix epoch. */
  readonly at: number;
  /** The person who requested it: the name of a token, otherwise an address. Null if that is unknown. */
  readonly by: string | null;
};
