import { assertNever } from "../lib/never.ts";
import type { TaskId } from "./ids.ts";
import type { Reason } from "./run.ts";
import type { TaskStatus } from "./task-run.ts";

/**
 * When a task may start. `all_success`: every upstream completed. `on_failure`: at least one upstream failed or was
 * skipped because of a failure further up. `all_done`: every upstream ended, whatever the result.
 */
export const TASK_CONDITIONS = ["all_success", "on_failure", "all_done"] as const;
export type TaskCondition = (typeof TASK_CONDITIONS)[number];

/** The properties of a task that the graph uses. */
export type GraphNode = {
  readonly id: TaskId;
  readonly dependsOn: readonly TaskId[];
  readonly condition: TaskCondition;
};

export type GraphNodeState = {
  readonly status: TaskStatus;
  readonly reason: Reason | null;
  /** True if the task failed, and its job allows that. It counts as completed. */
  readonly isAllowed?: boolean;
};

/** What to do with a pending task. */
export type TaskDecision =
  | { readonly kind: "start" }
  | { readonly kind: "wait" }
  | { readonly kind: "skip"; readonly reason: "upstream_failed" | "condition_not_met" };

/** Decides what to do with a pending task from the states of its upstreams. The order in which these end does not matter. `on_failure` never holds without upstreams. */
export const judge = (node: GraphNode, upstreams: readonly GraphNodeState[]): TaskDecision => {
  switch (node.condition) {
    case "all_success":
      return judgeAllSuccess(upstreams);
    case "on_failure":
      return judgeOnFailure(upstreams);
    case "all_done":
      return upstreams.every(isDone) ? { kind: "start" } : { kind: "wait" };
    default:
      return assertNever(node.condition);
  }
};

/** A failure decides at once. A skipped upstream decides when all have ended, as one that still runs may fail. */
const judgeAllSuccess = (upstreams: readonly GraphNodeState[]): TaskDecision => {
  if (upstreams.some(isFailure)) return { kind: "skip", reason: "upstream_failed" };
  if (!upstreams.every(isDone)) return { kind: "wait" };
  const isSkipped = upstreams.some(({ status }) => status === "skipped");
  return isSkipped ? { kind: "skip", reason: "condition_not_met" } : { kind: "start" };
};

const judgeOnFailure = (upstreams: readonly GraphNodeState[]): TaskDecision => {
  if (!upstreams.every(isDone)) return { kind: "wait" };
  return upstreams.some(isFailure) ? { kind: "start" } : { kind: "skip", reason: "condition_not_met" };
};

/** Returns whether a task has ended. */
export const isDone = (state: Pick<GraphNodeState, "status">): boolean =>
  state.status !== "pending" && state.status !== "running";

/** Returns whether the task failed or was skipped because of a failure further up. */
const isFailure = (state: GraphNodeState): boolean =>
  (state.status === "failed" && state.isAllowed !== true) ||
  (state.status === "skipped" && state.reason === "upstream_failed");

/** Returns the ids of one cycle in order, with the first id repeated at the end, or null. */
export const findCycle = <Id extends string>(edges: ReadonlyMap<Id, readonly Id[]>): readonly Id[] | null => {
  const settled = new Set<Id>();
  for (const start of edges.keys()) {
    const cycle = walk(edges, start, settled);
    if (cycle !== null) return cycle;
  }
  return null;
};

/** Searches depth-first without recursion, so that long chains cannot overflow the stack. */
const walk = <Id extends string>(
  edges: ReadonlyMap<Id, readonly Id[]>,
  start: Id,
  settled: Set<Id>,
): readonly Id[] | null => {
  const path: { readonly id: Id; next: number }[] = settled.has(start) ? [] : [{ id: start, next: 0 }];
  const onPath = new Set<Id>(path.map((step) => step.id));
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const child = edges.get(top.id)?.[top.next++];
    if (child === undefined) {
      settled.add(top.id);
      onPath.delete(top.id);
      path.pop();
    } else if (onPath.has(child)) {
      const ids = path.map((step) => step.id);
      return [...ids.slice(ids.indexOf(child)), child];
    } else if (!settled.has(child)) {
      onPath.add(child);
      path.push({ id: child, next: 0 });
    }
  }
  return null;
};

/** Returns every direct and indirect upstream of `id`. */
export const upstreamsOf = <Id extends string>(edges: ReadonlyMap<Id, readonly Id[]>, id: Id): ReadonlySet<Id> => {
  const found = new Set<Id>();
  const queue = [...(edges.get(id) ?? [])];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    queue.push(...(edges.get(next) ?? []));
  }
  return found;
};

/** Returns the nodes in topological order; ties keep the given order. The graph must not have a cycle. */
export const topological = <Id extends string, T extends { readonly id: Id; readonly dependsOn: readonly Id[] }>(
  nodes: readonly T[],
): readonly T[] => {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const added = new Set<Id>();
  const ordered: T[] = [];
  const addWithUpstreams = (start: T): void => {
    const stack = [start];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const missing = top.dependsOn.flatMap((id) => (added.has(id) ? [] : (byId.get(id) ?? [])))[0];
      if (missing !== undefined) {
        stack.push(missing);
        continue;
      }
      stack.pop();
      if (added.has(top.id)) continue;
      added.add(top.id);
      ordered.push(top);
    }
  };
  nodes.forEach(addWithUpstreams);
  return ordered;
};
