import type { Dependency } from "../../domain/dependency.ts";
import { type JobId, parseJobId, parseTaskId, type TaskId } from "../../domain/ids.ts";
import {
  type Container,
  hasProcess,
  type Job,
  type Param,
  type Program,
  runsProgram,
  type Source,
  type Task,
} from "../../domain/job.ts";
import { PRIORITY } from "../../domain/limits/queue.ts";
import { mergeLimits, type TaskLimits } from "../../domain/limits/task-limits.ts";
import type { Retry } from "../../domain/retry.ts";
import type { ExceptDates } from "../../domain/schedule/except.ts";
import { tidyExpression } from "../../domain/schedule/expression.ts";
import type { ScheduleSpec } from "../../domain/schedule/schedule.ts";
import { canonicalLabels } from "../../domain/workers/labels.ts";
import { DEFAULT_CONDITION } from "../schema/gate.ts";
import type { JobFields, TaskFields } from "../schema/job.ts";
import { DEFAULT_CATCHUP, DEFAULT_CATCHUP_WINDOW_MS } from "../schema/schedule.ts";
import { buildHttp } from "./http.ts";
import { buildItems } from "./items.ts";
import { buildLimits } from "./limits.ts";
import { buildNotify } from "./notify.ts";
import { buildTextOrSecret } from "./secret.ts";
import { buildTrigger } from "./trigger.ts";

/** Builds a job from the fields of a valid file. */
export const buildJob = (fields: JobFields, source: Source, except: ExceptDates | null = null): Job => ({
  id: toJobId(fields.id),
  ...buildFormerly(fields.formerly),
  name: fields.name ?? fields.id,
  description: fields.description ?? null,
  ...(fields.tags.length > 0 && { tags: fields.tags }),
  ...(Object.keys(fields.links).length > 0 && { links: fields.links }),
  enabled: fields.enabled,
  schedule: fields.schedule === undefined ? null : buildSchedule(fields.schedule, except),
  ...(fields.triggers.length > 0 && { triggers: fields.triggers.map(buildTrigger) }),
  maxConcurrency: fields.max_concurrency ?? null,
  onOverlap: fields.on_overlap,
  ...(fields.queue !== undefined && { queue: fields.queue }),
  ...(fields.priority !== PRIORITY.default && { priority: fields.priority }),
  timeoutMs: fields.timeout ?? null,
  ...(fields.warn_after !== undefined && { warnAfterMs: fields.warn_after }),
  ...(fields.expect !== undefined && { expect: { successWithinMs: fields.expect.success_within } }),
  killGraceMs: fields.kill_grace ?? null,
  onInterrupt: fields.on_interrupt ?? null,
  dependsOn: fields.depends_on.map(buildGate),
  config: fields.config,
  params: Object.fromEntries(Object.entries(fields.params).map(([name, param]) => [name, buildParam(param)])),
  ...(Object.keys(fields.outputs).length > 0 && { outputs: fields.outputs }),
  environment: buildEnvironment(fields.environment),
  inheritEnvironment: fields.inherit_environment,
  retention: { runs: fields.retention?.runs ?? null, days: fields.retention?.days ?? null },
  ...(fields.notify !== undefined && { notify: fields.notify.map((entry) => buildNotify(entry)) }),
  tasks: fields.tasks.map((task) => buildTask(task, fields)),
  source,
});

const buildFormerly = (field: JobFields["formerly"]): Pick<Job, "formerly"> => {
  const ids = toList(field ?? []).map(toJobId);
  return ids.length === 0 ? {} : { formerly: ids };
};

const toJobId = (text: string): JobId => {
  const id = parseJobId(text);
  if (id === null) throw new Error(`unchecked id: ${text}`);
  return id;
};

const toTaskId = (text: string): TaskId => {
  const id = parseTaskId(text);
  if (id === null) throw new Error(`unchecked id: ${text}`);
  return id;
};

type ScheduleFields = NonNullable<JobFields["schedule"]>;

const buildSchedule = (fields: ScheduleFields, except: ExceptDates | null): ScheduleSpec => {
  const full = isMap(fields) ? fields : null;
  return {
    expressions: toList(isMap(fields) ? fields.cron : fields).map(tidyExpression),
    timezone: full?.timezone ?? null,
    catchup: full?.catchup ?? DEFAULT_CATCHUP,
    catchupWindowMs: full?.catchup_window ?? DEFAULT_CATCHUP_WINDOW_MS,
    jitterMs: full?.jitter ?? 0,
    ...(except !== null && { except }),
  };
};

const isMap = <T>(value: T): value is Exclude<T, string | readonly string[]> =>
  typeof value !== "string" && !Array.isArray(value);

const toList = (value: string | readonly string[]): readonly string[] => (typeof value === "string" ? [value] : value);

const buildGate = (fields: JobFields["depends_on"][number]): Dependency => {
  if (typeof fields === "string") return { jobId: toJobId(fields), condition: DEFAULT_CONDITION, windowMs: null };
  const jobId = toJobId(fields.job ?? fields.job_id ?? "");
  if (typeof fields.condition === "string") return { jobId, condition: fields.condition, windowMs: null };
  const window = fields.condition.within_window;
  return { jobId, condition: "within_window", windowMs: typeof window === "number" ? window : window.seconds };
};

