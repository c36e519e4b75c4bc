import { PetitError } from "../../domain/errors.ts";
import { ENDING_REASONS, type EndingReason } from "../../domain/run.ts";
import type { Attempt, AttemptOutcome, Outputs } from "../../domain/task-run.ts";
import { abortQuietly, anyAborted } from "../../lib/abort.ts";
import { sleep } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { Commits } from "../commits.ts";
import type { EngineOptions } from "../options.ts";
import { Brake } from "../output/brake.ts";
import { keepShort } from "../output/leftover-output.ts";
import { Output } from "../output/output.ts";
import type { Spool } from "../output/spool.ts";
import type { SpoolPool } from "../output/spool-pool.ts";
import { watchOutput } from "../output/watch.ts";
import type { Pulse } from "../poller.ts";
import { type AttemptContext, planAttempt } from "./command.ts";
import { readOutputs } from "./outputs-file.ts";
import { type Command, type Exit, hasEnded, type RunningProcess, startProcess, terminate } from "./process.ts";
import { startFailure } from "./start-failure.ts";

/** What ends an attempt from outside; the first one wins. */
export type AttemptEnd = EndingReason;

export type AttemptResult = {
  readonly outcome: AttemptOutcome;
  readonly outputs: Outputs;
  /** When it ended, by the clock of the run; storing that may take longer. */
  readonly endedAt: number;
  /** A fault that may pass: worth a retry where only such are retried. */
  readonly transient: boolean;
};

type Judgement = Omit<AttemptResult, "endedAt">;

export type RunAttemptOptions = {
  readonly engine: Pick<EngineOptions, "store" | "runtime" | "clock" | "settings" | "environment">;
  readonly context: Omit<AttemptContext, "runtime" | "environment" | "spool" | "attempt">;
  readonly attempt: Attempt;
  /** The clock of the run. */
  readonly now: () => number;
  readonly spool: Spool;
  readonly spools: SpoolPool;
  /** A process that an earlier petit made for this attempt; null makes one. */
  readonly adopted: RunningProcess | null;
  readonly pulse: Pulse;
  readonly commits: Commits;
  /** Aborted with an AttemptEnd. */
  readonly end: AbortSignal;
  /** Aborted when there is no time for the grace. */
  readonly hurry: AbortSignal;
  /** Aborted when petit leaves: the process lives on, for the next petit. */
  readonly left: AbortSignal;
  readonly onOutput: () => void;
};

/** Makes one attempt, from the process to its stored output; never throws for what a task can do wrong. */
export const runAttempt = async (options: RunAttemptOptions): Promise<AttemptResult> => {
  const begun = begin(options);
  if ("outcome" in begun) return begun;
  using output = begun.output;
  return await follow(begun.process, output, options);
};

/** A process whose output can be followed, or the failure to make it. */
const begin = (
  options: RunAttemptOptions,
): { readonly output: Output; readonly process: RunningProcess } | AttemptResult => {
  let output: Output | null = null;
  try {
    // A file that can't be opened must show before there is a process.
    const command = options.adopted === null ? prepare(options) : null;
    output = openOutput(options);
    return { output, process: options.adopted ?? start(command, output, options) };
  } catch (error) {
    output?.[Symbol.dispose]();
    if (error instanceof PetitError) throw error;
    return { ...startFailure(error), outputs: {}, endedAt: options.now() };
  }
};

const prepare = ({ engine, context, attempt, spool, spools }: RunAttemptOptions): Command => {
  const { runtime, environment } = engine;
  const plan = planAttempt({ ...context, runtime, environment, spool, attempt: attempt.attempt });
  spools.make(spool, plan);
  return plan.command;
};

const openOutput = ({ engine, attempt, spool, adopted, onOutput }: RunAttemptOptions): Output =>
  new Output({
    ...engine,
    attempt,
    spool,
    isNew: adopted === null,
    limitBytes: engine.settings.logLimitBytes,
    onStored: onOutput,
  });

const start = (command: Command | null, output: Output, { engine, spool }: RunAttemptOptions): RunningProcess => {
  if (command === null) throw new Error("an attempt without a command");
  return startProcess(engine.runtime, command, { spool, ...output.files });
};

const follow = async (process: RunningProcess, output: Output, options: RunAttemptOptions): Promise<AttemptResult> => {
  using brake = new Brake({ leader: process.pid, spool: options.spool });
  const stopWatching = watchOutput(output, brake, options);
  try {
    const { exit, ended } = await waitForEnd(process, brake, options);
    const endedAt = Math.min(process.endedAt ?? Number.POSITIVE_INFINITY, options.now());
    await options.commits.untilStored(() => output.finish());
    keepShort({ ...options, runtime: options.engine.runtime, group: process.pid });
    return { ...judge(exit, ended, options), endedAt };
  } finally {
    stopWatching();
  }
};

