import { InvalidItemsError, toItems, valuesOf } from "../../../domain/expand-items.ts";
import type { TaskId } from "../../../domain/ids.ts";
import type { Item } from "../../../domain/item.ts";
import { taskOf } from "../../../domain/job.ts";
import type { ItemRun } from "../../../domain/task-run.ts";
import { expandTemplate, type TemplateScope } from "../../../jobfile/template.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import type { NewItem } from "../../../store/runs/items.ts";
import { type RunState, scopeOfState } from "./run-scope.ts";

/**
 * Returns the items of a task. An item that the retried run had, by its key and with the same value, is completed if it was
 * completed there. Throws InvalidItemsError if the items can't be used.
 */
export const expandTask = (state: RunState, taskId: TaskId, before: ReadonlyMap<string, ItemRun>): readonly NewItem[] =>
  itemsOf(state, taskId).map((item) => {
    const previous = before.get(item.key);
    const isReused = previous?.status === "completed" && JSON.stringify(previous.value) === JSON.stringify(item.value);
    return {
      ...item,
      outputs: isReused ? previous.outputs : null,
      exitCode: isReused ? previous.exitCode : null,
      childRunId: isReused ? previous.childRunId : null,
    };
  });

const itemsOf = (state: RunState, taskId: TaskId): readonly Item[] => {
  const { items: spec } = taskOf(state.job, taskId);
  if (spec === undefined) throw new Error(`task '${taskId}' has no items`);
  const plain = scopeOfState(state, { taskId, item: null });
  const values = valuesOf(spec.source, (text) => expand("foreach", text, plain));
  const { key } = spec;
  return toItems(values, {
    isMatrix: spec.source.kind === "matrix",
    ...(key !== null && { keyOf: (item: Item) => expand("item_key", key, { ...plain, item }) }),
  });
};

/** Expands the templates of a field. Throws `InvalidItemsError` if an expression can't be evaluated. */
const expand = (field: string, text: string, scope: TemplateScope): string => {
  try {
    return expandTemplate(text, scope);
  } catch (error) {
    throw new InvalidItemsError(`${field}: ${errorMessage(error)}`);
  }
};
