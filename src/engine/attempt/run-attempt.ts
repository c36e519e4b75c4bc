import { delimiter } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { limitsOfTask } from "../../domain/limits/limits-of-task.ts";
import { ENDING_REASONS, type EndingReason } from "../../domain/run.ts";
import type { Attempt, AttemptOutcome, AttemptUsage, FailureCause } from "../../domain/task-run.ts";
import type { Usage } from "../../domain/usage.ts";
import { abortQuietly, anyAborted } from "../../lib/abort.ts";
import { sleep } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { pluralize } from "../../lib/text.ts";
import type { Artifacts } from "../artifacts/artifacts.ts";
import type { Commits } from "../commits.ts";
import type { EngineOptions } from "../options.ts";
import { OutputCollector } from "../output/collector.ts";
import { limitLeftoverOutput } from "../output/leftover-output.ts";
import { readWorkdir, type Spool } from "../output/spool.ts";
import type { SpoolPool } from "../output/spool-pool.ts";
import { watchOutput } from "../output/watch.ts";
import type { Poller } from "../poller.ts";
import {
  type AttemptSecrets,
  noteSecrets,
  readSecrets,
  recoverMask,
  type SecretsOfAttempt,
} from "../secrets/attempt-secrets.ts";
import type { Mask } from "../secrets/mask.ts";
import type { SecretKey } from "../secrets/secret-key.ts";
import type { Cgroups } from "./cgroup/cgroups.ts";
import { afterMemory } from "./cgroup/out-of-memory.ts";
import { entryOf, type Placement, type PlaceOptions, placeAdopted, placeNew, runsHere } from "./cgroup/place.ts";
import { type AttemptContext, planAttempt } from "./command.ts";
import { containerOf, removeContainer, type StartedContainer, stopContainer } from "./container/engine.ts";
import { endLeftovers, endRest, leaderOfPid } from "./end-process.ts";
import { afterCollection, type ExitJudgement, judgeExit } from "./exit-status.ts";
import { readResult } from "./http/result.ts";
import { readOutputs } from "./outputs-file.ts";
import { withPriority } from "./priority.ts";
import {
  type Exit,
  hasEnded,
  killCgroup,
  type ProcessCommand,
  type RunningProcess,
  recordedExit,
  startProcess,
  terminate,
} from "./process.ts";
import { SpawnError, spawnFailed } from "./spawn-error.ts";
import { TRANSPORT_STATUS } from "./ssh/remote-script.ts";
import { Suspender } from "./suspender.ts";
import { assertReach } from "./user/reach.ts";
import { findRunAs, findStartedAs } from "./user/run-as.ts";
import { asUser, giveSpool, inheritedBy, openToOthers, type TaskUser } from "./user/task-user.ts";

export type AttemptResult = ExitJudgement & {
  /** When the attempt ended, by the clock of the run. Storing that may take longer. */
  readonly endedAt: number;
  /** The line of its output that explains why it failed. Default: none. */
  readonly cause?: FailureCause | null;
} & Partial<AttemptUsage>;

/** The parts of petit, or of a worker, that all attempts use. */
export type AttemptServices = Pick<EngineOptions, "store" | "runtime" | "clock" | "log" | "settings" | "ownFolders"> & {
  /** The variables that tasks inherit. */
  readonly taskEnvironment: EngineOptions["environment"];
  /** All variables of petit, from which secrets are read. */
  readonly fullEnvironment: EngineOptions["environment"];
  /** The user that processes of tasks without `run_as` have; null for petit's own. */
  readonly user: TaskUser | null;
  readonly spools: SpoolPool;
  readonly cgroups: Cgroups;
  readonly secretKey: SecretKey;
  readonly artifacts: Artifacts;
  readonly poller: Poller;
  readonly commits: Commits;
  /** Aborted when the engine detaches: processes continue, and the next petit process adopts them. */
  readonly detach: AbortSignal;
};

export type RunAttemptOptions = {
  readonly services: AttemptServices;
  readonly context: AttemptContext;
  readonly attempt: Attempt;
  /** The clock of the run. */
  readonly now: () => number;
  readonly spool: Spool;
  /** The process that the previous petit process started for this attempt; null to start one. */
  readonly adopted: RunningProcess | null;
  /** Why the adopted process was being ended before it was adopted; null if it was not. */
  readonly endedBefore: EndingReason | null;
  /** Aborted to end the attempt; the reason is an EndingReason. */
  readonly end: AbortSignal;
  /** Aborted to kill the process without the rest of its grace period. */
  readonly forceKill: AbortSignal;
  readonly onOutput: () => void;
  /**
   * Called when all files of a new attempt exist, immediately before its process starts. If it returns a result, no process is started.
   * The default returns null.
   */
  readonly beforeProcess?: () => AttemptResult | null;
};

