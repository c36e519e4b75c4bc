import type { TopItem, TopTask } from "../../data/shapes.ts";
import type { ShownRun } from "../state.ts";

/** A task in the tree of a run, or one of its items. */
export type TreeRow = {
  readonly task: TopTask;
  /** The lines of the tree before the name, such as `│ └ `. */
  readonly branch: string;
  /** The item of the task that the row is about; null for the task itself. */
  readonly item: TopItem | null;
  /** Further dependencies, which the tree does not show as its parent. */
  readonly also: readonly string[];
};

/** Deeper levels are not indented further. */
const MAX_INDENT = 12;

/**
 * Returns the graph of a run as the rows of a tree. A task is below the last of its dependencies that can start, the one with the
 * longest way from a root; `also` names the others. The order is that of the job file. The items of a task follow it.
 */
export const treeOf = (tasks: readonly TopTask[], items: ShownRun["items"]): readonly TreeRow[] => {
  const byId = new Map(tasks.map((task) => [task.task_id, task]));
  const depths = depthsOf(tasks, byId);
  const depthOf = (id: string): number => depths.get(id) ?? 0;
  const parentOf = ({ depends_on }: TopTask): string | null =>
    depends_on
      .filter((id) => byId.has(id))
      .reduce<string | null>((best, id) => (best === null || depthOf(id) > depthOf(best) ? id : best), null);
  const parents = new Map(tasks.map((task) => [task.task_id, parentOf(task)]));
  const children = Map.groupBy(tasks, (task) => parents.get(task.task_id) ?? null);
  const rows: TreeRow[] = [];
  const add = (task: TopTask, { branch, below }: { readonly branch: string; readonly below: string }): void => {
    const also = task.depends_on.filter((id) => id !== parents.get(task.task_id));
    rows.push({ task, item: null, branch, also });
    for (const item of items?.taskId === task.task_id ? items.items : [])
      rows.push({ task, item, branch: `${below}· `, also: [] });
    const own = children.get(task.task_id) ?? [];
    const isDeep = below.length >= MAX_INDENT * 2;
    for (const [index, child] of own.entries()) {
      const isLast = index === own.length - 1;
      add(child, {
        branch: isDeep ? `${below.slice(0, -2)}⋯ ` : `${below}${isLast ? "└ " : "├ "}`,
        below: isDeep ? below : `${below}${isLast ? "  " : "│ "}`,
      });
    }
  };
  for (const root of children.get(null) ?? []) add(root, { branch: "", below: "" });
  return rows;
};

/** Returns the number of tasks on the longest way to each task. A graph of petit has no cycles. */
const depthsOf = (tasks: readonly TopTask[], byId: ReadonlyMap<string, TopTask>): ReadonlyMap<string, number> => {
  const depths = new Map<string, number>();
  const measure = (task: TopTask): number => {
    const known = depths.get(task.task_id);
    if (known !== undefined) return known;
    // Ends the recursion even if a graph that this client was sent had a cycle.
    depths.set(task.task_id, 0);
    const upstream = task.depends_on.map((id) => byId.get(id)).filter((each) => each !== undefined);
    const depth = upstream.length === 0 ? 0 : 1 + Math.max(...upstream.map(measure));
    depths.set(task.task_id, depth);
    return depth;
  };
  for (const task of tasks) measure(task);
  return depths;
};
