import { type Task, taskOf } from "../../../domain/job.ts";
import { Expression } from "../../../jobfile/expression/expression.ts";
import { ExpressionWork } from "../../../jobfile/expression/work.ts";
import { expressionScope, parseIf } from "../../../jobfile/template.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import type { TaskNode } from "../../../store/runs/task-runs.ts";
import type { IfResult } from "../plan/plan.ts";
import { type RunState, scopeOfState } from "./run-scope.ts";

/** How much work the conditions of items may be until other work runs in between: about 10 ms. */
const MAX_WORK = 1_048_576;

/** Evaluates the conditions of one plan. */
export class Conditions {
  readonly #state: RunState;
  #work = new ExpressionWork();
  #spent = 0;

  constructor(state: RunState) {
    this.#state = state;
  }

  /**
   * Evaluates the `if` of a task. One that refers to the item is evaluated for each item, any other once for the task. Returns `later`
   * for an item if the conditions of the plan were much work already.
   */
  evaluate({ taskId, item }: TaskNode): IfResult {
    const expression = conditionOf(taskOf(this.#state.job, taskId));
    if (expression === null) return true;
    const isOfItem = expression.references.some(({ context }) => ITEM_CONTEXTS.has(context));
    if (isOfItem !== (item !== null)) return true;
    if (item !== null && this.#spent > MAX_WORK) return "later";
    const work = this.#work.next();
    this.#work = work;
    try {
      const ofItem = item === null ? null : (this.#state.items.get(taskId)?.[item] ?? null);
      const scope = scopeOfState(this.#state, { taskId, item: ofItem });
      return expression.isTrue(expressionScope(scope, expression), work);
    } catch (error) {
      return { error: `if: ${errorMessage(error)}` };
    } finally {
      this.#spent += work.spent;
    }
  }
}

const ITEM_CONTEXTS: ReadonlySet<string> = new Set(["item", "item_key", "matrix"]);

/** The conditions that were parsed already: that of a task with items is evaluated for each of them. */
const PARSED = new WeakMap<Task, Expression>();

const conditionOf = (task: Task): Expression | null => {
  if (task.if === undefined) return null;
  const known = PARSED.get(task);
  if (known !== undefined) return known;
  const parsed = parseIf(task.if);
  if (!(parsed instanceof Expression)) return null;
  PARSED.set(task, parsed);
  return parsed;
};