/** Runs one attempt from its process to its stored output. Never throws because of something that the task did. */
export const runAttempt = async (options: RunAttemptOptions): Promise<AttemptResult> => {
  const started = start(options);
  if ("outcome" in started) return started;
  const { mask, spool } = started;
  const result = await followToEnd(started, { ...options, spool });
  const problem = await collectArtifacts(started, { ...options, spool });
  if (problem === null) return result;
  return mask?.hidesAll
    ? afterCollection(result, UNKNOWN_SECRET, "internal_error")
    : afterCollection(result, hideSecrets(problem, mask));
};

const followToEnd = async (started: StartedAttempt, options: RunAttemptOptions): Promise<AttemptResult> => {
  using output = started.output;
  return await follow(started, output, options);
};

type StartedAttempt = {
  readonly output: OutputCollector;
  readonly process: RunningProcess;
  readonly placement: Placement;
  readonly mask: Mask | null;
  /** The spool with the real path of the folder of artifacts. */
  readonly spool: Spool;
  /** The user of the process: null for petit's own, undefined if there is no such user any more. */
  readonly user: TaskUser | null | undefined;
};

const collectArtifacts = async (
  { mask, user }: StartedAttempt,
  { services, attempt, context, spool }: RunAttemptOptions,
): Promise<string | null> => {
  if (user === undefined)
    return `its files were not looked for, because there is no user '${context.task.runAs}' any more`;
  const patterns = context.task.artifacts ?? [];
  const workdir = patterns.length === 0 ? null : readWorkdir(spool);
  const itemKey = context.item?.key ?? null;
  return await services.artifacts.collect({ attempt, itemKey, spool, patterns, workdir, user, mask });
};

/**
 * Starts or adopts the process and opens its output. Returns the result of the attempt if no process could be
 * started.
 */
const start = (options: RunAttemptOptions): StartedAttempt | AttemptResult => {
  const { adopted } = options;
  let output: OutputCollector | null = null;
  let mask: Mask | null = null;
  try {
    const secrets = adopted === null ? readSecrets(secretsOf(options)) : null;
    mask = adopted === null ? (secrets?.mask ?? null) : maskOfAdopted(adopted, options);
    // The output is opened first: if that fails, no process may have been started.
    const prepared = secrets === null ? null : prepare(secrets, options);
    const spool = prepared?.spool ?? options.spool;
    output = openOutput(mask, options);
    const prevented = adopted === null ? (options.beforeProcess?.() ?? null) : null;
    if (prevented !== null) {
      output[Symbol.dispose]();
      return prevented;
    }
    const user = prepared === null ? userOfAdopted(options) : prepared.user;
    const placement =
      adopted === null
        ? placeNew(placeOptions(options), { reopensOutput: prepared?.command.reopensOutput === true })
        : placeAdopted(placeOptions(options));
    const process = adopted ?? spawn(prepared, { output, placement, options });
    return { output, mask, spool, user, placement, process };
  } catch (error) {
    output?.[Symbol.dispose]();
    if (error instanceof PetitError) throw error;
    return { ...startFailure(error, mask), outputs: {}, endedAt: options.now() };
  }
};

const placeOptions = ({ services, context, attempt }: RunAttemptOptions): PlaceOptions => ({
  cgroups: services.cgroups,
  settings: services.settings,
  log: services.log,
  task: context.task,
  attempt,
});

const secretsOf = ({ services, context }: RunAttemptOptions): SecretsOfAttempt => ({
  job: context.job,
  task: context.task,
  environment: services.fullEnvironment,
});

const maskOfAdopted = ({ identity }: RunningProcess, options: RunAttemptOptions): Mask | null => {
  const { spool, services, context } = options;
  return recoverMask({
    job: context.job,
    task: context.task,
    environment: services.fullEnvironment,
    spool,
    key: services.secretKey,
    pid: identity?.pid ?? null,
  });
};

const userOfAdopted = ({ services, context }: RunAttemptOptions): TaskUser | null | undefined => {
  const { runAs } = context.task;
  return runAs === undefined ? services.user : (findStartedAs(runAs) ?? undefined);
};

const hideSecrets = (text: string, mask: Mask | null): string => (mask === null ? text : mask.text(text));

