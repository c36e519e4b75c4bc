import type { Task } from "../../domain/job.ts";
import { limitsOfTask, limitsToEnforce } from "../../domain/limits/limits-of-task.ts";
import { featuresOf } from "../../domain/workers/features.ts";
import type { WorkerNeeds } from "../../domain/workers/labels.ts";
import type { RunAttemptOptions } from "../attempt/run-attempt.ts";

type Offered = Pick<RunAttemptOptions, "context"> & {
  readonly services: Pick<RunAttemptOptions["services"], "settings">;
};

/** Returns the task of an attempt as it is offered: its limits are over the defaults of petit, since those of the worker do not count. */
export const offeredTask = ({ context: { task }, services: { settings } }: Offered): Task => {
  const limits = limitsOfTask(task, settings.limits ?? {});
  return Object.keys(limits).length === 0 ? task : { ...task, limits };
};

/** Returns what an attempt needs of its worker, besides labels. */
export const needsOf = (offered: Offered): Omit<WorkerNeeds, "labels"> => {
  const { job, run } = offered.context;
  const task = offeredTask(offered);
  return {
    type: task.program.type,
    features: featuresOf(job, task, run),
    limits: limitsToEnforce(task, task.limits ?? {}),
  };
};
