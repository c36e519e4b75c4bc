import { ENDING_REASONS, type EndingReason } from "../../domain/run.ts";
import { type AttemptCall, describeCall } from "../../engine/attempt/command.ts";
import type { AttemptDriver } from "../../engine/attempt/driver.ts";
import { judgeExit } from "../../engine/attempt/exit-status.ts";
import type { AttemptResult, RunAttemptOptions } from "../../engine/attempt/run-attempt.ts";
import { SpawnError, spawnFailed } from "../../engine/attempt/spawn-error.ts";
import { sleep } from "../../lib/clock.ts";

/** What an attempt does instead of starting a process. */
export type Stub = {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly outputs: { readonly [name: string]: string };
  readonly takesMs: number;
};

export const COMPLETES: Stub = { exitCode: 0, signal: null, outputs: {}, takesMs: 0 };

export type StubDriverOptions = {
  readonly local: AttemptDriver;
  /** Returns what an attempt does; null to start its process on this machine. */
  readonly stubOf: (options: RunAttemptOptions) => Stub | null;
  /** Called when the values of an attempt are known that would be given to a process. */
  readonly onCall?: (options: RunAttemptOptions, call: AttemptCall) => void;
  /** Called when a process is about to start, and when it has ended. */
  readonly onProcess?: (change: 1 | -1) => void;
};

/** Returns a driver that starts no processes, except those of tasks with `real: true`. */
export const stubDriver = ({ local, stubOf, onCall, onProcess }: StubDriverOptions): AttemptDriver => ({
  outlivesPetit: false,
  store: (attempt) => local.store(attempt),
  run: async (options) => {
    const call = callOf(options);
    if (!("error" in call)) onCall?.(options, call);
    const stub = stubOf(options);
    if (stub !== null) return "error" in call ? notStarted(call.error, options) : await runStub(stub, options);
    onProcess?.(1);
    try {
      return await local.run(options);
    } finally {
      onProcess?.(-1);
    }
  },
  isExecuting: () => true,
  release: () => {},
});

/** Returns what the attempt would be called with, or why it could not be started. */
const callOf = ({ context, attempt, spool }: RunAttemptOptions): AttemptCall | { readonly error: string } => {
  const { job, task, run, item, trace, scope } = context;
  try {
    return describeCall({ job, task, run, item, trace, scope, attempt: attempt.attempt, spool });
  } catch (error) {
    if (!(error instanceof SpawnError)) throw error;
    return { error: error.message };
  }
};

const notStarted = (error: string, { now }: RunAttemptOptions): AttemptResult => ({
  outcome: spawnFailed(error),
  outputs: {},
  transient: false,
  endedAt: now(),
});

/** Waits as long as the attempt takes, and judges its end as that of a process. */
const runStub = async (stub: Stub, options: RunAttemptOptions): Promise<AttemptResult> => {
  const { context, now } = options;
  const { timeoutMs, skipExitCodes, allowFailure, program } = context.task;
  const endedBy = await waitForEnd(stub, options);
  const { exitCode, signal, outputs } = endedBy === null ? stub : ENDED;
  return {
    ...judgeExit({
      exit: { exitCode, signal },
      endedBy,
      timeoutMs,
      outputs: { outputs, problem: null },
      skipExitCodes,
      allowedExitCodes: typeof allowFailure === "object" ? allowFailure.exitCodes : [],
      isRemote: program.type === "ssh",
    }),
    endedAt: now(),
  };
};

/** What a process does that petit ends. */
const ENDED = { exitCode: null, signal: "SIGTERM", outputs: {} } as const;

/** Resolves when the attempt has ended, with the reason if petit has ended it. */
const waitForEnd = async ({ takesMs }: Stub, options: RunAttemptOptions): Promise<EndingReason | null> => {
  const { services, context, end } = options;
  const { timeoutMs } = context.task;
  const isTooLong = timeoutMs !== null && takesMs > timeoutMs;
  const { clock, detach } = services;
  if (takesMs > 0) await sleep(clock, isTooLong ? timeoutMs : takesMs, AbortSignal.any([end, detach]));
  detach.throwIfAborted();
  if (end.aborted) return ENDING_REASONS.find((reason) => end.reason === reason) ?? "cancelled";
  return isTooLong ? "timeout" : null;
};