const UNKNOWN_SECRET = "a secret in their paths could not be hidden, because it is not known any more";

type PreparedAttempt = Pick<StartedAttempt, "spool"> & {
  readonly command: ProcessCommand;
  readonly user: TaskUser | null;
};

const prepare = (
  secrets: AttemptSecrets,
  { services, context, attempt, spool: named }: RunAttemptOptions,
): PreparedAttempt => {
  const { runtime, taskEnvironment, ownFolders, spools, secretKey, settings } = services;
  const { job, task, run, item, trace, scope } = context;
  // Whoever may run as that user is looked up each time: the definition may be older than the setting.
  const isOwn = task.runAs !== undefined;
  const user = task.runAs === undefined ? services.user : findRunAs(task.runAs, settings.runAsAllowed ?? []);
  const limits = limitsOfTask(task, settings.limits ?? {});
  const plan = planAttempt({
    limits,
    job,
    task,
    run,
    item,
    trace,
    scope,
    runtime,
    environment: isOwn && user !== null ? inheritedBy(user, taskEnvironment) : taskEnvironment,
    spool: named,
    attempt: attempt.attempt,
    secrets: secrets.values,
    ownFolders,
    hasOtherUser: user !== null,
  });
  const { argv, cwd, reopensOutput, privateStdin } = plan.command;
  if (user !== null) {
    openToOthers(named.dir);
    assertReach(user, { cwd, isCwdGiven: task.workingDir !== null, program: argv[0] ?? "", spoolDir: named.dir });
  }
  const { script, stdin, event, workdir, isShared } = plan;
  const hasRareFiles =
    reopensOutput === true || privateStdin !== undefined || secrets.values.size > 0 || event !== null;
  const spool = spools.make(named, { script, stdin, event, workdir, isShared: isShared === true, isOwn, hasRareFiles });
  noteSecrets(context, secrets, spool, secretKey);
  if (user !== null) giveSpool(spool, user);
  const command = user === null ? plan.command : asUser(user, plan.command);
  return { command: withPriority(command, limits), spool, user };
};

const openOutput = (
  mask: Mask | null,
  { services, attempt, spool, adopted, onOutput }: RunAttemptOptions,
): OutputCollector =>
  new OutputCollector({
    store: services.store,
    runtime: services.runtime,
    clock: services.clock,
    attempt,
    spool,
    isNew: adopted === null,
    limitBytes: services.settings.logLimitBytes,
    mask,
    onStored: onOutput,
  });

type SpawnParts = {
  readonly output: OutputCollector;
  readonly placement: Placement;
  readonly options: RunAttemptOptions;
};

const spawn = (
  prepared: PreparedAttempt | null,
  { output, placement, options: { services } }: SpawnParts,
): RunningProcess => {
  if (prepared === null) throw new Error("the attempt has no command");
  const { command, spool } = prepared;
  const { stdout, stderr } = output.files;
  return startProcess(services.runtime, command, { spool, stdout, stderr, cgroup: entryOf(placement) });
};

/** Returns the outcome of an attempt whose process could not be started, and whether that may be temporary. */
const startFailure = (
  error: unknown,
  mask: Mask | null,
): { readonly outcome: AttemptOutcome; readonly transient: boolean } => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = errorMessage(error);
  const path =
    error instanceof SpawnError && error.path !== null ? ` (${pathText(hideSecrets(error.path, mask))})` : "";
  const text =
    error instanceof SpawnError ? message : `the process could not be started: ${CODE_MESSAGES[code] ?? message}`;
  return {
    outcome: spawnFailed(`${hideSecrets(text, mask)}${path}`),
    transient: TRANSIENT_CODES.has(code),
  };
};

/** A longer search path would hide the rest of the error. */
const MAX_PATH = 40;

const pathText = (path: string): string =>
  path.length <= MAX_PATH ? path : pluralize(path.split(delimiter).length, "folder");

