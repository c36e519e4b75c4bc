import type { TaskRunData } from "../data/shapes.ts";
import type { GraphTask } from "../graph/graph-task.ts";

/** A task of a run as a node of its graph. */
export const graphTask = (task: TaskRunData): GraphTask => ({
  id: task.task_id,
  name: task.name,
  type: task.type,
  dependsOn: task.depends_on,
  condition: task.condition,
  progress: {
    status: task.status,
    attempts: task.attempts,
    startedAt: task.started_at,
    durationMs: task.duration_ms,
    retryAt: task.retry_at,
    isReused: task.reused,
  },
});
