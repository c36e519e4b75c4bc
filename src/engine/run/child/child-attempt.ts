import type { RunId } from "../../../domain/ids.ts";
import { ENDING_REASONS, type EndingReason, type Reason, type Run } from "../../../domain/run.ts";
import type { AttemptOutcome, FailureCause } from "../../../domain/task-run.ts";
import { failureWords, shownFailure } from "../../../domain/words/failure.ts";
import { RUN_STATUS_VERBS } from "../../../domain/words/run.ts";
import { abortQuietly, anyAborted } from "../../../lib/abort.ts";
import { type Clock, sleep } from "../../../lib/clock.ts";
import type { Store } from "../../../store/store.ts";
import { describeEnd } from "../../attempt/exit-status.ts";
import type { AttemptResult } from "../../attempt/run-attempt.ts";
import type { ChildRuns } from "./child-runs.ts";

export type FollowChildOptions = {
  readonly children: Pick<ChildRuns, "follow" | "end">;
  readonly childRunId: RunId;
  /** When the attempt started, by the clock of its run. */
  readonly startedAt: number;
  readonly timeoutMs: number | null;
  /** The clock of the run. */
  readonly now: () => number;
  readonly clock: Clock;
  /** Aborted to end the attempt; the reason is an EndingReason. */
  readonly end: AbortSignal;
  /** Aborted when the engine detaches. */
  readonly detach: AbortSignal;
};

/** Follows the run that an attempt has started to its end. Ends it at the timeout of the task, and on request. */
export const followChild = async (options: FollowChildOptions): Promise<AttemptResult> => {
  const { children, childRunId, timeoutMs, now, detach } = options;
  const over = new AbortController();
  const ended = children.follow(childRunId, detach);
  const first = await Promise.race([ended, untilEnding(options, over.signal)]);
  abortQuietly(over);
  detach.throwIfAborted();
  const endedBy = typeof first === "string" ? first : null;
  if (endedBy !== null) await children.end(childRunId, endedBy, { all: false });
  const run = await ended;
  detach.throwIfAborted();
  return { ...judgeChild(run, { childRunId, endedBy, timeoutMs }), endedAt: now() };
};

/** Resolves with the reason to end the attempt. Never resolves once `over` is aborted. */
const untilEnding = async (
  { clock, end, detach, timeoutMs, startedAt, now }: FollowChildOptions,
  over: AbortSignal,
): Promise<EndingReason> => {
  if (timeoutMs === null) await anyAborted([end, over, detach]);
  else await sleep(clock, startedAt + timeoutMs - now(), AbortSignal.any([end, over, detach]));
  if (over.aborted) return new Promise(() => {});
  return ENDING_REASONS.find((reason) => end.aborted && end.reason === reason) ?? "timeout";
};

type ChildEnd = {
  readonly childRunId: RunId;
  /** Why the attempt was ended; null if the run ended by itself. */
  readonly endedBy: EndingReason | null;
  readonly timeoutMs: number | null;
};

/** Judges an attempt by the run that it started; null if that run was deleted. A request to end the attempt wins over a failure. */
const judgeChild = (run: Run | null, { childRunId, endedBy, timeoutMs }: ChildEnd): Omit<AttemptResult, "endedAt"> => {
  if (run?.status === "completed") return { outcome: COMPLETED, outputs: run.outputs, transient: false };
  if (endedBy !== null) {
    const outcome = {
      ...COMPLETED,
      status: "failed",
      reason: endedBy,
      error: describeEnd(endedBy, timeoutMs),
    } as const;
    return { outcome, outputs: {}, transient: endedBy === "timeout" };
  }
  const error = run === null ? `run ${childRunId} was deleted before its end was seen` : describeFailure(run);
  return { ...childFailed(error), transient: run?.reason === "timeout" };
};

const COMPLETED = { status: "completed", reason: null, error: null, exitCode: null, signal: null } as const;

/** Returns what an attempt results in that could not start a run, or whose run did not complete. */
export const childFailed = (error: string): Omit<AttemptResult, "endedAt"> => {
  const outcome: AttemptOutcome = { ...COMPLETED, status: "failed", reason: "child_failed", error };
  return { outcome, outputs: {}, transient: false };
};

/** The result of an attempt that only starts a run. */
export const childStarted: Omit<AttemptResult, "endedAt"> = { outcome: COMPLETED, outputs: {}, transient: false };

const describeFailure = ({ id, jobId, status, error, cancelledBy }: Run): string => {
  const by = status === "cancelled" && cancelledBy !== null ? ` by ${cancelledBy}` : "";
  const why = status === "failed" && error !== null ? `: ${error}` : "";
  return `run ${id} of job '${jobId}' ${RUN_STATUS_VERBS[status]}${by}${why}`;
};

/**
 * Returns the line that says most about the failure of a child run, or of the innermost run that it has started. Null if that wrote nothing,
 * or was deleted, or if somebody has cancelled it. `reason` says why the attempt failed that started it.
 */
export const causeOfChild = (runId: RunId, reason: Reason, { runs }: Pick<Store, "runs">): FailureCause | null => {
  const run = runs.find(runId);
  if (run === null || (run.status === "cancelled" && reason !== "timeout")) return null;
  const failure = runs.describeFailure(runId);
  const { cause, lastLine, taskId, item } = failure;
  if (cause !== null && cause.child !== null) return cause;
  const line = cause ?? (lastLine === null ? null : { ...lastLine, context: [] });
  if (line === null) return null;
  const { before } = failureWords(shownFailure(failure), run.error);
  return { ...line, child: { runId, jobId: run.jobId, taskId, item, ...(before !== null && { error: before }) } };
};
