import { t } from "elysia";
import type { TaskId } from "../../domain/ids.ts";
import { isAllowedFailure, type Job, type Task, TIMEOUT_DECISIONS, taskOf } from "../../domain/job.ts";
import type { WaitingCode } from "../../domain/limits/waiting-for.ts";
import type { FailureGroup } from "../../domain/output/failure-groups.ts";
import type { Run } from "../../domain/run.ts";
import { durationMs } from "../../domain/run.ts";
import {
  ATTEMPT_STATUSES,
  type Attempt,
  type ItemCounts,
  type ItemRun,
  TASK_STATUSES,
  type TaskRun,
} from "../../domain/task-run.ts";
import { areLimitsEnforced, totalUsage } from "../../domain/usage.ts";
import { TASK_STATUS_TEXT } from "../../domain/words/run.ts";
import type { WorkerWait } from "../../domain/workers/waiting.ts";
import type { WaitsForWorker } from "../../domain/workers/worker.ts";
import { expandTemplate, type TemplateScope } from "../../jobfile/template.ts";
import type { Json } from "../../lib/json.ts";
import { type AttemptNote, NOTE_CODES } from "../../store/workers/notes.ts";
import { causeBody, FailureCauseBody } from "./attention/failure-cause.ts";
import { FailureGroupBody, failureGroupBody } from "./attention/failure-group.ts";
import { nodeBody, nodeFields } from "./definition/task.ts";
import { TotalUsageBody, totalUsageBody, UsageBody, usageBody } from "./limits/usage.ts";
import { WaitingForOrNull, WaitsForWorkerBody, waitsForWorkerBody } from "./limits/waits-for.ts";
import {
  Count,
  durationOrNull,
  exactly,
  instant,
  instantOrNull,
  integer,
  meanings,
  nullable,
  ReasonOrNull,
  RunIdText,
  TaskIdText,
  word,
} from "./schemas.ts";

const exitCode = nullable(integer(), "Exit status of the attempt, or of the last attempt; null if it has none");

const childRunId = nullable(
  RunIdText,
  "The run of another job that it, or its last attempt, started, which may have been deleted since; null if it started none",
);

const NoteBody = exactly(
  {
    at: instant("When petit was told"),
    worker: t.String({ description: "Name of the worker that said it" }),
    epoch: integer({ minimum: 1, description: "How often the attempt had been offered then" }),
    code: word(NOTE_CODES, "`late_outcome`: how the attempt ended there, after it had been declared lost"),
    detail: t.Record(t.String(), t.Unknown(), { description: "What the worker said" }),
  },
  { title: "AttemptNote", description: "What a worker said about an attempt when it could no longer change it" },
);

const AttemptBody = exactly(
  {
    attempt: integer({ minimum: 1, description: "Number of the attempt, from 1" }),
    status: word(ATTEMPT_STATUSES, "Status of the attempt"),
    reason: ReasonOrNull,
    exit_code: exitCode,
    signal: nullable(t.String({ examples: ["SIGKILL"] }), "Name of the signal that ended the process"),
    started_at: instant("When it started"),
    ended_at: instantOrNull("When it ended"),
    duration_ms: durationOrNull,
    child_run_id: childRunId,
    worker: nullable(
      t.String({ examples: ["box7"] }),
      "Name of the worker that claimed it; null on petit's own machine",
    ),
    cause: nullable(
      FailureCauseBody,
      "The line of its output that explains why it failed; null if it did not, or none does",
    ),
    usage: nullable(UsageBody, "What it used; null until it has ended, and if that was not measured"),
    memory_limit_bytes: nullable(
      integer({ minimum: 1 }),
      "The limit of memory that was enforced, in bytes; null until it has ended, and if there was none",
    ),
    limits_enforced: nullable(
      t.Boolean(),
      "Whether its limits of memory, CPUs and processes were enforced; null until it has ended, and if it had none of these",
    ),
    notes: t.Array(NoteBody, { description: "What workers said about it too late, oldest first" }),
  },
  { title: "Attempt", description: "One attempt to run a task" },
);

const count = (description: string) => integer({ minimum: 0, description });

const ItemCountsBody = exactly(
  {
    total: count("Number of items"),
    pending: count("Items that have not started"),
    running: count("Items that are running, or that wait for a retry"),
    completed: count("Items that completed"),
    failed: count("Items that failed"),
    skipped: count("Items that were not started"),
  },
  { title: "ItemCounts", description: "How many items of a task have each status" },
);

