import { taskOf } from "../../../domain/job.ts";
import { Expression } from "../../../jobfile/expression/expression.ts";
import { expressionScope, parseIf } from "../../../jobfile/template.ts";
import type { TaskNode } from "../../../store/runs/task-runs.ts";
import type { IfResult } from "../plan.ts";
import { type RunState, scopeOfState } from "./run-scope.ts";

/** Evaluates the `if` of a task. One that refers to the item is evaluated for each item, any other once for the task. */
export const evaluateIf = (state: RunState, { taskId, item }: TaskNode): IfResult => {
  const text = taskOf(state.job, taskId).if;
  const expression = text === undefined ? null : parseIf(text);
  if (!(expression instanceof Expression)) return true;
  const isOfItem = expression.references.some(({ context }) => ITEM_CONTEXTS.has(context));
  if (isOfItem !== (item !== null)) return true;
  try {
    const ofItem = item === null ? null : (state.items.get(taskId)?.[item] ?? null);
    return expression.isTrue(expressionScope(scopeOfState(state, { taskId, item: ofItem })));
  } catch (error) {
    return { error: `if: ${error instanceof Error ? error.message : String(error)}` };
  }
};

const ITEM_CONTEXTS: ReadonlySet<string> = new Set(["item", "item_key", "matrix"]);
