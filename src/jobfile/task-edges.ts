import type { JobDraft } from "./schema/job.ts";

/** The upstream ids of each task, by id. If an id is repeated, the first task counts. */
export type TaskEdges = ReadonlyMap<string, readonly string[]>;

export const taskEdges = ({ tasks = [] }: Pick<JobDraft, "tasks">): TaskEdges => {
  const edges = new Map<string, readonly string[]>();
  for (const task of tasks) {
    if (task?.id === undefined || edges.has(task.id)) continue;
    edges.set(
      task.id,
      (task.depends_on ?? []).filter((id) => id !== undefined),
    );
  }
  return edges;
};
