import type { JobId } from "../ids.ts";
import type { Job, Task } from "../job.ts";
import { limitsOfTask, limitsToEnforce } from "./limits-of-task.ts";
import { CGROUP_LIMITS, type CgroupLimit, type TaskLimits } from "./task-limits.ts";

/** Limits that this machine does not enforce, although jobs ask for them. */
export type UnenforcedLimits = {
  /** Why, in words that follow "because". */
  readonly reason: string;
  /** What to do about it. */
  readonly advice: string;
  /** There is at least one. */
  readonly jobs: readonly UnenforcedJob[];
};

type UnenforcedJob = { readonly jobId: JobId; readonly limits: readonly CgroupLimit[] };

/** What a petit on a machine enforces. */
export type LimitSupport = {
  readonly enforced: readonly CgroupLimit[];
  /** Why that is not all, and what to do about it; null if it is all. */
  readonly gap: { readonly reason: string; readonly advice: string } | null;
};

/**
 * Returns the jobs with limits that this machine does not enforce; null if there are none. Tasks on workers, and in containers, whose engine
 * enforces them, do not count, nor do those with `enforce: best_effort`, which accepts it.
 */
export const findUnenforced = (
  jobs: Iterable<Job>,
  { defaults, support }: { readonly defaults: TaskLimits; readonly support: LimitSupport },
): UnenforcedLimits | null => {
  if (support.gap === null) return null;
  const found: UnenforcedJob[] = [];
  for (const { id, tasks } of jobs) {
    const wanted = new Set(tasks.flatMap((task) => limitsHere(task, defaults)));
    const limits = CGROUP_LIMITS.filter((limit) => wanted.has(limit) && !support.enforced.includes(limit));
    if (limits.length > 0) found.push({ jobId: id, limits });
  }
  return found.length === 0 ? null : { ...support.gap, jobs: found };
};

const limitsHere = (task: Task, defaults: TaskLimits): readonly CgroupLimit[] =>
  task.runsOn === undefined ? limitsToEnforce(task, limitsOfTask(task, defaults)) : [];
