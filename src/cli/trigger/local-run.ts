import { parseTaskId, type RunId } from "../../domain/ids.ts";
import type { TaskRun } from "../../domain/task-run.ts";
import type { Engine } from "../../engine/engine.ts";
import type { TailQuery } from "../run-display/error-excerpt.ts";
import type { RunView, TaskView } from "../run-display/view.ts";

type LocalStore = Pick<Engine["store"], "runs" | "output">;

/** Returns a run of this process for display. */
export const localRunView = ({ runs }: LocalStore, { id }: { readonly id: RunId }): RunView => {
  const { jobId, status, startedAt } = runs.find(id) ?? { jobId: "", status: "running", startedAt: null };
  return { id, jobId, status, startedAt, tasks: runs.listTaskRuns(id).map(taskView) };
};

const taskView = ({ taskId, ...task }: TaskRun): TaskView => ({ id: taskId, ...task });

/** Returns the last lines of an attempt of this process. */
export const readLocalTail = (
  { output }: LocalStore,
  runId: RunId,
  { taskId, attempt, stream, limit }: TailQuery,
): readonly string[] => {
  const task = parseTaskId(taskId);
  if (task === null) return [];
  const filter = { runId, taskId: task, attempt, ...(stream === null ? {} : { stream }) };
  // Each chunk has at least one line.
  const chunks = output.read({ ...filter, fromSeq: 1, limit, reverse: true }).toReversed();
  if (chunks.length === 0) return [];
  const text = Buffer.concat(chunks.map(({ bytes }) => bytes)).toString();
  return text.replace(/\n$/, "").split("\n").slice(-limit);
};
