import type { JobDraft, TaskDraft } from "./schema.ts";

/** The ids of every task that a task waits for, directly or further up. */
export const upstreamIds = ({ tasks = [] }: JobDraft, task: TaskDraft): ReadonlySet<string> => {
  const byId = new Map(tasks.map((other) => [other?.id, other]));
  const found = new Set<string>();
  const queue = [...(task.depends_on ?? [])];
  for (let id = queue.pop(); queue.length > 0 || id !== undefined; id = queue.pop()) {
    if (id === undefined || found.has(id)) continue;
    found.add(id);
    queue.push(...(byId.get(id)?.depends_on ?? []));
  }
  return found;
};