/** Lack of a resource that may be available again soon. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EDQUOT"]);

const CODE_MESSAGES: Readonly<Record<string, string>> = {
  EAGAIN: "the limit of processes is reached (EAGAIN)",
  EMFILE: "petit has too many open files; raise its limit (EMFILE)",
  ENFILE: "the system has too many open files (ENFILE)",
  ENOMEM: "the system is out of memory (ENOMEM)",
  ENOSPC: "the disk of the spool folder is full (ENOSPC)",
  EDQUOT: "the disk quota of petit is used up (EDQUOT)",
  E2BIG: "arguments and environment are too long for the system (E2BIG)",
};

const follow = async (
  { process, mask, user, placement }: StartedAttempt,
  output: OutputCollector,
  options: RunAttemptOptions,
): Promise<AttemptResult> => {
  const { spool, context, attempt } = options;
  const { store, runtime, commits, poller } = options.services;
  const container = containerOfTask(options);
  using suspender = new Suspender({ leader: process.pid, spool });
  const stopWatching = watchOutput(output, suspender, { store, attempt, spool, poller, commits });
  try {
    const { cgroup } = placement;
    const { exit, endedBy } = await waitForEnd({ process, suspender, cgroup, user }, options);
    if (container !== null && mayBeLeft(exit, endedBy)) await clearContainer(container, options);
    const endedAt = Math.min(process.endedAt ?? Number.POSITIVE_INFINITY, options.now());
    const isWhole = endedBy === null && printsAll(exit, options);
    await commits.retryUntilStored(() => output.finish({ isWhole }));
    limitLeftoverOutput({ spool, runtime, group: process.pid, poller });
    const { timeoutMs, skipExitCodes, allowFailure, program } = context.task;
    const allowedExitCodes = typeof allowFailure === "object" ? allowFailure.exitCodes : [];
    const outputs = readOutputs(spool.outputs, mask, user === null ? null : (user?.uid ?? NOBODY));
    const isRemote = program.type === "ssh";
    const request = program.type === "http" ? readResult(spool.result, (error) => hideSecrets(error, mask)) : null;
    const given = { exit, endedBy, timeoutMs, skipExitCodes, allowedExitCodes, isRemote, request, outputs };
    const used = usedBy(placement, runsHere(context.task) ? exit.usage : null);
    if (placement.isRequired && used.usage?.source !== "cgroup" && exit.exitCode === WITHDRAWN_STATUS)
      return { ...NOT_ENTERED, endedAt, ...used };
    const result = { ...judgeExit(given), endedAt, ...used };
    return cgroup === null || used.memoryLimitBytes === null
      ? result
      : afterMemory(result, cgroup.memory(), used.memoryLimitBytes);
  } finally {
    stopWatching();
  }
};

/** Returns what an attempt that has ended used, and which of its limits were in force. `waited` is what the wait for its process says. */
const usedBy = (
  { cgroup, hasEntered, memoryLimitBytes, limitsEnforced }: Placement,
  waited: Usage | null,
): AttemptUsage => {
  const usage = cgroup?.usage() ?? waited;
  const isIn = cgroup === null || hasEntered || usage?.source === "cgroup";
  if (isIn || limitsEnforced === null) return { usage, memoryLimitBytes, limitsEnforced };
  return { usage, memoryLimitBytes: null, limitsEnforced: false };
};

/** The exit status of a wrapper that did not start its program. */
const WITHDRAWN_STATUS = 125;

const NOT_ENTERED = {
  outcome: spawnFailed("the process could not enter its cgroup"),
  outputs: {},
  transient: false,
} as const;

/** No file has this owner. */
const NOBODY = -1;

/**
 * Returns whether a process that ended by itself has printed what it was about to print. A process that a signal ends can stop inside a
 * text, and so can what a lost connection or a container engine with an error of its own passes on.
 */
const printsAll = (exit: Exit, options: RunAttemptOptions): boolean => {
  const { program } = options.context.task;
  if (exit.exitCode === null || exit.signal !== null) return false;
  if (program.type === "http") return exit.exitCode === 0;
  if (program.type === "ssh") return exit.exitCode !== TRANSPORT_STATUS;
  return containerOfTask(options) === null || !mayBeLeft(exit, null);
};

const containerOfTask = ({ services, context, spool }: RunAttemptOptions) => {
  const { container } = context.task;
  return container === undefined ? null : containerOf(container, spool, services.taskEnvironment);
};

/** Returns whether the container can outlive its client: the client was ended, or had an error of its own. */
const mayBeLeft = ({ exitCode }: Exit, endedBy: EndingReason | null): boolean =>
  endedBy !== null || exitCode === null || exitCode >= 125;

/** Removes what is left of the attempt's container. */
const clearContainer = async (container: StartedContainer, { services, attempt }: RunAttemptOptions): Promise<void> => {
  const problem = await removeContainer(container);
  if (problem !== null)
    services.log.error({ attempt: attempt.id, container: container.name, problem }, "cannot remove a container");
};

type Followed = Pick<StartedAttempt, "process" | "user"> &
  Pick<Placement, "cgroup"> & { readonly suspender: Suspender };

type ProcessEnd = { readonly exit: Exit; readonly endedBy: EndingReason | null };

