import type { TaskId } from "../../domain/ids.ts";
import { type Job, taskOf } from "../../domain/job.ts";
import type { Reason, Run, RunStatus } from "../../domain/run.ts";
import type { Attempt, ItemRun, TaskRun } from "../../domain/task-run.ts";
import { REASON_TEXT } from "../../domain/words/run.ts";
import type { TraceParent } from "../../lib/wire/trace-parent.ts";
import type { Store } from "../../store/store.ts";
import type { TraceContexts } from "./contexts.ts";
import type { Span, SpanLink } from "./span.ts";
import { spanIdOf, type TracedPart } from "./trace-ids.ts";

/** How many items are read at once. */
const PAGE = 100;

/** `item` of attempts of a task without items. */
const NO_ITEM = -1;

/**
 * Returns the spans of an ended run: of the run, its tasks, their items, and the attempts of both. They are read as they are asked for,
 * because a run can have 100,000 items. The names of the attributes are those of OpenTelemetry's conventions, where these have one.
 */
export function* spansOfRun(run: Run, { store, contexts }: SpanSources): Generator<Span> {
  const job = store.jobs.getDefinition(run.versionId, run.commit);
  const endedAt = run.endedAt ?? run.createdAt;
  const { traceId, parent } = contexts.of(run.id);
  const trace: RunTrace = { run, job, traceId, endedAt };
  const links = [
    ...(run.parent === null ? [] : [linkTo(run.parent, "parent", contexts)]),
    // The run that it retries may have been deleted, and its trace with it.
    ...(run.retryOf === null || store.runs.find(run.retryOf) === null
      ? []
      : [linkTo({ runId: run.retryOf }, "retry_of", contexts)]),
  ];
  yield { ...runSpan(trace, parent), links };
  for (const taskRun of store.runs.listTaskRuns(run.id)) {
    yield taskSpan(taskRun, trace);
    yield* attemptSpans({ store, contexts }, trace, { taskId: taskRun.taskId, from: NO_ITEM, to: NO_ITEM });
    if (taskRun.items !== null) yield* itemSpans({ store, contexts }, trace, taskRun);
  }
}

type SpanSources = { readonly store: Store; readonly contexts: TraceContexts };

type RunTrace = {
  readonly run: Run;
  readonly job: Job;
  readonly traceId: string;
  /** When the run ended: the end of what has none. */
  readonly endedAt: number;
};

function* itemSpans(sources: SpanSources, trace: RunTrace, { runId, taskId }: TaskRun): Generator<Span> {
  for (let after = -1; ; ) {
    const items = sources.store.runs.listItems({ runId, taskId, after, limit: PAGE });
    const last = items.at(-1);
    if (last === undefined) return;
    for (const item of items) yield itemSpan(item, taskId, trace);
    yield* attemptSpans(sources, trace, { taskId, from: after + 1, to: last.index });
    after = last.index;
  }
}

function* attemptSpans(
  { store, contexts }: SpanSources,
  trace: RunTrace,
  { taskId, from, to }: { readonly taskId: TaskId; readonly from: number; readonly to: number },
): Generator<Span> {
  for (const attempt of store.runs.listItemAttempts(trace.run.id, taskId, { from, to }))
    yield attemptSpan(attempt, trace, contexts);
}

const runSpan = ({ run, traceId, endedAt }: RunTrace, parent: TraceParent | null): Span => ({
  ...OF_ANY,
  traceId,
  spanId: spanIdOf({ runId: run.id }),
  parentId: parent?.spanId ?? null,
  isParentRemote: parent !== null,
  traceState: parent?.state ?? null,
  name: run.jobId,
  // As the conventions want it for a run of a pipeline.
  kind: "server",
  startedAt: run.createdAt,
  endedAt,
  attributes: {
    "cicd.pipeline.name": run.jobId,
    "cicd.pipeline.run.id": run.id,
    "cicd.pipeline.result": RUN_RESULTS[run.status] ?? resultOfReason(run.reason),
    "error.type": run.status === "completed" ? null : run.reason,
    "vcs.ref.head.revision": run.commit,
    "petit.run.status": run.status,
    "petit.run.trigger": run.trigger,
    "petit.run.scheduled_for": run.scheduledFor === null ? null : new Date(run.scheduledFor).toISOString(),
    "petit.run.warnings": run.warnings === 0 ? null : run.warnings,
  },
  events: run.startedAt === null ? [] : [{ name: "started", at: run.startedAt }],
  error: run.status === "failed" || run.status === "interrupted" ? errorOf(run) : null,
});

const taskSpan = (taskRun: TaskRun, { run, traceId, endedAt }: RunTrace): Span => ({
  ...OF_ANY,
  traceId,
  spanId: spanIdOf(taskRun),
  parentId: spanIdOf({ runId: run.id }),
  name: taskRun.taskId,
  ...timesOf(taskRun, endedAt),
  attributes: {
    "cicd.pipeline.task.name": taskRun.taskId,
    "cicd.pipeline.task.run.id": `${run.id}/${taskRun.taskId}`,
    ...endOf(taskRun),
    "petit.task.attempts": taskRun.attempts,
    "petit.task.items": taskRun.items,
  },
  error: isError(taskRun) ? errorOf(taskRun) : null,
});

