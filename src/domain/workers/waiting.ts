import { serves } from "./labels.ts";
import type { WaitsForWorker, WorkerAttempt, WorkerView } from "./worker.ts";

/** An attempt that is offered to workers, and that none has claimed yet. */
export type WorkerWait = Pick<WorkerAttempt, "runId" | "jobId" | "taskId" | "item"> & {
  /** The labels that the worker must have, sorted. */
  readonly labels: readonly string[];
  /** When the attempt was stored, in ms since the Unix epoch. */
  readonly since: number;
};

/** The attempts that wait for a worker with the same labels. */
export type WaitingLabels = {
  readonly waitsFor: WaitsForWorker;
  readonly count: number;
  /** The one that waits longest. */
  readonly first: WorkerWait;
};

/** The connection of petit to NATS. */
export type Dispatch = {
  /** Without a password. */
  readonly url: string;
  readonly isConnected: boolean;
  /** When the state last changed, in ms since the Unix epoch. */
  readonly since: number;
  /** Why petit is not connected; null if it is, or if the reason is unknown. */
  readonly error: string | null;
};

/** Returns whether a worker stopped sending hellos without announcing that it stops. */
export const isUnreachable = ({ state }: Pick<WorkerView, "state">): boolean =>
  state === "unreachable" || state === "lost";

/** Returns what an attempt for a worker with these labels waits for. */
export const waitsForWorker = (labels: readonly string[], workers: readonly WorkerView[]): WaitsForWorker => ({
  code: "worker",
  labels,
  connected: workers.filter((worker) => isAvailable(worker) && serves(worker.labels, labels)).length,
});

const isAvailable = ({ state, isDraining }: WorkerView): boolean => state === "connected" && !isDraining;

/** Groups the waiting attempts by labels. The group that has waited longest comes first. */
export const waitingByLabels = (
  waits: readonly WorkerWait[],
  workers: readonly WorkerView[],
): readonly WaitingLabels[] =>
  [...Map.groupBy(waits, ({ labels }) => labels.join(","))]
    .flatMap(([, group]): WaitingLabels[] => {
      const [first] = group.toSorted((a, b) => a.since - b.since);
      if (first === undefined) return [];
      return [{ waitsFor: waitsForWorker(first.labels, workers), count: group.length, first }];
    })
    .toSorted((a, b) => a.first.since - b.first.since);
