import type { RunDetail } from "../../api/shapes/run.ts";
import type { TaskRunList } from "../../api/shapes/task.ts";
import type { Client } from "../../client/client.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import type { RunView, TaskView } from "../run-display/view.ts";

/** A run with its tasks at one moment, as petit sends them. */
export type RunSnapshot = { readonly run: typeof RunDetail.static; readonly tasks: readonly TaskBody[] };

export type TaskBody = (typeof TaskRunList.static)["tasks"][number];

export const readRun = async (client: Client, runId: string): Promise<RunSnapshot> => {
  const params = { run_id: runId };
  const run = await client.get("/api/runs/:run_id", { params });
  return { run, tasks: (await client.get("/api/runs/:run_id/tasks", { params })).tasks };
};

export const viewOf = ({ run, tasks }: RunSnapshot): RunView => ({
  id: run.id,
  jobId: run.job_id,
  status: run.status,
  startedAt: run.started_at,
  waitsFor: run.waits_for === null ? null : waitsForText(run.waits_for),
  tasks: tasks.map(taskView),
});

const taskView = (task: TaskBody): TaskView => ({
  id: task.task_id,
  status: task.status,
  reason: task.reason,
  error: task.error,
  attempts: task.attempts,
  startedAt: task.started_at,
  endedAt: task.ended_at,
  retryAt: task.retry_at,
  reused: task.reused,
  childRunId: task.child_run_id,
  runsJob: task.runs_job !== null,
  allowed: task.allowed,
});
