import type { RunFailure } from "../../domain/attention.ts";
import { orderFailures } from "../../domain/first-failure.ts";
import type { Expectation } from "../../domain/inbox/expectation.ts";
import type { Approval, Job, Links, Task } from "../../domain/job.ts";
import type { NotifyEvent, SendingEvent } from "../../domain/notification.ts";
import type { Review } from "../../domain/review/review.ts";
import { dueAtOf, type Reason, type Run } from "../../domain/run.ts";
import type { TaskRun } from "../../domain/task-run.ts";
import { digestWords } from "../../domain/words/digest.ts";
import { failureGroupText } from "../../domain/words/failure.ts";
import { failurePath, runPath } from "../../domain/words/run-path.ts";
import { shorten, shortenMiddle } from "../../lib/text.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";
import type { Store } from "../../store/store.ts";

/** The content of a notification at the time of its event: the body of a webhook. Times are ms since the epoch. */
export type NotificationBody = {
  /** `test` if somebody asked for a test. */
  readonly event: SendingEvent | "test";
  readonly at: number;
  readonly job: { readonly id: string; readonly name: string };
  /** petit's page about it. Null without the setting `public_url`. */
  readonly url: string | null;
  /** The links of the job. */
  readonly links: Links;
  /** Null for `missed` and `stale`, and for a `recovery` because the job file was changed. */
  readonly run: BodyRun | null;
  /** At most 50, the one that explains the failure of the run first. */
  readonly failed_tasks: readonly FailedTask[];
  /**
   * For `failure`: the line of the failed task's output that explains the failure, with at most four lines that belong to it. If there is
   * none, the last lines of its stderr, or of its stdout if stderr is empty, at most 10. If several items failed, their causes, at most 10,
   * each with the number and the keys of its items.
   */
  readonly error_lines: readonly string[];
  /** The last 10 kB of the run's output. Null if the run has not ended or wrote nothing. */
  readonly log_tail: string | null;
  /** Null except for `missed`. */
  readonly missed: BodyMissed | null;
  /** Null except for `late`. */
  readonly late: BodyLate | null;
  /** Null except for `stale`, and for a `recovery` that ends it. */
  readonly stale: BodyStale | null;
  /** Null except for `approval`. */
  readonly approval: BodyApproval | null;
  /** Missing except for `digest`, and a test of it. */
  readonly digest?: BodyDigest;
};

/** The review of a period in words. */
type BodyDigest = {
  readonly from: number;
  readonly to: number;
  readonly tag: string | null;
  readonly title: string;
  readonly is_broken: boolean;
  /** One line for each part that has something. */
  readonly lines: readonly string[];
};

/** A notification before petit's URL is known. */
export type NotificationDraft = Omit<NotificationBody, "url"> & {
  /** Path of petit's page about it: the run, at the line that explains a failure, or the job. */
  readonly path: string;
};

type BodyLate = { readonly due_at: number; readonly warn_after_ms: number };

/** What was due and did not come. */
type BodyStale = {
  /** When petit noticed it. */
  readonly since: number;
  readonly success_within_ms: number;
  /** Null if no completed run was known. */
  readonly last_success_at: number | null;
};

type BodyApproval = {
  readonly task_id: string;
  readonly prompt: string | null;
  /** Values of the params of the run, which tell it from other runs that wait. */
  readonly params: Run["params"];
  /** When its timeout decides; null if it waits without a limit. */
  readonly expires_at: number | null;
  readonly on_timeout: Approval["onTimeout"];
  /** Commands that decide. */
  readonly commands: { readonly approve: string; readonly reject: string };
};

type BodyRun = {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly error: string | null;
  readonly trigger: string;
  /** Who triggered or retried it, and who cancelled it; null if nobody did. Missing in what an older petit stored. */
  readonly triggered_by?: string | null;
  readonly cancelled_by?: string | null;
  readonly scheduled_for: number | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly duration_ms: number | null;
};

export type FailedTask = {
  readonly task_id: string;
  readonly reason: Reason | null;
  readonly error: string | null;
  readonly exit_code: number | null;
  readonly attempts: number;
};

type BodyMissed = {
  readonly count: number;
  /** The newest 20, oldest first. */
  readonly occurrences: readonly { readonly scheduled_for: number; readonly reason: string }[];
};

const MAX_FAILED_TASKS = 50;
const MAX_ERROR = 1_000;
const MAX_PROMPT = 1_000;
const MAX_OCCURRENCES = 20;

/** Maximum size of the log tail, in bytes. */
export const TAIL_BYTES = 10_000;

