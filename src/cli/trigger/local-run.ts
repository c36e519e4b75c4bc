import { parseTaskId, type RunId } from "../../domain/ids.ts";
import { isAllowedFailure, type Job, taskOf } from "../../domain/job.ts";
import { groupFailures } from "../../domain/output/failure-groups.ts";
import type { TaskRun } from "../../domain/task-run.ts";
import type { Engine } from "../../engine/engine.ts";
import type { ExcerptSource } from "../run-display/error-excerpt.ts";
import type { RunView, TaskView } from "../run-display/view.ts";

type LocalStore = Pick<Engine["store"], "runs" | "output" | "jobs">;

/** Returns a function that reads a run of this process for display. Its definition never changes, and is read once. */
export const localRunReader = ({ runs, jobs }: LocalStore, { id }: { readonly id: RunId }): (() => RunView) => {
  const first = runs.find(id);
  const definition = first === null ? null : jobs.getDefinition(first.versionId);
  return () => {
    const run = runs.find(id);
    if (run === null || definition === null)
      return { id, jobId: "", status: "running", startedAt: null, waitsFor: null, tasks: [] };
    const { jobId, status, startedAt } = run;
    return {
      id,
      jobId,
      status,
      startedAt,
      waitsFor: null,
      tasks: runs.listTaskRuns(id).map((task) => taskView(task, definition)),
    };
  };
};

const taskView = ({ taskId, ...task }: TaskRun, definition: Job): TaskView => ({
  id: taskId,
  ...task,
  runsJob: taskOf(definition, taskId).program.type === "job",
  allowed: isAllowedFailure(taskOf(definition, taskId), task),
});

/** Returns the source of the last error lines of a run of this process. */
export const localSource = ({ runs, output }: LocalStore, runId: RunId): ExcerptSource => ({
  findCause: async ({ taskId, item, attempt }) =>
    runs.listAttempts(runId).find((each) => each.taskId === taskId && each.item === item && each.attempt === attempt)
      ?.cause ?? null,
  readTail: async ({ taskId, item, attempt, stream, limit }) => {
    const task = parseTaskId(taskId);
    if (task === null) return [];
    const filter = {
      runId,
      taskId: task,
      attempt,
      ...(item === null ? {} : { item }),
      ...(stream === null ? {} : { stream }),
    };
    // Each chunk has at least one line.
    const chunks = output.read({ ...filter, fromSeq: 1, limit, reverse: true }).toReversed();
    if (chunks.length === 0) return [];
    const text = Buffer.concat(chunks.map(({ bytes }) => bytes)).toString();
    return text.replace(/\n$/, "").split("\n").slice(-limit);
  },
  listFailures: async (taskId) => {
    const task = parseTaskId(taskId);
    return task === null ? [] : groupFailures(runs.listFailedItems(runId, task));
  },
  listFailedItems: async (taskId, limit) => {
    const task = parseTaskId(taskId);
    return task === null ? [] : runs.listItems({ runId, taskId: task, status: "failed", limit });
  },
});