type Ended = { readonly exit: Exit; readonly ended: AttemptEnd | null };

/**
 * Waits for the process, and ends its group when its time is up or somebody asks. An exit that has happened wins over a
 * timeout that is noticed later: after petit was stopped or the machine slept, both are due at once.
 */
const waitForEnd = async (process: RunningProcess, brake: Brake, options: RunAttemptOptions): Promise<Ended> => {
  const over = new AbortController();
  const ending = endingOf(options, over.signal);
  const first = await Promise.race([process.exited, ending]);
  abortQuietly(over);
  options.left.throwIfAborted();
  brake.isEnding = true;
  const isLate = first === "timeout" && options.context.run.ending === null && hasEnded(options.spool);
  if (typeof first === "object" || isLate) {
    const exit = await process.exited;
    return { exit, ended: endedBefore(exit, options) };
  }
  const { engine, context, hurry } = options;
  const graceMs = context.job.killGraceMs ?? engine.settings.killGraceMs;
  await terminate(process.pid, { clock: engine.clock, graceMs, hurry });
  return { exit: await process.exited, ended: first };
};

/** What an earlier petit had ended this attempt for, and could not store any more; null where it ended by itself. */
const endedBefore = (exit: Exit, { adopted, attempt, context, end }: RunAttemptOptions): AttemptEnd | null => {
  const hasFailed = exit.signal !== null || (exit.exitCode !== null && exit.exitCode !== 0);
  if (adopted === null || !hasFailed) return null;
  // Only what was stored before: somebody may have asked since.
  if (context.run.ending !== null && end.aborted) return context.run.ending;
  const { timeoutMs } = context.task;
  const tookMs = (adopted.endedAt ?? 0) - attempt.startedAt;
  return timeoutMs !== null && exit.signal !== null && tookMs >= timeoutMs ? "timeout" : null;
};

/** Resolves with what ends the attempt from outside, or when petit leaves; never where `over` comes first. */
const endingOf = async (options: RunAttemptOptions, over: AbortSignal): Promise<AttemptEnd> => {
  const { engine, context, end, left } = options;
  const { timeoutMs } = context.task;
  if (timeoutMs === null) await anyAborted([end, over, left]);
  else await sleep(engine.clock, timeoutMs - passedMs(options), AbortSignal.any([end, over, left]));
  if (over.aborted) return new Promise(() => {});
  return ENDING_REASONS.find((reason) => end.aborted && end.reason === reason) ?? "timeout";
};

/** Returns the time that an adopted attempt has already had. */
const passedMs = ({ attempt, adopted, now }: RunAttemptOptions): number =>
  adopted === null ? 0 : Math.max(0, now() - attempt.startedAt);

/** EX_TEMPFAIL of sysexits.h: the program's own word for "try again later". */
const EX_TEMPFAIL = 75;

const judge = (exit: Exit, ended: AttemptEnd | null, options: RunAttemptOptions): Judgement => {
  const { outputs, problem } = readOutputs(options.spool.outputs);
  if (ended !== null) {
    const outcome = { status: "failed", reason: ended, error: whyEnded(ended, options), ...exit } as const;
    return { outcome, outputs, transient: ended === "timeout" };
  }
  if (exit.exitCode === 0) return succeeded(outputs, problem);
  return { outcome: failedBy(exit), outputs, transient: exit.exitCode === EX_TEMPFAIL };
};

const whyEnded = (ended: AttemptEnd, { context }: RunAttemptOptions): string => {
  if (ended === "timeout" && context.task.timeoutMs !== null)
    return `timed out after ${formatDuration(context.task.timeoutMs)}`;
  return { cancelled: "cancelled", timeout: "the run timed out", shutdown: "ended, since petit was stopping" }[ended];
};

/** What it told must be readable: the tasks after it may build on that. */
const succeeded = (outputs: Outputs, problem: string | null): Judgement => ({
  outcome:
    problem === null
      ? { status: "completed", reason: null, error: null, exitCode: 0, signal: null }
      : { status: "failed", reason: "exit_code", error: problem, exitCode: 0, signal: null },
  outputs,
  transient: false,
});

const failedBy = (exit: Exit): AttemptOutcome => {
  if (exit.signal !== null) return { status: "failed", reason: "signal", error: `ended by ${exit.signal}`, ...exit };
  if (exit.exitCode !== null)
    return { status: "failed", reason: "exit_code", error: `exit code ${exit.exitCode}`, ...exit };
  return LOST;
};

/** It left no status, and nobody saw its end. */
export const LOST: AttemptOutcome = {
  status: "failed",
  reason: "interrupted",
  error: "Run was interrupted",
  exitCode: null,
  signal: null,
};