/** The fields that a task and an item have in common. */
const progressFields = {
  status: word(TASK_STATUSES, meanings(TASK_STATUS_TEXT)),
  reason: ReasonOrNull,
  error: nullable(t.String(), "What went wrong, as a sentence"),
  attempts: integer({ minimum: 0, description: "Number of attempts" }),
  started_at: instantOrNull("When its first attempt started"),
  ended_at: instantOrNull("When it ended"),
  duration_ms: durationOrNull,
  exit_code: exitCode,
  outputs: t.Record(t.String(), t.String(), {
    description: "Outputs that it wrote to `$PETIT_OUTPUT`, or those of the run that it started",
  }),
  retry_at: instantOrNull("When the next attempt is due; null if there is none"),
  reused: t.Boolean({ description: "True if a retry reused its result of the earlier run" }),
  child_run_id: childRunId,
  waits_for: nullable(
    WaitsForWorkerBody,
    "The worker that its next attempt waits for; of a task with items, that of the first that waits. Null if none does",
  ),
  waiting_for: WaitingForOrNull,
  usage: nullable(TotalUsageBody, "What its attempts used, those of all items included; null if nothing was measured"),
  limits_enforced: nullable(
    t.Boolean(),
    "False if limits of memory, CPUs or processes of one of these attempts were not enforced; null if none of them had any",
  ),
  attempt_list: t.Array(AttemptBody, { description: "All attempts, in order, without one that waits for a worker" }),
};

const TaskRunBody = exactly(
  {
    task_id: TaskIdText,
    run_id: RunIdText,
    ...nodeFields,
    ...progressFields,
    approval: nullable(
      exactly({
        prompt: nullable(t.String(), "What it asks; null if it only has a name"),
        expires_at: instantOrNull("When it is decided without a person; null if never, or if it does not wait"),
        on_timeout: word(TIMEOUT_DECISIONS, "What is decided then"),
      }),
      "What a task of the type `approval` asks; null for other tasks",
    ),
    allowed: t.Boolean({ description: "True if it failed in a way that the job allows" }),
    items: nullable(
      ItemCountsBody,
      "Counts of its items; null if it has none, or if they are not known yet. Its items have the attempts",
    ),
    failures: t.Array(FailureGroupBody, {
      description:
        "Its failed items by the line that explains them, the largest group first, at most 20; empty without failed items",
    }),
    workers: t.Array(t.String({ examples: ["box7"] }), {
      description:
        "Names of the workers that claimed its attempts, or those of its items; each once, the first one first",
    }),
  },
  {
    title: "TaskRun",
    description: "A task of a run, with its place in the graph of the definition that the run uses",
    examples: [
      {
        task_id: "extract",
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        name: "Extract",
        type: "command",
        depends_on: [],
        condition: "all_success",
        if: null,
        allow_failure: false,
        repeat: null,
        runs_job: null,
        runs_on: null,
        status: "completed",
        reason: null,
        error: null,
        attempts: 1,
        started_at: 1767225600001,
        ended_at: 1767225600042,
        duration_ms: 41,
        exit_code: 0,
        outputs: { rows: "42" },
        retry_at: null,
        reused: false,
        child_run_id: null,
        waits_for: null,
        waiting_for: null,
        usage: { cpu_user_ms: 30, cpu_system_ms: 8, memory_peak_bytes: 503316480, memory_limit_bytes: 536870912 },
        limits_enforced: true,
        approval: null,
        allowed: false,
        items: null,
        failures: [],
        workers: [],
        attempt_list: [
          {
            attempt: 1,
            status: "completed",
            reason: null,
            exit_code: 0,
            signal: null,
            started_at: 1767225600001,
            ended_at: 1767225600042,
            duration_ms: 41,
            child_run_id: null,
            worker: null,
            cause: null,
            usage: { cpu_user_ms: 30, cpu_system_ms: 8, memory_peak_bytes: 503316480, source: "cgroup" },
            memory_limit_bytes: 536870912,
            limits_enforced: true,
            notes: [],
          },
        ],
      },
    ],
  },
);

export const TaskRunList = exactly(
  { tasks: t.Array(TaskRunBody, { description: "Tasks in the order of the job file" }), count: Count },
  { title: "TaskRunList" },
);

