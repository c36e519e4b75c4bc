import { lackingFeatures } from "./features.ts";
import { allows, canRun, lackingLimits, serves, type WorkerNeeds } from "./labels.ts";
import type { RefusedWorker, WaitsForWorker, WorkerAttempt, WorkerView } from "./worker.ts";

/** An attempt that is offered to workers, and that none has claimed yet. */
export type WorkerWait = Pick<WorkerAttempt, "runId" | "jobId" | "taskId" | "item"> &
  WorkerNeeds & {
    /** When the attempt was stored, in ms since the Unix epoch. */
    readonly since: number;
  };

/** What keeps an attempt from reaching a worker, or its end from reaching petit: NATS stores nothing, or petit's disk is full. */
export const BLOCKERS = ["nats", "disk"] as const;

export type Blocked = {
  readonly by: (typeof BLOCKERS)[number];
  /** What NATS or the system says. */
  readonly detail: string;
  /** In ms since the Unix epoch. */
  readonly since: number;
};

/** The attempts that wait for the same workers. */
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
  /** Why JetStream does not store what petit sends although petit is connected, and since when. Missing if it does. */
  readonly problem?: { readonly detail: string; readonly since: number };
};

/** An attempt that something keeps from reaching a worker, or whose end something keeps from reaching petit. */
export type BlockedAttempt = WorkerWait & {
  /** The worker that has it; null if none has it yet. */
  readonly worker: string | null;
  readonly blocked: Blocked;
};

/** Returns whether a worker stopped sending hellos without announcing that it stops. */
export const isUnreachable = ({ state }: Pick<WorkerView, "state">): boolean =>
  state === "unreachable" || state === "lost";

/** Returns what an attempt waits for. */
export const waitsForWorker = (
  { worker = null, blocked, ...needs }: WorkerNeeds & Partial<BlockedAttempt>,
  workers: readonly WorkerView[],
): WaitsForWorker => {
  const { labels, type } = needs;
  const withLabels = workers.filter((worker) => serves(worker.labels, labels));
  const allowing = withLabels.filter((worker) => allows(worker, type));
  const able = allowing.filter((worker) => canRun(worker, needs));
  const refused = allowing.flatMap((worker) => refusalOf(worker, needs));
  const drained = able.flatMap(({ name, state, isDraining }) => (state === "connected" && isDraining ? [name] : []));
  return {
    code: "worker",
    labels,
    type: allowing.filter(isAvailable).length < withLabels.filter(isAvailable).length ? type : null,
    connected: able.filter(isAvailable).length,
    ...(refused.length > 0 && { refused }),
    ...(blocked !== undefined && { blocked: { by: blocked.by, detail: blocked.detail, worker } }),
    ...(drained.length > 0 && { drained }),
  };
};

/** Returns why a worker that has the labels, and allows the type, does not get an attempt; nothing if it may. */
const refusalOf = (worker: WorkerView, { features, limits }: WorkerNeeds): readonly RefusedWorker[] => {
  const { name, refused: reason, isDraining, limitsGap: gap } = worker;
  if (isDraining) return [];
  if (reason !== null) return [{ worker: name, reason }];
  if (!isAvailable(worker)) return [];
  const unknown = lackingFeatures(worker, features);
  if (unknown.length > 0) return [{ worker: name, reason: "lacks_features", lacks: unknown }];
  const lacks = lackingLimits(worker, limits);
  return lacks.length === 0 ? [] : [{ worker: name, reason: "lacks_limits", lacks, ...(gap !== undefined && { gap }) }];
};

const isAvailable = ({ state, isDraining }: WorkerView): boolean => state === "connected" && !isDraining;

/**
 * Groups the waiting attempts by labels, and by what keeps them from workers with the labels: the type of their task, features that it uses,
 * or its limits. The group that has waited longest comes first.
 */
export const waitingByLabels = (
  waits: readonly WorkerWait[],
  workers: readonly WorkerView[],
): readonly WaitingLabels[] =>
  [
    ...Map.groupBy(withReasons(waits, workers), ({ waitsFor: { labels, type, refused } }) =>
      JSON.stringify([labels, type, refused]),
    ),
  ]
    .flatMap(([, group]): WaitingLabels[] => {
      const [first] = group.toSorted((a, b) => a.wait.since - b.wait.since);
      if (first === undefined) return [];
      return [{ waitsFor: first.waitsFor, count: group.length, first: first.wait }];
    })
    .toSorted((a, b) => a.first.since - b.first.since);

const withReasons = (waits: readonly WorkerWait[], workers: readonly WorkerView[]) =>
  waits.map((wait) => ({ wait, waitsFor: waitsForWorker(wait, workers) }));
