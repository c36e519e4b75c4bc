import { type GraphNode, type GraphNodeState, isDone } from "../../../domain/graph.ts";
import type { TaskId } from "../../../domain/ids.ts";
import type { NodeKey } from "../plan/node.ts";

/** What a plan knows about the upstream tasks of the task that it plans. Tasks are added in topological order. */
export class Upstreams {
  readonly #before: ReadonlyMap<NodeKey, GraphNodeState>;
  readonly #after: ReadonlyMap<NodeKey, GraphNodeState>;
  readonly #settled = new Set<TaskId>();
  readonly #complete = new Set<TaskId>();
  readonly #changed = new Set<TaskId>();

  /** `before` has the stored states, `after` those after the steps of the plan. */
  constructor(before: ReadonlyMap<NodeKey, GraphNodeState>, after: ReadonlyMap<NodeKey, GraphNodeState>) {
    this.#before = before;
    this.#after = after;
  }

  add({ id, dependsOn }: Pick<GraphNode, "id" | "dependsOn">): void {
    const state = this.#after.get(id);
    if (state !== this.#before.get(id) || this.isAnyChanged(dependsOn)) this.#changed.add(id);
    if (state === undefined || !isDone(state)) return;
    const areComplete = this.areComplete(dependsOn);
    if (areComplete) this.#complete.add(id);
    if (areComplete || state.status === "skipped" || dependsOn.every((each) => this.isSettled(each)))
      this.#settled.add(id);
  }

  /**
   * Returns whether a task has ended, and so have the tasks upstream of it that a retry repeats although it takes over the
   * result of the task. A skipped task need not wait for its upstreams: one failure among them is enough.
   */
  isSettled(id: TaskId): boolean {
    return this.#settled.has(id);
  }

  /** Returns whether the tasks and everything upstream of them have ended. */
  areComplete(ids: readonly TaskId[]): boolean {
    return ids.every((id) => this.#complete.has(id));
  }

  hasEnded(id: TaskId): boolean {
    const state = this.#after.get(id);
    return state !== undefined && isDone(state);
  }

  /** Returns whether a step of the plan changes one of the tasks, or a task upstream of them. */
  isAnyChanged(ids: readonly TaskId[]): boolean {
    return ids.some((id) => this.#changed.has(id));
  }
}