const ItemBody = exactly(
  {
    index: integer({ minimum: 0, description: "Position in the list, from 0" }),
    key: t.String({ description: "Key of the item, unique in its task" }),
    value: t.Unknown({ description: "Value of the item; for a matrix, a map from axis to value" }),
    ...progressFields,
  },
  {
    title: "Item",
    description: "An item of a task that runs once for each item of a list",
    examples: [
      {
        index: 0,
        key: "web-1",
        value: "web-1",
        status: "completed",
        reason: null,
        error: null,
        attempts: 1,
        started_at: 1767225600001,
        ended_at: 1767225600042,
        duration_ms: 41,
        exit_code: 0,
        outputs: { rows: "42" },
        retry_at: null,
        reused: false,
        child_run_id: null,
        waits_for: null,
        waiting_for: null,
        usage: { cpu_user_ms: 30, cpu_system_ms: 8, memory_peak_bytes: 503316480, memory_limit_bytes: 536870912 },
        limits_enforced: true,
        attempt_list: [
          {
            attempt: 1,
            status: "completed",
            reason: null,
            exit_code: 0,
            signal: null,
            started_at: 1767225600001,
            ended_at: 1767225600042,
            duration_ms: 41,
            child_run_id: null,
            worker: null,
            cause: null,
            usage: { cpu_user_ms: 30, cpu_system_ms: 8, memory_peak_bytes: 503316480, source: "cgroup" },
            memory_limit_bytes: 536870912,
            limits_enforced: true,
            notes: [],
          },
        ],
      },
    ],
  },
);

export const ItemList = exactly(
  { items: t.Array(ItemBody, { description: "Items in the order of the list" }), count: Count },
  { title: "ItemList" },
);

/** What is known about attempts on other machines. */
export type RemoteFacts = {
  /** The attempts of the run that wait for a worker, the oldest first, with what they wait for. */
  readonly waits: readonly (WorkerWait & { readonly waitsFor: WaitsForWorker })[];
  readonly notes: readonly AttemptNote[];
};

/** For a run whose attempts all ran on petit's own machine. */
export const NO_REMOTE: RemoteFacts = { waits: [], notes: [] };

type ItemParts = RemoteFacts & {
  readonly taskId: TaskId;
  readonly items: readonly ItemRun[];
  readonly attempts: readonly Attempt[];
};

export const itemList = ({ taskId, items, attempts, waits, notes }: ItemParts): typeof ItemList.static => {
  const byItem = Map.groupBy(attempts, ({ item }) => item);
  const bodies = items.map((item) => {
    const own = {
      attempts: byItem.get(item.index) ?? [],
      waits: waits.filter((each) => each.taskId === taskId && each.item === item.index),
    };
    const waitingFor = itemWaitingFor(item, own);
    return {
      index: item.index,
      key: item.key,
      value: item.value,
      ...progressBody(item, { ...own, waitingFor, notes }),
    };
  });
  return { items: bodies, count: bodies.length };
};

type RunParts = RemoteFacts & {
  readonly run: Run;
  /** The definition that the run uses. */
  readonly definition: Job;
  readonly tasks: readonly TaskRun[];
  readonly attempts: readonly Attempt[];
  readonly items: ReadonlyMap<TaskId, ItemCounts>;
  /** Groups the failed items of a task. */
  readonly failures: (taskId: TaskId) => readonly FailureGroup[];
  /** What the tasks only wait for. */
  readonly waiting: ReadonlyMap<TaskId, WaitingCode>;
  /** Returns the event that started the run; null if none did. */
  readonly event: () => Json;
};

export const taskRunList = (parts: RunParts): typeof TaskRunList.static => {
  const { definition, tasks, attempts, items, failures, waits, waiting, notes } = parts;
  const nodes = new Map(definition.tasks.map((task) => [task.id, nodeBody(task)]));
  const byTask = Map.groupBy(attempts, ({ taskId }) => taskId);
  const attemptsOf = ({ taskId }: TaskRun): readonly Attempt[] => byTask.get(taskId) ?? [];
  const bodies = tasks.map((task) => ({
    ...(nodes.get(task.taskId) ?? nodeBody(taskOf(definition, task.taskId))),
    task_id: task.taskId,
    run_id: task.runId,
    ...progressBody(task, {
      attempts: attemptsOf(task).filter(({ item }) => item === null),
      waits: waits.filter(({ taskId }) => taskId === task.taskId),
      waitingFor: waiting.get(task.taskId) ?? null,
      notes,
    }),
    usage: totalUsageBody(totalUsage(attemptsOf(task))),
    limits_enforced: areLimitsEnforced(attemptsOf(task)),
    approval: approvalBody(taskOf(definition, task.taskId), task, () => scopeOf(parts)),
    allowed: isAllowedFailure(taskOf(definition, task.taskId), task),
    items: task.items === null ? null : (items.get(task.taskId) ?? NO_ITEMS),
    failures: (items.get(task.taskId)?.failed ?? 0) === 0 ? [] : failures(task.taskId).map(failureGroupBody),
    workers: [...new Set(attemptsOf(task).flatMap(({ worker }) => worker ?? []))],
  }));
  return { tasks: bodies, count: bodies.length };
};