/**
 * Waits until the process has ended, and terminates its group at the timeout or on request. An exit that has already
 * happened wins over a timeout that is noticed later: both are due together after petit or the machine was suspended.
 */
const waitForEnd = async (
  { process, suspender, cgroup, user }: Followed,
  options: RunAttemptOptions,
): Promise<ProcessEnd> => {
  const over = new AbortController();
  const first = await Promise.race([process.exited, waitForEnding(options, over.signal)]);
  abortQuietly(over);
  options.services.detach.throwIfAborted();
  suspender.isEnding = true;
  const hadEnded = first === "timeout" && options.context.run.ending === null && hasEnded(options.spool);
  const { services, context, forceKill, attempt, spool } = options;
  const graceMs = context.job.killGraceMs ?? services.settings.killGraceMs;
  const termination = { clock: services.clock, graceMs, forceKill, cgroup };
  if (typeof first === "object" || hadEnded) {
    const exit = await process.exited;
    const endedBy = previousEnding(exit, options);
    const leader = attempt.process ?? leaderOfPid(process.pid);
    if (wasBeingEnded(options)) await endRest(leader, spool, termination);
    // Its program may run on if only the wrapper was killed, by the kernel for lack of memory.
    else if (cgroup !== null && wasKilled(exit) && recordedExit(spool) === null)
      await killCgroup(cgroup, services.clock);
    else if (context.task.leftovers === "kill")
      await endLeftovers(leader, spool, { ...termination, taskUid: user?.uid ?? null });
    return { exit, endedBy };
  }
  const container = containerOfTask(options);
  if (container !== null) stopContainer(container, graceMs);
  await terminate(process.pid, termination);
  return { exit: await process.exited, endedBy: first };
};

const wasKilled = ({ exitCode, signal }: Exit): boolean =>
  exitCode === null && (signal === null || signal === "SIGKILL");

/** Returns why the previous petit process ended this attempt without storing that, or null if it did not end it. */
const previousEnding = (
  exit: Exit,
  { adopted, attempt, context, endedBefore }: RunAttemptOptions,
): EndingReason | null => {
  const hasFailed = exit.signal !== null || (exit.exitCode !== null && exit.exitCode !== 0);
  if (adopted === null || !hasFailed) return null;
  // Requests since the adoption did not cause this exit.
  if (endedBefore !== null) return endedBefore;
  return exit.signal !== null && hasOverrun(adopted, { attempt, context }) ? "timeout" : null;
};

/** Returns whether a process had exceeded the timeout of its task when it ended, before it was adopted. */
const hasOverrun = (
  { endedAt }: RunningProcess,
  { attempt, context }: Pick<RunAttemptOptions, "attempt" | "context">,
): boolean => {
  const { timeoutMs } = context.task;
  return timeoutMs !== null && endedAt !== undefined && endedAt - attempt.startedAt >= timeoutMs - END_ERROR_MS;
};

/** Maximum error of a measured end, in ms: start times of processes have ticks of 10 ms, and a file gets the time of the last tick. */
const END_ERROR_MS = 50;

/**
 * Returns whether an adopted attempt, whose leader has ended, was to be ended with its whole process group. The previous petit process
 * may have ended within the grace period, so that others of the group are alive.
 */
const wasBeingEnded = ({ adopted, attempt, context, end }: RunAttemptOptions): boolean =>
  adopted !== null && (end.aborted || hasOverrun(adopted, { attempt, context }));

/** Resolves with the reason to end the attempt, and when the engine detaches. Never resolves once `over` is aborted. */
const waitForEnding = async (options: RunAttemptOptions, over: AbortSignal): Promise<EndingReason> => {
  const { services, context, end } = options;
  const { clock, detach } = services;
  const { timeoutMs } = context.task;
  if (timeoutMs === null) await anyAborted([end, over, detach]);
  else await sleep(clock, timeoutMs - elapsedMs(options), AbortSignal.any([end, over, detach]));
  if (over.aborted) return new Promise(() => {});
  return reasonOf(end) ?? "timeout";
};

/** Returns why an attempt is to be ended; null if it is not. */
const reasonOf = (end: AbortSignal): EndingReason | null =>
  ENDING_REASONS.find((reason) => end.aborted && end.reason === reason) ?? null;

/** Returns how long an adopted attempt has already run, in ms; 0 for a new one. */
const elapsedMs = ({ attempt, adopted, now }: RunAttemptOptions): number =>
  adopted === null ? 0 : Math.max(0, now() - attempt.startedAt);
