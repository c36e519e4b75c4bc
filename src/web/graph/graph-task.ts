import type { TaskCondition } from "../../domain/graph.ts";
import type { TaskStatus } from "../../domain/task-run.ts";

/** A node of a graph. */
export type GraphTask = {
  readonly id: string;
  readonly name: string;
  /** `shell` and the like; null where it isn't known any more. */
  readonly type: string | null;
  readonly dependsOn: readonly string[];
  readonly condition: TaskCondition;
  /** How it goes in a run; null in a definition. */
  readonly progress: NodeProgress | null;
};

export type NodeProgress = {
  readonly status: TaskStatus;
  /** Attempts made. */
  readonly attempts: number;
  /** In ms since the Unix epoch. */
  readonly startedAt: number | null;
  readonly durationMs: number | null;
  /** When the next attempt is due, ms since the epoch. */
  readonly retryAt: number | null;
  /** Whether a retry took it over from the run before. */
  readonly isReused: boolean;
};

/** Conditions in words; what is usual needs none. */
export const CONDITION_TEXT = {
  all_success: null,
  on_failure: "on failure",
  all_done: "all done",
} as const satisfies Record<TaskCondition, string | null>;

/** `load (shell), completed, after extract and check, on failure`. */
export const taskText = (task: GraphTask): string => {
  const { name, type, progress } = task;
  const parts = [type === null ? name : `${name} (${type})`, progress?.status, progress?.isReused ? "reused" : null];
  return [...parts, dependencyText(task)].filter((part) => part != null && part !== "").join(", ");
};

/** `after extract and check, on failure`; empty where nothing comes before it. */
export const dependencyText = ({ dependsOn, condition }: GraphTask): string => {
  if (dependsOn.length === 0) return "";
  const text = CONDITION_TEXT[condition];
  return `after ${dependsOn.join(" and ")}${text === null ? "" : `, ${text}`}`;
};