const itemSpan = (item: ItemRun, taskId: TaskId, { run, traceId, endedAt }: RunTrace): Span => ({
  ...OF_ANY,
  traceId,
  spanId: spanIdOf({ runId: run.id, taskId, item: item.index }),
  parentId: spanIdOf({ runId: run.id, taskId }),
  name: taskId,
  ...timesOf(item, endedAt),
  attributes: {
    "cicd.pipeline.task.name": taskId,
    "cicd.pipeline.task.run.id": `${run.id}/${taskId}/${item.index}`,
    ...endOf(item),
    "petit.item.index": item.index,
    "petit.item.key": item.key,
    "petit.task.attempts": item.attempts,
  },
  error: isError(item) ? errorOf(item) : null,
});

const attemptSpan = (attempt: Attempt, { run, job, traceId, endedAt }: RunTrace, contexts: TraceContexts): Span => {
  const { taskId, item, usage, cause } = attempt;
  return {
    ...OF_ANY,
    traceId,
    spanId: spanIdOf(attempt),
    parentId: spanIdOf({ runId: run.id, taskId, item }),
    name: `${taskId} attempt`,
    kind: taskOf(job, taskId).program.type === "http" ? "client" : "internal",
    startedAt: attempt.startedAt,
    endedAt: attempt.endedAt ?? endedAt,
    attributes: {
      "cicd.pipeline.task.name": taskId,
      "cicd.pipeline.task.run.result": resultOf(attempt),
      "error.type": attempt.reason,
      "process.pid": attempt.process?.pid,
      "process.exit.code": attempt.exitCode,
      "petit.attempt.number": attempt.attempt,
      "petit.attempt.signal": attempt.signal,
      "petit.item.index": item,
      "petit.worker": attempt.worker,
      "petit.attempt.cpu_seconds": usage === null ? null : (usage.cpuUserMs + usage.cpuSystemMs) / 1000,
      "petit.attempt.memory_peak_bytes": usage?.memoryPeakBytes,
    },
    links: attempt.childRunId === null ? [] : [linkTo({ runId: attempt.childRunId }, "child", contexts)],
    error: isError(attempt) ? [errorOf(attempt), ...(cause === null ? [] : [cause.text])].join(": ") : null,
  };
};

/** What most spans have. */
const OF_ANY = {
  kind: "internal",
  isParentRemote: false,
  traceState: null,
  events: [],
  links: [],
} as const;

/** A link to the span of a run or an attempt that has a trace of its own, and what that is. */
const linkTo = (part: TracedPart, is: "parent" | "child" | "retry_of", contexts: TraceContexts): SpanLink => ({
  traceId: contexts.of(part.runId).traceId,
  spanId: spanIdOf(part),
  attributes: { "petit.link": is, "cicd.pipeline.run.id": part.runId },
});

/** A task that never started has a span without a duration, at the time when that was decided. */
const timesOf = ({ startedAt, endedAt }: Times, endOfRun: number) => ({
  startedAt: startedAt ?? endedAt ?? endOfRun,
  endedAt: endedAt ?? endOfRun,
});

type Times = Pick<TaskRun, "startedAt" | "endedAt">;

/** What tasks and items say about their end. */
const endOf = (part: TaskRun | ItemRun) => ({
  "cicd.pipeline.task.run.result": resultOf(part),
  "error.type": isError(part) ? part.reason : null,
  "petit.task.status": part.status,
  "petit.task.reason": part.reason,
  "petit.task.reused": part.reused ? true : null,
});

type Ended = Pick<Attempt, "reason" | "error"> & { readonly status: TaskRun["status"] };

/** What somebody has cancelled has not failed. */
const isError = ({ status, reason }: Ended): boolean => status === "failed" && reason !== "cancelled";

const errorOf = ({ reason, error }: Pick<Ended, "reason" | "error">): string =>
  error ?? (reason === null ? "it failed" : REASON_TEXT[reason]);

/** The words of the conventions for how something ended (`cicd.pipeline.result`). */
type Result = "success" | "failure" | "error" | "timeout" | "cancellation" | "skip";

const resultOf = ({ status, reason }: Ended): Result => {
  if (status === "completed") return "success";
  return status === "skipped" ? "skip" : resultOfReason(reason);
};

/** Null for a status whose reason decides. */
const RUN_RESULTS: Readonly<Record<RunStatus, Result | null>> = {
  pending: null,
  running: null,
  completed: "success",
  failed: null,
  cancelled: "cancellation",
  interrupted: "error",
};

const resultOfReason = (reason: Reason | null): Result => (reason === null ? "failure" : REASON_RESULTS[reason]);

/** `error` is for what the task itself did not decide. */
const REASON_RESULTS: Readonly<Record<Reason, Result>> = {
  exit_code: "failure",
  signal: "failure",
  timeout: "timeout",
  spawn_failed: "error",
  cancelled: "cancellation",
  shutdown: "cancellation",
  upstream_failed: "skip",
  condition_not_met: "skip",
  interrupted: "error",
  items_failed: "failure",
  invalid_items: "failure",
  invalid_condition: "failure",
  skipped_by_exit: "skip",
  rejected: "failure",
  artifacts_failed: "failure",
  child_failed: "failure",
  worker_lost: "error",
  internal_error: "error",
  out_of_memory: "failure",
};