/** Returns the body of a digest. */
export const bodyOfDigest = (job: Job, review: Review, tag: string | null): NotificationDraft => {
  const { from, to } = review;
  const query = new URLSearchParams({ since: new Date(from).toISOString(), until: new Date(to).toISOString() });
  if (tag !== null) query.set("tag", tag);
  const words = digestWords(review, tag);
  return {
    ...empty("digest", job, to),
    path: `/review?${query}`,
    digest: {
      from,
      to,
      tag,
      title: words.title,
      is_broken: review.broken.items.length > 0 || review.stale.items.length > 0,
      lines: words.lines,
    },
  };
};

/** Returns the body of a test of a digest: what the digest would say. */
export const bodyOfDigestTest = (job: Job, review: Review, tag: string | null): NotificationDraft => ({
  ...bodyOfDigest(job, review, tag),
  event: "test",
});

/** Returns the body of a test. */
export const bodyOfTest = (job: Job, now: number): NotificationDraft => empty("test", job, now);

/** Returns the body for a run that has started. */
export const bodyOfStart = (job: Job, run: Run, now: number): NotificationDraft => ({
  ...empty("started", job, now),
  path: runPath(run.id),
  run: runOf(run),
});

/** Returns the body for a run that has become late. */
export const bodyOfLate = (job: Job, run: Run): NotificationDraft => ({
  ...empty("late", job, run.lateAt ?? run.createdAt),
  path: runPath(run.id),
  run: runOf(run),
  late: { due_at: dueAtOf(run), warn_after_ms: job.warnAfterMs ?? 0 },
});

/** Returns the body for a job that has become stale. */
export const bodyOfStale = (job: Job, expectation: Expectation, now: number): NotificationDraft => ({
  ...empty("stale", job, expectation.staleSince ?? now),
  stale: staleOf(expectation, now),
});

/** Returns the body for a job that is no longer stale because its file was changed. */
export const bodyOfRecovered = (job: Job, before: Expectation, now: number): NotificationDraft => ({
  ...empty("recovery", job, now),
  stale: staleOf(before, now),
});

const staleOf = ({ staleSince, withinMs, lastSuccessAt }: Expectation, now: number): BodyStale => ({
  since: staleSince ?? now,
  success_within_ms: withinMs,
  last_success_at: lastSuccessAt,
});

/** An approval that began to wait. `prompt` has no templates any more; `now` is ms since the epoch. */
export type AskedApproval = { readonly task: Task; readonly prompt: string | null; readonly now: number };

/** Returns the body for a task that began to wait for a person. */
export const bodyOfApproval = (job: Job, run: Run, { task, prompt, now }: AskedApproval): NotificationDraft => ({
  ...empty("approval", job, now),
  path: runPath(run.id, { taskId: task.id }),
  run: runOf(run),
  approval: {
    task_id: task.id,
    prompt: prompt === null ? null : shorten(prompt, MAX_PROMPT),
    params: run.params,
    expires_at: task.timeoutMs === null ? null : now + task.timeoutMs,
    on_timeout: task.program.type === "approval" ? task.program.onTimeout : "reject",
    commands: { approve: `petit approve ${run.id} ${task.id}`, reject: `petit reject ${run.id} ${task.id}` },
  },
});

/** Returns the body for a run that has ended. Call it within the transaction that stores the end. */
export const bodyOfEnd = (event: NotifyEvent, job: Job, run: Run, context: BodyContext): NotificationDraft => ({
  ...empty(event, job, context.now),
  path: runPath(run.id),
  run: runOf(run),
  failed_tasks: failedTasksOf(job, run, context.store).slice(0, MAX_FAILED_TASKS).map(failedTask),
  ...(event === "failure" && explanationOf(run, context.store)),
  log_tail: tailOf(run, context.store),
  ...(event === "recovery" && context.stale !== null && { stale: staleOf(context.stale, context.now) }),
});

const failedTasksOf = (job: Job, { id }: Run, { runs }: Store): readonly TaskRun[] =>
  orderFailures(
    runs.listTaskRuns(id).filter(({ status }) => status === "failed"),
    job,
  );

type BodyContext = {
  readonly store: Store;
  readonly now: number;
  /** What was expected of the job if it was stale; otherwise null. */
  readonly stale: Expectation | null;
};

/** Returns the body for missed occurrences. */
export const bodyOfMissed = (job: Job, missed: readonly NewOccurrence[], now: number): NotificationDraft => ({
  ...empty("missed", job, now),
  missed: {
    count: missed.length,
    occurrences: missed
      .slice(-MAX_OCCURRENCES)
      .map(({ scheduledFor, reason }) => ({ scheduled_for: scheduledFor, reason })),
  },
});