const scopeOf = ({ run, definition, tasks, event }: RunParts): TemplateScope => ({
  params: run.params,
  config: definition.config,
  outputs: new Map(tasks.map(({ taskId, outputs }) => [taskId, outputs])),
  statuses: new Map(tasks.map(({ taskId, status }) => [taskId, status])),
  itemCounts: new Map(tasks.flatMap(({ taskId, items }) => (items === null ? [] : [[taskId, items]]))),
  item: null,
  jobId: run.jobId,
  runId: run.id,
  scheduledFor: run.scheduledFor,
  intervalStart: run.intervalStart,
  get event() {
    return event();
  },
});

const approvalBody = ({ program, timeoutMs }: Task, { status, startedAt }: TaskRun, scope: () => TemplateScope) => {
  if (program.type !== "approval") return null;
  const isWaiting = status === "running" && startedAt !== null;
  return {
    prompt: program.prompt === null ? null : expandPrompt(program.prompt, scope),
    expires_at: isWaiting && timeoutMs !== null ? startedAt + timeoutMs : null,
    on_timeout: program.onTimeout,
  };
};

/** Returns null if the prompt can't be evaluated. Then the task has failed. */
const expandPrompt = (prompt: string, scope: () => TemplateScope): string | null => {
  try {
    return expandTemplate(prompt, scope());
  } catch {
    return null;
  }
};

const NO_ITEMS: ItemCounts = { total: 0, pending: 0, running: 0, completed: 0, failed: 0, skipped: 0 };

type NodeParts = RemoteFacts & { readonly attempts: readonly Attempt[]; readonly waitingFor: WaitingCode | null };

/** Returns what an item only waits for. */
const itemWaitingFor = (
  { retryAt }: ItemRun,
  { attempts, waits }: Pick<NodeParts, "attempts" | "waits">,
): WaitingCode | null => {
  if (waits.length > 0) return "worker";
  if (retryAt !== null) return "retry";
  return attempts.some(({ status, childRunId }) => status === "running" && childRunId !== null) ? "child" : null;
};

const progressBody = (
  task: Omit<TaskRun, "runId" | "taskId" | "items">,
  { attempts, waits: [wait], waitingFor, notes }: NodeParts,
) => ({
  status: task.status,
  reason: task.reason,
  error: task.error,
  attempts: task.attempts,
  started_at: task.startedAt,
  ended_at: task.endedAt,
  duration_ms: durationMs(task.startedAt, task.endedAt),
  exit_code: task.exitCode,
  outputs: task.outputs,
  retry_at: task.retryAt,
  reused: task.reused,
  child_run_id: task.childRunId,
  waits_for: wait === undefined ? null : waitsForWorkerBody(wait.waitsFor),
  waiting_for: waitingFor,
  usage: totalUsageBody(totalUsage(attempts)),
  limits_enforced: areLimitsEnforced(attempts),
  attempt_list: attempts
    .filter((attempt) => wait === undefined || !isWaiting(attempt, wait))
    .map((attempt) => attemptBody(attempt, notes)),
});

/** Until a worker claims it, an attempt has not started. */
const isWaiting = ({ status, worker, item }: Attempt, wait: WorkerWait): boolean =>
  status === "running" && worker === null && item === wait.item;

const attemptBody = (attempt: Attempt, notes: readonly AttemptNote[]): typeof AttemptBody.static => ({
  attempt: attempt.attempt,
  status: attempt.status,
  reason: attempt.reason,
  exit_code: attempt.exitCode,
  signal: attempt.signal,
  started_at: attempt.startedAt,
  ended_at: attempt.endedAt,
  duration_ms: durationMs(attempt.startedAt, attempt.endedAt),
  child_run_id: attempt.childRunId,
  worker: attempt.worker,
  cause: causeBody(attempt.cause),
  usage: usageBody(attempt.usage),
  memory_limit_bytes: attempt.memoryLimitBytes,
  limits_enforced: attempt.limitsEnforced,
  notes: notes.filter(({ attemptId }) => attemptId === attempt.id).map(noteBody),
});

const noteBody = ({ at, worker, epoch, code, detail }: AttemptNote): typeof NoteBody.static => ({
  at,
  worker,
  epoch,
  code,
  detail: { ...detail },
});
