import type { EndingReason, Reason } from "../../../domain/run.ts";
import type { Outputs } from "../../../domain/task-run.ts";
import type { TaskProgress } from "../progress.ts";

export type EndedItem = Pick<TaskProgress, "status" | "reason" | "exitCode" | "error" | "outputs"> & {
  readonly key: string;
};

/** Returns the outputs of a task: for each key a JSON array with the value of each item, in order; null where an item has none. */
export const aggregateOutputs = (items: readonly EndedItem[]): Outputs => {
  const keys = new Set(items.flatMap(({ outputs }) => Object.keys(outputs)));
  return Object.fromEntries(
    [...keys].map((key) => [
      key,
      JSON.stringify(items.map(({ outputs }) => (Object.hasOwn(outputs, key) ? outputs[key] : null))),
    ]),
  );
};

/** Returns the error of a task that failed because of its items. */
export const itemsError = (items: readonly EndedItem[], reason: Reason | EndingReason): string => {
  const failed = items.filter(({ status }) => status === "failed");
  const [first] = failed;
  if (reason !== "items_failed" || first === undefined) return `ended with its run: ${reason}`;
  return `${failed.length} of ${items.length} items failed, first '${first.key}': ${first.error ?? "failed"}`;
};
