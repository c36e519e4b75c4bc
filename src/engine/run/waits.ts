import type { TaskId } from "../../domain/ids.ts";
import { type Job, taskOf } from "../../domain/job.ts";
import { WAITING_CODES, type WaitingCode } from "../../domain/limits/waiting-for.ts";
import { assertNever } from "../../lib/never.ts";
import { type NodeKey, nodeKey } from "./plan/node.ts";
import type { TaskProgress } from "./plan/progress.ts";

export type WaitSources = {
  readonly job: Job;
  readonly progress: Iterable<TaskProgress>;
  /** The tasks and items that execute on other machines. */
  readonly elsewhere: ReadonlySet<NodeKey>;
};

/** What something that has begun waits for, or that it executes. */
type Activity = WaitingCode | "executes";

/** Returns what a run waits for, apart from a slot; null if a task executes or is about to, or if none has begun. */
export const waitOfRun = (options: WaitSources): WaitingCode | null => {
  let found: WaitingCode | null = null;
  for (const progress of options.progress) {
    const activity = activityOf(progress, options);
    if (activity === "executes") return null;
    found = firstOf(found, activity);
  }
  return found;
};

/** Returns what each task waits for, apart from a slot, without those that wait for nothing. A task waits if all of its items do. */
export const waitsOfTasks = (options: WaitSources): ReadonlyMap<TaskId, WaitingCode> => {
  const waits = new Map<TaskId, WaitingCode>();
  const executing = new Set<TaskId>();
  for (const progress of options.progress) {
    const { taskId } = progress.node;
    const activity = activityOf(progress, options);
    if (activity === "executes") executing.add(taskId);
    const first = activity === "executes" ? null : firstOf(waits.get(taskId) ?? null, activity);
    if (first !== null) waits.set(taskId, first);
  }
  for (const taskId of executing) waits.delete(taskId);
  return waits;
};

const activityOf = ({ phase, node }: TaskProgress, { job, elsewhere }: WaitSources): Activity | null => {
  switch (phase) {
    case "idle":
    case "items":
      return null;
    case "asking":
      return "approval";
    case "awaiting":
      return "child";
    case "waiting":
      return "retry";
    case "due":
      return "executes";
    case "attempting":
      return taskOf(job, node.taskId).runsOn === undefined || elsewhere.has(nodeKey(node)) ? "executes" : "worker";
    default:
      return assertNever(phase);
  }
};

const firstOf = (one: WaitingCode | null, other: WaitingCode | null): WaitingCode | null =>
  WAITING_CODES.find((code) => code === one || code === other) ?? null;