const buildParam = (fields: JobFields["params"][string]): Param => ({
  description: fields.description ?? null,
  default: fields.default ?? null,
  required: fields.required,
  enum: fields.enum ?? null,
  pattern: fields.pattern ?? null,
});

const buildTask = (fields: TaskFields, job: JobFields): Task => {
  const items = buildItems(fields);
  const { allow_failure: allowed, skip_exit_codes: skipExitCodes, artifacts } = fields;
  const runsOn = hasProcess(fields.type) ? canonicalLabels(toList(fields.runs_on ?? job.runs_on ?? [])) : [];
  return {
    ...buildPlainTask(fields),
    ...(fields.container !== undefined && { container: buildContainer(fields.container) }),
    ...(items !== undefined && { items }),
    ...(fields.if !== undefined && { if: fields.if }),
    ...(allowed === true && { allowFailure: "always" as const }),
    ...(typeof allowed === "object" && { allowFailure: { exitCodes: allowed.exit_codes } }),
    ...(skipExitCodes !== undefined && { skipExitCodes }),
    ...(artifacts.length > 0 && { artifacts }),
    ...(runsOn.length > 0 && { runsOn }),
    ...buildUse(fields, job),
  };
};

/** What a task may use, and who it is, where that means something: what the job says is a default for all of its tasks. */
const buildUse = (fields: TaskFields, job: JobFields): Pick<Task, "limits" | "runAs" | "leftovers"> => {
  const isContained = fields.container !== undefined;
  const runAs = hasProcess(fields.type) ? (fields.run_as ?? job.run_as) : undefined;
  if (!runsProgram(fields.type)) return { ...(runAs !== undefined && { runAs }) };
  const merged = mergeLimits(buildLimits(job.limits), buildLimits(fields.limits));
  const limits = isContained ? limitsOfContainer(merged) : merged;
  const leftovers = fields.leftovers ?? job.leftovers ?? "keep";
  return {
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(runAs !== undefined && { runAs }),
    ...(leftovers !== "keep" && !isContained && { leftovers }),
  };
};

/** The engine starts the processes of a container, so that they do not inherit priorities of its client. */
const limitsOfContainer = ({ nice: _nice, io: _io, ...limits }: TaskLimits): TaskLimits => limits;

const buildPlainTask = (fields: TaskFields): Task => ({
  id: toTaskId(fields.id),
  name: fields.name ?? fields.id,
  dependsOn: fields.depends_on.map(toTaskId),
  condition: fields.condition,
  program: buildProgram(fields),
  args: fields.args,
  workingDir: fields.working_dir ?? null,
  stdin: fields.stdin ?? null,
  environment: buildEnvironment(fields.environment),
  timeoutMs: fields.timeout ?? fields.timeout_secs ?? null,
  retry: fields.retry === undefined ? null : buildRetry(fields.retry),
});

const buildEnvironment = (fields: TaskFields["environment"]): Task["environment"] =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, buildTextOrSecret(value)]));

const buildContainer = (fields: NonNullable<TaskFields["container"]>): Container => {
  const given = typeof fields === "string" ? null : fields;
  return {
    image: typeof fields === "string" ? fields : fields.image,
    engine: given?.engine ?? null,
    volumes: given?.volumes ?? [],
    user: given?.user ?? null,
    network: given?.network ?? null,
    pull: given?.pull ?? null,
    memory: given?.memory ?? null,
    cpus: given?.cpus ?? null,
    entrypoint: given?.entrypoint ?? null,
  };
};

const DEFAULT_SHELL = ["/bin/sh", "-e"];

const buildProgram = (fields: TaskFields): Program => {
  const script = fields.script ?? "";
  switch (fields.type) {
    case "command":
      return { type: "command", command: fields.command ?? "" };
    case "shell":
      return { type: "shell", script, shell: fields.shell ?? DEFAULT_SHELL };
    case "http":
      return buildHttp(fields);
    case "ssh":
      return {
        type: "ssh",
        host: fields.host ?? "",
        user: fields.user ?? null,
        port: fields.port ?? null,
        identityFile: fields.identity_file ?? null,
        knownHosts: fields.known_hosts ?? null,
        jump: fields.jump ?? null,
        script,
      };
    case "approval":
      return { type: "approval", prompt: fields.prompt ?? null, onTimeout: fields.on_timeout ?? "reject" };
    case "job":
      return {
        type: "job",
        jobId: toJobId(fields.job ?? ""),
        params: fields.params ?? {},
        wait: fields.wait ?? true,
      };
    case "python":
    case "typescript":
      return fields.inline
        ? { type: fields.type, inline: true, text: script }
        : { type: fields.type, inline: false, file: script };
  }
};

const buildRetry = (fields: NonNullable<TaskFields["retry"]>): Retry => ({
  maxAttempts: fields.max_attempts,
  delayMs: fields.delay ?? fields.delay_secs ?? 0,
  backoff: fields.backoff,
  maxDelayMs: fields.max_delay,
  condition: fields.condition,
});
