import { type EndingReason, isLostReason } from "../../domain/run.ts";
import type { AttemptOutcome, Outputs } from "../../domain/task-run.ts";
import { INTERRUPTED_ERROR } from "../../domain/words/run.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { RequestResult } from "./http/result.ts";
import type { ParsedOutputs } from "./outputs-file.ts";
import { type Exit, exitCodeOfSignal } from "./process.ts";
import { TRANSPORT_STATUS } from "./ssh/remote-script.ts";

/** What an exit means for its attempt. */
export type ExitJudgement = {
  readonly outcome: AttemptOutcome;
  readonly outputs: Outputs;
  /** True for a temporary failure: `retry: transient` retries only those. */
  readonly transient: boolean;
  /** True if the task counts as skipped, because of its exit code. */
  readonly skips?: true;
  /** How long a server asks to wait before the next attempt, in ms. */
  readonly retryAfterMs?: number;
};

export type JudgeExitOptions = {
  readonly exit: Pick<Exit, "exitCode" | "signal">;
  /** Why petit ended the process; null if it ended without petit. */
  readonly endedBy: EndingReason | null;
  /** The timeout of the task; null if it has none. */
  readonly timeoutMs: number | null;
  readonly outputs: ParsedOutputs;
  /** Exit codes with which the task counts as skipped. Default: none. */
  readonly skipExitCodes?: readonly number[] | undefined;
  /** Exit codes with which the task may fail. Default: none. */
  readonly allowedExitCodes?: readonly number[];
  /** The result of an HTTP request that failed. Default null. */
  readonly request?: RequestResult | null;
  /** True if the program runs on another machine, by ssh. Default false. */
  readonly isRemote?: boolean;
};

/** EX_TEMPFAIL of sysexits.h: a temporary failure; the caller should try again later. */
const EX_TEMPFAIL = 75;

/** Judges the exit status of an attempt's process. A request to end the process wins over its exit status. */
export const judgeExit = ({
  exit,
  endedBy,
  timeoutMs,
  outputs,
  skipExitCodes = [],
  allowedExitCodes = [],
  request = null,
  isRemote = false,
}: JudgeExitOptions): ExitJudgement => {
  if (endedBy !== null) {
    const error = describeEnd(endedBy, timeoutMs);
    const { exitCode, signal } = exit;
    const outcome = { status: "failed", reason: endedBy, error, exitCode, signal } as const;
    return { outcome, outputs: outputs.outputs, transient: endedBy === "timeout" };
  }
  if (exit.exitCode === 0) return judgeSuccess(outputs);
  const exitCode = exit.exitCode ?? (exit.signal === null ? null : exitCodeOfSignal(exit.signal));
  if (exitCode !== null && skipExitCodes.includes(exitCode)) {
    const outcome = { status: "completed", reason: null, error: null, signal: exit.signal, exitCode } as const;
    return { outcome, outputs: outputs.outputs, transient: false, skips: true };
  }
  if (isRemote && exit.exitCode === TRANSPORT_STATUS)
    return { outcome: TRANSPORT_FAILURE, outputs: outputs.outputs, transient: true };
  // A signal has an exit code only where the task lists it. `exit 143` can't be told from SIGTERM.
  const isListed = exitCode !== null && allowedExitCodes.includes(exitCode);
  const failure = isListed ? { ...failureOf(exit), exitCode } : failureOf(exit);
  return {
    outcome: request !== null && failure.reason === "exit_code" ? { ...failure, error: request.error } : failure,
    outputs: outputs.outputs,
    transient: exit.exitCode === EX_TEMPFAIL,
    ...(request !== null && request.retryAfterMs !== null && { retryAfterMs: request.retryAfterMs }),
  };
};

/** Returns the error of an attempt that petit ended. */
export const describeEnd = (endedBy: EndingReason, timeoutMs: number | null): string => {
  if (endedBy === "timeout" && timeoutMs !== null) return `timed out after ${formatDuration(timeoutMs)}`;
  return { cancelled: "cancelled", timeout: "the run timed out", shutdown: "ended because petit was stopping" }[
    endedBy
  ];
};

/** Fails an attempt with exit status 0 if its outputs can't be read, since later tasks may use them. */
const judgeSuccess = ({ outputs, problem, isWithheld = false }: ParsedOutputs): ExitJudgement => ({
  outcome:
    problem === null
      ? { status: "completed", reason: null, error: null, exitCode: 0, signal: null }
      : {
          status: "failed",
          reason: isWithheld ? "internal_error" : "exit_code",
          error: problem,
          exitCode: 0,
          signal: null,
        },
  outputs,
  transient: false,
});

/**
 * Adds what went wrong with the artifacts of an attempt to its result; null if nothing did. An attempt that completed fails with the
 * reason, by default `artifacts_failed`. The reason of an attempt that failed anyway stays.
 */
export const afterCollection = <Result extends ExitJudgement>(
  result: Result,
  problem: string | null,
  reason: "artifacts_failed" | "internal_error" = "artifacts_failed",
): Result => {
  const { outcome } = result;
  if (problem === null || isLostReason(outcome.reason)) return result;
  const error = `its artifacts could not be kept: ${problem}`;
  if (outcome.status === "failed") return { ...result, outcome: { ...outcome, error: `${outcome.error}; ${error}` } };
  const failed = { ...outcome, status: "failed", reason, error } as const;
  const { skips: _, ...rest } = result;
  return { ...rest, outcome: failed, transient: false } as Result;
};

const failureOf = ({ exitCode, signal }: Pick<Exit, "exitCode" | "signal">): AttemptOutcome => {
  if (signal !== null) return { status: "failed", reason: "signal", error: `ended by ${signal}`, exitCode, signal };
  if (exitCode !== null)
    return { status: "failed", reason: "exit_code", error: `exit code ${exitCode}`, exitCode, signal };
  return LOST;
};

const TRANSPORT_FAILURE: AttemptOutcome = {
  status: "failed",
  reason: "exit_code",
  error: "ssh could not connect, or lost the connection (exit code 255)",
  exitCode: TRANSPORT_STATUS,
  signal: null,
};

/** The outcome of a process that left no exit status. */
const LOST: AttemptOutcome = {
  status: "failed",
  reason: "interrupted",
  error: INTERRUPTED_ERROR,
  exitCode: null,
  signal: null,
};
