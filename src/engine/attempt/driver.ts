import type { Task } from "../../domain/job.ts";
import { ENDING_REASONS, type Run } from "../../domain/run.ts";
import type { Attempt } from "../../domain/task-run.ts";
import type { TaskNode } from "../../store/runs/task-runs.ts";
import type { Store } from "../../store/store.ts";
import type { EnsureFiles } from "./ensure-files.ts";
import { describeEnd } from "./exit-status.ts";
import { type AttemptResult, type RunAttemptOptions, runAttempt } from "./run-attempt.ts";
import { SpawnError, spawnFailed } from "./spawn-error.ts";

/** Where attempts run: on this machine, or on others. */
export interface AttemptDriver {
  /** True if attempts continue while petit is stopped and their outcomes are kept, so that a drain need not wait for them. */
  readonly outlivesPetit: boolean;
  /** Stores a new attempt, in the current transaction. */
  store(attempt: NewAttempt): Attempt;
  /**
   * Runs a stored attempt, or follows one that the previous process has begun, to its end. Never rejects because of something that
   * the task did; rejects when the engine detaches.
   */
  run(options: RunAttemptOptions): Promise<AttemptResult>;
  /** Returns whether a stored attempt may be executing: false until a worker has claimed it, if it waits for one. */
  isExecuting(attempt: Attempt): boolean;
  /** Called when the end of an attempt is stored. */
  release(attempt: Attempt): void;
}

type NewAttempt = {
  readonly run: Pick<Run, "id" | "jobId">;
  readonly node: TaskNode;
  readonly task: Task;
  /** When it starts, in ms since the Unix epoch, by the clock of the run. */
  readonly now: number;
};

/** The drivers, of which `driverOf` chooses one. */
export type AttemptDrivers = {
  readonly local: AttemptDriver;
  /** For tasks with `runs_on`. */
  readonly remote: AttemptDriver;
};

export const driverOf = ({ runsOn }: Pick<Task, "runsOn">, { local, remote }: AttemptDrivers): AttemptDriver =>
  runsOn === undefined ? local : remote;

/** What keeps attempts from starting. */
export type StartGate = {
  blocks(run: Pick<Run, "id" | "jobId">): boolean;
  /** Resolves when the run may start a process, or when `signal` aborts. */
  untilFree(run: Pick<Run, "id" | "jobId">, signal: AbortSignal): Promise<void>;
};

/** Returns the driver of attempts on this machine. */
export const localDriver = (store: Pick<Store, "runs">, gate: StartGate, ensureFiles: EnsureFiles): AttemptDriver => ({
  outlivesPetit: false,
  store: ({ run, node, now }) => store.runs.startAttempt(run, node, now),
  run: (options) => {
    const { run, job } = options.context;
    const mustWait = job.source.commit !== undefined || gate.blocks(run);
    return options.adopted === null && mustWait ? runWhenReady(options, gate, ensureFiles) : runAttempt(options);
  },
  isExecuting: () => true,
  release: () => {},
});

const runWhenReady = async (
  options: RunAttemptOptions,
  gate: StartGate,
  ensureFiles: EnsureFiles,
): Promise<AttemptResult> => {
  const { services, end, context, now } = options;
  const { detach } = services;
  if (gate.blocks(context.run)) await gate.untilFree(context.run, AbortSignal.any([end, detach]));
  if (!end.aborted && !detach.aborted) {
    try {
      await ensureFiles(context.job);
    } catch (error) {
      detach.throwIfAborted();
      if (!(error instanceof SpawnError)) throw error;
      if (!end.aborted) return { outcome: spawnFailed(error.message), outputs: {}, transient: true, endedAt: now() };
    }
  }
  detach.throwIfAborted();
  if (!end.aborted) return await runAttempt(options);
  const reason = ENDING_REASONS.find((each) => end.reason === each) ?? "cancelled";
  const error = describeEnd(reason, context.task.timeoutMs);
  const outcome = { status: "failed", reason, error, exitCode: null, signal: null } as const;
  return { outcome, outputs: {}, transient: false, endedAt: now() };
};
