import { upstreamsOf } from "../../../domain/graph.ts";
import type { TaskId } from "../../../domain/ids.ts";
import type { Job, Task } from "../../../domain/job.ts";
import { Expression } from "../../../jobfile/expression/expression.ts";
import { findTemplates, parseIf } from "../../../jobfile/template.ts";

/** Returns the upstream tasks to whose status or outputs the `if` or a template of a task refers. `tasks.*` refers to all. */
export const referredTasks = (job: Job, task: Task): ReadonlySet<TaskId> => {
  const names = new Set(namesIn(task, task.if));
  const upstreams = upstreamsOf(new Map(job.tasks.map(({ id, dependsOn }) => [id, dependsOn])), task.id);
  return names.has(null) ? upstreams : new Set([...upstreams].filter((id) => names.has(id)));
};

/** Returns the names of the tasks that a value refers to; null stands for all. */
const namesIn = (value: unknown, condition?: string): readonly (string | null)[] => {
  const ofCondition = condition === undefined ? [] : namesOf(parseIf(condition));
  if (typeof value === "string") return [...ofCondition, ...namesInText(value)];
  if (typeof value !== "object" || value === null) return ofCondition;
  return [...ofCondition, ...Object.values(value).flatMap((each) => namesIn(each))];
};

const namesInText = (text: string): readonly (string | null)[] =>
  findTemplates(text).flatMap(({ expression, reference }) => {
    if (reference === null) return namesOf(Expression.parse(expression));
    return reference.kind === "output" ? [reference.task] : [];
  });

const namesOf = (expression: ReturnType<typeof parseIf>): readonly (string | null)[] => {
  if (!(expression instanceof Expression)) return [];
  const ofTasks = expression.references.filter(({ context }) => context === "tasks");
  return ofTasks.map(({ names: [name] }) => name ?? null);
};