/** Returns a body as JSON, with the URL of petit's page if `publicUrl` is set. */
export const encodeBody = ({ path, ...body }: NotificationDraft, publicUrl: string | null): string =>
  JSON.stringify({ ...body, url: publicUrl === null ? null : `${publicUrl.replace(/\/+$/, "")}${path}` });

const empty = (event: NotificationBody["event"], job: Job, now: number): NotificationDraft => ({
  event,
  at: now,
  job: { id: job.id, name: job.name },
  path: `/jobs/${encodeURIComponent(job.id)}`,
  links: job.links ?? {},
  run: null,
  failed_tasks: [],
  error_lines: [],
  log_tail: null,
  missed: null,
  late: null,
  stale: null,
  approval: null,
});

const runOf = (run: Run): BodyRun => ({
  id: run.id,
  status: run.status,
  reason: run.reason,
  error: run.error === null ? null : shorten(run.error, MAX_ERROR),
  trigger: run.trigger,
  triggered_by: run.triggeredBy,
  cancelled_by: run.cancelledBy,
  scheduled_for: run.scheduledFor,
  started_at: run.startedAt,
  ended_at: run.endedAt,
  duration_ms: run.startedAt === null || run.endedAt === null ? null : Math.max(0, run.endedAt - run.startedAt),
});

const failedTask = (taskRun: TaskRun): FailedTask => ({
  task_id: taskRun.taskId,
  reason: taskRun.reason,
  error: taskRun.error === null ? null : shorten(taskRun.error, MAX_ERROR),
  exit_code: taskRun.exitCode,
  attempts: taskRun.attempts,
});

const MAX_ERROR_LINES = 10;
const MAX_ERROR_LINE = 500;
/** The keys of the items follow. */
const MAX_GROUP_TEXT = 300;

/** Chunks that are read for the error lines. Each has at least one line. */
const ERROR_CHUNKS = 2 * MAX_ERROR_LINES;

/** Returns the lines that explain a failure, and where they are. */
const explanationOf = (run: Run, store: Store): Pick<NotificationDraft, "path" | "error_lines"> => {
  const failure = store.runs.describeFailure(run.id);
  const { taskId, item, cause, lastLine } = failure;
  const path = failurePath(run.id, { task_id: taskId, item, cause, last_line: lastLine });
  return { path, error_lines: errorLinesOf(run, failure, store) };
};

const errorLinesOf = (run: Run, failure: RunFailure, store: Store): readonly string[] => {
  const { taskId, item, attempt, groups, cause } = failure;
  if (groups.length > 0)
    return groups
      .slice(0, MAX_ERROR_LINES)
      .map((group) => failureGroupText({ ...group, text: shorten(group.text, MAX_GROUP_TEXT) }))
      .map((line) => shorten(line, MAX_ERROR_LINE));
  if (cause !== null) return [cause.text, ...cause.context];
  if (taskId === null || attempt === null) return [];
  const query = { runId: run.id, taskId, ...(item !== null && { item }), attempt, fromSeq: 1, limit: ERROR_CHUNKS };
  for (const stream of ["stderr", "stdout"] as const) {
    const chunks = store.output.read({ ...query, stream, reverse: true });
    const text = Buffer.concat(chunks.map(({ bytes }) => bytes).reverse()).toString();
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    if (lines.length > 0) return lines.slice(-MAX_ERROR_LINES).map((line) => shortenMiddle(line, MAX_ERROR_LINE));
  }
  return [];
};

/** Chunks per query. */
const PAGE = 100;

const tailOf = (run: Run, store: Store): string | null => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let page = store.output.read({ runId: run.id, fromSeq: 1, limit: PAGE, reverse: true });
  for (const chunk of page) {
    chunks.unshift(chunk.bytes);
    bytes += chunk.bytes.length;
  }
  // Many short chunks: reads as many as can be needed, since each has at least one byte.
  if (bytes < TAIL_BYTES && page.length === PAGE) {
    page = store.output.read({ runId: run.id, fromSeq: 1, limit: TAIL_BYTES, reverse: true });
    chunks.splice(0, chunks.length, ...page.map((chunk) => chunk.bytes).reverse());
  }
  return chunks.length === 0 ? null : textOfTail(Buffer.concat(chunks));
};

/** Decodes the end of `bytes`, starting at a whole character. */
const textOfTail = (bytes: Buffer): string => {
  let start = Math.max(0, bytes.length - TAIL_BYTES);
  while (start > 0 && start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.toString("utf8", start);
};
