import { upstreamsOf } from "../../../domain/graph.ts";
import type { TaskId } from "../../../domain/ids.ts";
import type { Item } from "../../../domain/item.ts";
import type { Job } from "../../../domain/job.ts";
import type { Run } from "../../../domain/run.ts";
import type { TemplateScope } from "../../../jobfile/template.ts";
import type { Json } from "../../../lib/json.ts";
import type { TaskNode } from "../../../store/runs/task-runs.ts";
import type { NodeKey } from "../plan/node.ts";
import { stateOf, type TaskProgress } from "../plan/progress.ts";

/** The state of a run. Templates and expressions can refer to it, and the next steps follow from it. */
export type RunState = {
  readonly job: Job;
  readonly run: Run;
  /** The items of each task that was expanded. */
  readonly items: ReadonlyMap<TaskId, readonly Item[]>;
  readonly progress: ReadonlyMap<NodeKey, TaskProgress>;
  /** Returns the event that started the run; null if none did. It is read when it is needed. */
  readonly event: () => Json;
};

/** Returns an item of an expanded task; null for the task itself. */
export const itemOf = (items: RunState["items"], { taskId, item }: TaskNode): Item | null =>
  item === null ? null : (items.get(taskId)?.[item] ?? null);

/**
 * Returns the values for the templates of a task, or of an item of it: what its upstream tasks have produced, and the item. Without
 * a task, those for the outputs of the job: what all tasks have produced.
 */
export const scopeOfState = (
  { job, run, progress, event }: RunState,
  { taskId, item }: { readonly taskId: TaskId | null; readonly item: Item | null },
): TemplateScope => {
  const upstreams =
    taskId === null ? null : upstreamsOf(new Map(job.tasks.map(({ id, dependsOn }) => [id, dependsOn])), taskId);
  const states = job.tasks
    .filter(({ id }) => upstreams?.has(id) ?? true)
    .map(({ id }) => [id, stateOf(progress, { taskId: id, item: null })] as const);
  return {
    params: run.params,
    config: job.config,
    outputs: new Map(states.map(([id, { outputs }]) => [id, outputs])),
    statuses: new Map(states.map(([id, { status }]) => [id, status])),
    itemCounts: new Map(states.flatMap(([id, { items }]) => (items === undefined ? [] : [[id, items]]))),
    item,
    jobId: job.id,
    runId: run.id,
    scheduledFor: run.scheduledFor,
    intervalStart: run.intervalStart,
    get event() {
      return event();
    },
  };
};
