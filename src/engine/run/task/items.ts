import type { EndingReason, Reason } from "../../../domain/run.ts";
import type { Outputs } from "../../../domain/task-run.ts";
import type { AttemptResult } from "../../attempt/run-attempt.ts";
import type { TaskProgress } from "../plan/progress.ts";

/** Maximum size of the outputs of all items of a task, in bytes. Later tasks, and those who look at the run, read them as a whole. */
const MAX_ITEM_OUTPUTS_BYTES = 16 * 1_048_576;

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

/** Returns how an attempt of an item ended. It fails if its outputs, with those of the `others`, are too many. */
export const withinItemOutputs = (result: AttemptResult, others: readonly Outputs[]): AttemptResult => {
  const ownBytes = bytesOf(result.outputs);
  if (ownBytes === 0) return result;
  const bytes = others.reduce((sum, each) => sum + bytesOf(each), ownBytes);
  if (bytes <= MAX_ITEM_OUTPUTS_BYTES) return result;
  const error = `the outputs of the items of this task have ${bytes} bytes; the limit is ${MAX_ITEM_OUTPUTS_BYTES}`;
  const { outcome } = result;
  if (outcome.status === "failed") return { ...result, outputs: {} };
  const { skips: _, ...rest } = result;
  return {
    ...rest,
    outputs: {},
    transient: false,
    outcome: { ...outcome, status: "failed", reason: "exit_code", error },
  };
};

/** Outputs do not change, so each is measured once. */
const SIZES = new WeakMap<Outputs, number>();

const bytesOf = (outputs: Outputs): number => {
  const known = SIZES.get(outputs);
  if (known !== undefined) return known;
  let bytes = 0;
  for (const [key, value] of Object.entries(outputs)) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  SIZES.set(outputs, bytes);
  return bytes;
};

/** Returns the error of a task that failed because of its items. */
export const itemsError = (items: readonly EndedItem[], reason: Reason | EndingReason): string => {
  const failed = items.filter(({ status }) => status === "failed");
  const [first] = failed;
  if (reason !== "items_failed" || first === undefined) return `ended with its run: ${reason}`;
  return `${failed.length} of ${items.length} items failed, first '${first.key}': ${first.error ?? "failed"}`;
};
