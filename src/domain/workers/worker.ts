import type { JobId, RunId, TaskId } from "../ids.ts";
import type { TaskType } from "../job.ts";

/**
 * States of a worker:
 * - `connected`: its last hello is recent.
 * - `unreachable`: its hellos stopped. What it runs goes on.
 * - `lost`: it is unreachable for longer than `lost_after`, and what it ran was declared lost.
 * - `refused`: it says hello, and gets no work.
 * - `unknown`: petit itself is not connected to NATS, or has not been for long enough to judge.
 * - `gone`: it stopped, and said so.
 */
export const WORKER_STATES = ["connected", "unreachable", "lost", "refused", "unknown", "gone"] as const;
export type WorkerState = (typeof WORKER_STATES)[number];

/**
 * Why a worker gets no work. They are here and not in `protocol.ts`, so that a petit without workers does not load the messages.
 *
 * - `protocol`: it speaks another protocol.
 * - `name_in_use`: another one has its name.
 * - `copied`: its state folder is a copy, for example of a whole machine, and a process with the other one is running.
 * - `untrusted`: it trusts no key with which petit signs.
 * - `storage`: it can't store anything, for example because its disk is full.
 */
export const REFUSED_HELLOS = ["protocol", "name_in_use", "copied", "untrusted", "storage"] as const;
export type RefusedHello = (typeof REFUSED_HELLOS)[number];

/**
 * Why a worker does not get an attempt: it gets no work at all, its version of petit does not know features that the task uses, or it can't
 * enforce limits of the task.
 */
export const ATTEMPT_REFUSALS = [...REFUSED_HELLOS, "lacks_features", "lacks_limits"] as const;

/** A worker as the API shows it. Times are in ms since the Unix epoch. */
export type WorkerView = {
  readonly name: string;
  readonly state: WorkerState;
  /** Why it is refused; null if it is not. */
  readonly refused: RefusedHello | null;
  /** Since when it is refused. Missing if it is not. */
  readonly refusedSince?: number;
  /** What the worker says about that. Missing if it says nothing. */
  readonly refusalDetail?: string;
  /** A worker that was refused because it has a copy of the state folder of this one. Missing if there was none lately. */
  readonly copy?: { readonly address: string; readonly since: number };
  readonly labels: readonly string[];
  readonly slots: number;
  /** The types of tasks that it runs, by its last hello; null if it runs all, or if petit does not know it yet. */
  readonly allowedTypes: readonly string[] | null;
  /** The features that it knows, by its last hello. Missing if petit does not know, or if the hello lists none. */
  readonly features?: readonly string[] | undefined;
  /** The limits that it can enforce, by its last hello. Missing if petit does not know, or if the hello does not say. */
  readonly limits?: readonly string[] | undefined;
  /** Why it can't enforce all, and what to do about it, as it says. Missing if it can, or if it does not say. */
  readonly limitsGap?: LimitsGap | undefined;
  readonly version: string;
  readonly protocol: number;
  readonly address: string;
  readonly firstSeenAt: number;
  readonly lastContactAt: number;
  /** True if `petit worker drain` has drained it, or it is draining by itself: it takes no new work. */
  readonly isDraining: boolean;
  /** How far its wall clock is ahead of petit's; null if that is unknown. */
  readonly clockDifferenceMs: number | null;
  /** What runs there, oldest first. */
  readonly attempts: readonly WorkerAttempt[];
};

/** Two sentences without a full stop, the first of which follows "because". */
type LimitsGap = { readonly reason: string; readonly advice: string };

export type WorkerAttempt = {
  readonly attemptId: number;
  readonly runId: RunId;
  readonly jobId: JobId;
  readonly taskId: TaskId;
  /** Position of the item, from 0; null in a task without items. */
  readonly item: number | null;
  readonly attempt: number;
  readonly claimedAt: number;
};

/** What a task waits for that no worker has claimed yet. */
export type WaitsForWorker = {
  readonly code: "worker";
  readonly labels: readonly string[];
  /** The type of the task, if a connected worker has the labels but does not allow it; otherwise null. */
  readonly type: TaskType | null;
  /** How many connected workers have the labels and allow the type. They know the features that the task uses, and can enforce its limits. If it is 0, the task can't start before one connects. */
  readonly connected: number;
  /**
   * The workers that have the labels, allow the type, and get no work, lack features that the task uses, or can't enforce its limits. Missing
   * if there are none.
   */
  readonly refused?: readonly RefusedWorker[];
  /**
   * What keeps it from reaching a worker, or its end from reaching petit if `worker` has it. Missing if nothing does. `nats`: JetStream does
   * not store it. `disk`: petit's disk has no room for its artifacts.
   */
  readonly blocked?: { readonly by: "nats" | "disk"; readonly detail: string; readonly worker: string | null };
  /** The names of the connected workers that have the labels, allow the type, and are drained. Missing if there are none. */
  readonly drained?: readonly string[];
};

export type RefusedWorker = {
  readonly worker: string;
  readonly reason: (typeof ATTEMPT_REFUSALS)[number];
  /** The features that it lacks, or the limits that it can't enforce. Missing with another reason. */
  readonly lacks?: readonly string[];
  /** Why it can't enforce limits. Missing with another reason, or if it does not say. */
  readonly gap?: LimitsGap;
};
