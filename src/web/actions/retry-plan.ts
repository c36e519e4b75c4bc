import type { TaskStatus } from "../../domain/task-run.ts";

/** Which tasks a retry runs again: what did not complete, one task, a task and all tasks after it, or all. */
export type RerunChoice =
  | { readonly kind: "rest" }
  | { readonly kind: "all" }
  | { readonly kind: "task" | "from"; readonly taskId: string };

type PlannedTask = { readonly task_id: string; readonly depends_on: readonly string[]; readonly status: TaskStatus };

/** Returns the tasks that a retry runs again, in the order of the job file. petit decides by the current definition of the job. */
export const rerunTasks = <Task extends PlannedTask>(tasks: readonly Task[], scope: RerunChoice): readonly Task[] => {
  if (scope.kind === "all") return tasks;
  if (scope.kind === "rest") {
    const kept = keptTasks(tasks);
    return tasks.filter(({ task_id }) => !kept.has(task_id));
  }
  const after = tasksAfter(tasks, scope.taskId);
  return tasks.filter(
    ({ task_id, status }) =>
      task_id === scope.taskId || (after.has(task_id) && (scope.kind === "from" || status !== "completed")),
  );
};

/** Returns the completed tasks whose dependencies all completed. */
const keptTasks = (tasks: readonly PlannedTask[]): ReadonlySet<string> => {
  const byId = new Map(tasks.map((task) => [task.task_id, task]));
  const known = new Map<string, boolean>();
  const isKept = (id: string): boolean => {
    const task = byId.get(id);
    const before = known.get(id);
    if (before !== undefined) return before;
    const kept = task !== undefined && task.status === "completed" && task.depends_on.every(isKept);
    known.set(id, kept);
    return kept;
  };
  return new Set(tasks.map(({ task_id }) => task_id).filter(isKept));
};

/** Returns the ids of the tasks that depend on a task, directly or not. */
const tasksAfter = (tasks: readonly PlannedTask[], taskId: string): ReadonlySet<string> => {
  const after = new Set([taskId]);
  for (let size = 0; size !== after.size; ) {
    size = after.size;
    for (const { task_id, depends_on } of tasks) if (depends_on.some((id) => after.has(id))) after.add(task_id);
  }
  after.delete(taskId);
  return after;
};
