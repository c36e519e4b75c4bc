import type { JobId, RunId } from "../ids.ts";
import type { Trigger } from "../run.ts";

/** The configured queues: how many runs of all its jobs each one lets run at once, by name. */
export type Queues = ReadonlyMap<string, number>;

export const NO_QUEUES: Queues = new Map();

/** Limits of `priority`. */
export const PRIORITY = { min: -100, max: 100, default: 0 } as const;

/** The priority of the runs of backfills, whatever that of their job is: they start after all others. */
const BACKFILL_PRIORITY = PRIORITY.min - 1;

/** A run, and the definition of its job that it was created with. */
type PrioritizedRun = {
  readonly run: { readonly trigger: Trigger };
  readonly job: { readonly priority?: number };
};

/** Returns the priority of a run. */
export const priorityOfRun = ({ run, job }: PrioritizedRun): number =>
  isBackfilled(run) ? BACKFILL_PRIORITY : (job.priority ?? PRIORITY.default);

/** Returns whether a backfill has made a run. Such a run keeps no other from starting while it waits. */
export const isBackfilled = ({ trigger }: { readonly trigger: Trigger }): boolean => trigger === "backfill";

/**
 * Returns how many runs a queue lets run at once. A queue that is no longer configured, but which waiting runs and jobs of
 * broken files still name, lets one run at a time.
 */
export const queueLimit = (queues: Queues, name: string): number => queues.get(name) ?? 1;

/** Maximum of the runs that a queue is listed with, of those that have a slot and of those that wait. */
export const LISTED_QUEUE_RUNS = 20;

/** The first runs in a queue. */
export type QueueRuns = {
  /** Those that have a slot, in the order in which they took it. */
  readonly holding: readonly QueueRun[];
  /** Those that wait, the next one first. */
  readonly waiting: readonly QueueRun[];
};

export type QueueRun = { readonly runId: RunId; readonly jobId: JobId };

/** The state of a queue. */
export type QueueState = {
  readonly name: string;
  /** Maximum of concurrent runs. */
  readonly limit: number;
  /** Runs that have a slot. */
  readonly running: number;
  /** Runs that wait for a slot, those included that only wait for another limit. */
  readonly pending: number;
};
