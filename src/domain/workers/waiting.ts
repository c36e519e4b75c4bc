import type { WorkerAttempt } from "./worker.ts";

/** An attempt that is offered to workers, and that none has claimed yet. */
export type WorkerWait = Pick<WorkerAttempt, "runId" | "jobId" | "taskId" | "item"> & {
  /** The labels that the worker must have, sorted. */
  readonly labels: readonly string[];
  /** When the attempt was stored, in ms since the Unix epoch. */
  readonly since: number;
};

/** The connection of petit to NATS. */
export type Dispatch = {
  /** Without a password. */
  readonly url: string;
  readonly isConnected: boolean;
  /** Since when that is so, in ms since the Unix epoch. */
  readonly since: number;
  /** Why petit is not connected; null if it is, or if the reason is unknown. */
  readonly error: string | null;
};
