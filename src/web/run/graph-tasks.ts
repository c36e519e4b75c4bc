import { waitsForText } from "../../domain/words/waits-for.ts";
import type { TaskRunData } from "../data/shapes.ts";
import type { GraphTask } from "../graph/graph-task.ts";
import { shownStatus } from "../ui/status/task-status.ts";
import { itemsText } from "./items/item-rows.ts";
import { workerOf } from "./machines.tsx";

const known = new WeakMap<TaskRunData, GraphTask>();

/** Returns a task of a run as a node of its graph: the same object for the same task, so that it is not rendered again. */
export const graphTask = (task: TaskRunData): GraphTask => {
  const node = known.get(task) ?? toNode(task);
  known.set(task, node);
  return node;
};

const toNode = (task: TaskRunData): GraphTask => ({
  id: task.task_id,
  name: task.name,
  type: task.type,
  dependsOn: task.depends_on,
  condition: task.condition,
  runsOn: task.runs_on,
  progress: {
    status: shownStatus(task),
    attempts: task.attempts,
    startedAt: task.started_at,
    durationMs: task.duration_ms,
    retryAt: task.retry_at,
    isReused: task.reused,
    worker: workerOf(task),
    waitsFor: task.waits_for === null ? null : waitsForText(task.waits_for),
    items: task.items === null || task.items.total === 0 ? null : itemsText(task.items),
  },
});
