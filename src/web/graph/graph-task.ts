import type { TaskCondition } from "../../domain/graph.ts";
import type { ShownTaskStatus } from "../ui/status/task-status.ts";

/** A task as a node of a graph. */
export type GraphTask = {
  readonly id: string;
  readonly name: string;
  /** Type such as `shell`; null if the definition is no longer available. */
  readonly type: string | null;
  readonly dependsOn: readonly string[];
  readonly condition: TaskCondition;
  /** The labels that a worker must have to run it; null on petit's own machine. */
  readonly runsOn: readonly string[] | null;
  /** Progress in a run; null in a definition. */
  readonly progress: NodeProgress | null;
};

export type NodeProgress = {
  readonly status: ShownTaskStatus;
  /** Number of attempts. */
  readonly attempts: number;
  /** In ms since the Unix epoch. */
  readonly startedAt: number | null;
  readonly durationMs: number | null;
  /** When the next attempt starts, in ms since the Unix epoch. */
  readonly retryAt: number | null;
  /** True if the result was reused from the run that this run retries. */
  readonly isReused: boolean;
  /** The worker of the last attempt; null on petit's own machine. */
  readonly worker: string | null;
  /** What it waits for, to complete "waits for"; null if for no worker. */
  readonly waitsFor: string | null;
  /** How many of its items have ended and failed: `12/20, 1 failed`; null if it has no items. */
  readonly items: string | null;
};

/** Text of each condition; null for the default. */
export const CONDITION_TEXT = {
  all_success: null,
  on_failure: "on failure",
  all_done: "all done",
} as const satisfies Record<TaskCondition, string | null>;

/** Describes a task: `load (shell), completed, after extract and check, on failure`. */
export const taskText = (task: GraphTask): string => {
  const { name, type, progress } = task;
  const parts = [type === null ? name : `${name} (${type})`, progress?.status, progress?.isReused ? "reused" : null];
  return [...parts, dependencyText(task)].filter((part) => part != null && part !== "").join(", ");
};

/** Describes the dependencies: `after extract and check, on failure`. Empty if there are none. */
export const dependencyText = ({ dependsOn, condition }: GraphTask): string => {
  if (dependsOn.length === 0) return "";
  const text = CONDITION_TEXT[condition];
  return `after ${dependsOn.join(" and ")}${text === null ? "" : `, ${text}`}`;
};
