import type { TaskId } from "../../../domain/ids.ts";
import type { TaskNode } from "../../../store/runs/task-runs.ts";

/** Identifies an item in a map of tasks and items. It differs from every task id. */
type ItemKey = `${TaskId}#${number}`;

/** Identifies a task or an item of a task within a run. */
export type NodeKey = TaskId | ItemKey;

export const itemKey = (taskId: TaskId, item: number): ItemKey => `${taskId}#${item}`;

export const nodeKey = ({ taskId, item }: TaskNode): NodeKey => (item === null ? taskId : itemKey(taskId, item));
