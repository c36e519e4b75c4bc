import type { AnyStatus } from "../ui/status/status.tsx";
import type { GraphTask } from "./graph-task.ts";
import { ranksOf } from "./layout/ranks.ts";

/** What a graph draws as one node: a task, or parallel tasks. */
export type DrawnNode = {
  /** Id of the first task. */
  readonly id: string;
  readonly tasks: readonly GraphTask[];
  /** Ids of other nodes. */
  readonly dependsOn: readonly string[];
};

/** Fewer parallel tasks are not worth a group. */
const MIN_GROUP = 5;

/**
 * Returns groups of parallel tasks: tasks of the same rank and condition that share the first part of their names, such as
 * `load_orders` and `load_users`, or that have the same dependencies and dependents. Because all tasks of a group have the
 * same rank, edges between groups never form a cycle.
 */
export const parallelGroups = (tasks: readonly GraphTask[]): readonly (readonly GraphTask[])[] => {
  const ranks = ranksOf(tasks);
  const levelOf = ({ id, condition }: GraphTask): string => `${ranks.get(id)} ${condition}`;
  const named = groupsBy(tasks, (task) => `${levelOf(task)} ${stemOf(task.id)}`);
  const groupOf = new Map(named.flatMap((group) => group.map(({ id }) => [id, group[0]?.id ?? id] as const)));
  const idsOf = (ids: readonly string[]): string => [...new Set(ids.map((id) => groupOf.get(id) ?? id))].sort().join();
  const dependents = Map.groupBy(
    tasks.flatMap(({ id, dependsOn }) => dependsOn.map((upstream) => ({ upstream, id }))),
    ({ upstream }) => upstream,
  );
  const twins = groupsBy(
    tasks.filter(({ id }) => !groupOf.has(id)),
    (task) =>
      [levelOf(task), idsOf(task.dependsOn), idsOf((dependents.get(task.id) ?? []).map(({ id }) => id))].join("|"),
  );
  return [...named, ...twins];
};

const groupsBy = (tasks: readonly GraphTask[], keyOf: (task: GraphTask) => string): readonly (readonly GraphTask[])[] =>
  [...Map.groupBy(tasks, keyOf).values()].filter(({ length }) => length >= MIN_GROUP);

/** Returns the part of an id before its last separator, or without its digits: `load` for `load_orders`, `t` for `t12`. */
const stemOf = (id: string): string => /^(.*\D.*?)[_.-][^_.-]*$/.exec(id)?.[1] ?? id.replace(/\d+$/, "");

/** Returns the nodes to draw, with each of these groups as one node. */
export const nodesOf = (
  tasks: readonly GraphTask[],
  collapsed: readonly (readonly GraphTask[])[],
): readonly DrawnNode[] => {
  const nodeOf = new Map(collapsed.flatMap((group) => group.map(({ id }) => [id, group[0]?.id ?? id] as const)));
  const groups = Map.groupBy(tasks, ({ id }) => nodeOf.get(id) ?? id);
  return [...groups].map(([id, members]) => ({
    id,
    tasks: members,
    dependsOn: [...new Set(members.flatMap(({ dependsOn }) => dependsOn.map((each) => nodeOf.get(each) ?? each)))],
  }));
};

/** Names a group after its first and its last task: `part_0 … part_99`. */
export const groupName = (tasks: readonly GraphTask[]): string => `${tasks[0]?.name} … ${tasks.at(-1)?.name}`;

/** Statuses from the most to the least urgent. */
const URGENCY = [
  "failed",
  "interrupted",
  "cancelled",
  "running",
  "waiting",
  "pending",
  "completed",
  "skipped",
] as const;

export type StatusCount = { readonly status: AnyStatus; readonly count: number };

/** Counts the statuses of a group, the most urgent first. Empty in a definition. */
export const statusCounts = (tasks: readonly GraphTask[]): readonly StatusCount[] =>
  URGENCY.map((status) => ({
    status,
    count: tasks.filter(({ progress }) => progress?.status === status).length,
  })).filter(({ count }) => count > 0);

/** Returns the status of a group: running while some tasks are done and others are not. */
export const groupStatus = (counts: readonly StatusCount[]): AnyStatus | null => {
  const [first] = counts;
  if (first === undefined) return null;
  const isUnderway = first.status === "pending" && counts.some(({ status }) => status === "completed");
  return isUnderway ? "running" : first.status;
};
