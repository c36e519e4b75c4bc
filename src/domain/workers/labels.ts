import type { TaskType } from "../job.ts";
import type { CgroupLimit } from "../limits/task-limits.ts";
import { lackingFeatures } from "./features.ts";

/** The pattern of a label of a worker, such as `gpu` or `zone=eu`. */
export const LABEL_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._=/-]{0,62}$";

/** Maximum number of labels of a worker, and of a task. */
export const MAX_LABELS = 16;

/** The pattern of the name of a worker. It is one token of a NATS subject. */
export const WORKER_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$";

/** Returns labels sorted and without duplicates, so that equal sets are equal lists. */
export const canonicalLabels = (labels: readonly string[]): readonly string[] => [...new Set(labels)].sort();

/** What an attempt needs of its worker. */
export type WorkerNeeds = {
  readonly labels: readonly string[];
  readonly type: TaskType;
  /** The features that its task uses. */
  readonly features: readonly string[];
  /** The limits that must be enforced. */
  readonly limits: readonly CgroupLimit[];
};

/** What a worker says about the attempts that it can run. */
type WorkerAbilities = {
  readonly labels: readonly string[];
  readonly allowedTypes?: readonly string[] | null | undefined;
  readonly features?: readonly string[] | undefined;
  readonly limits?: readonly string[] | undefined;
};

/** Returns whether a worker can run an attempt. */
export const canRun = (worker: WorkerAbilities, { labels, type, features, limits }: WorkerNeeds): boolean =>
  serves(worker.labels, labels) &&
  allows(worker, type) &&
  lackingFeatures(worker, features).length === 0 &&
  lackingLimits(worker, limits).length === 0;

/** Returns whether a worker has all labels that a task needs. */
export const serves = (workerLabels: readonly string[], wanted: readonly string[]): boolean =>
  wanted.every((label) => workerLabels.includes(label));

/** Returns whether a worker runs tasks of a type. One that names no types runs all. */
export const allows = (
  { allowedTypes }: { readonly allowedTypes?: readonly string[] | null | undefined },
  type: string,
): boolean => allowedTypes?.includes(type) ?? true;

/** Returns the limits of a task that a worker can't enforce. One that does not say what it can enforces none. */
export const lackingLimits = (
  { limits = [] }: Pick<WorkerAbilities, "limits">,
  needed: readonly CgroupLimit[],
): readonly CgroupLimit[] => needed.filter((limit) => !limits.includes(limit));
